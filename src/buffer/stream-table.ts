// The streams by name, at most `maxStreams` of them. It does not decide whether a stream may be evicted: it asks its

// handler.
import type { Cursor, Cursors } from "../options/layer-options.js";
import { IdWindow } from "./id-window.js";
import { MessageStream } from "./message-stream.js";
import { NumberWindow } from "./number-window.js";
import { defaultStream, type ReplayPolicy } from "./replay-port.js";
import type { Sequence, WindowBounds } from "./sequence-window.js";

/**
 * Number of streams that are checked for eviction when a stream is created. The limit keeps the cost of a new name
 * constant.
 */
const maxChecksPerInsertion = 32;

export interface StreamTableHandler<Message> {
  /** A stream with a new name was created. */
  onCreated(stream: MessageStream<Message>): void;
  /** True if the stream has no buffered messages and no other object depends on it. */
  mayEvict(stream: MessageStream<Message>): boolean;
  onEvicted(stream: MessageStream<Message>): void;
}

/**
 * The maximum is `maxStreams` or the number of stored cursors, whichever is higher. A new stream replaces one that was
 * not used recently. The next message of an evicted stream starts a new stream.
 */
export class StreamTable<Value, Message> {
  readonly #policy: ReplayPolicy<Value>;
  readonly #bounds: WindowBounds;
  readonly #handler: StreamTableHandler<Message>;
  readonly #maxStreams: number;
  readonly #streams = new Map<string, MessageStream<Message>>();
  #default: MessageStream<Message> | undefined;
  /** Where the search for a stream to evict continues. The streams before it were used and moved to the end. */
  #search: Iterator<[string, MessageStream<Message>]> | undefined;

  /** @throws TypeError for an invalid cursor. */
  constructor(policy: ReplayPolicy<Value>, handler: StreamTableHandler<Message>) {
    const cursors = Object.entries(policy.cursors ?? {});
    this.#policy = policy;
    this.#bounds = { size: policy.window, isFrozen: false };
    this.#handler = handler;
    this.#maxStreams = Math.max(policy.maxStreams, cursors.length);
    for (const [name, cursor] of cursors) this.#resume(name, cursor);
  }

  #resume(name: string, cursor: Cursor): void {
    try {
      const stream = this.#create(name);
      stream.resume(cursor, this.#policy.epochOf !== undefined);
    } catch (cause) {
      throw new TypeError(`replay.cursors[${JSON.stringify(name)}] is not a valid cursor.`, { cause });
    }
  }

  /**
   * Returns the stream of a message and creates it if it does not exist.
   * @throws TypeError if `streamOf` returns an invalid name, and what it throws.
   */
  of(message: Value): MessageStream<Message> {
    const { streamOf } = this.#policy;
    if (streamOf === undefined) return (this.#default ??= this.#named(defaultStream));
    const name = streamOf(message);
    const stream = this.#streams.get(name as string);
    if (stream === undefined) return this.#named(nameOf(name));
    stream.isUsed = true;
    return stream;
  }

  /** As {@link of}, but returns `undefined` if the stream does not exist. */
  #existing(message: Value): MessageStream<Message> | undefined {
    const { streamOf } = this.#policy;
    return this.#streams.get(streamOf === undefined ? defaultStream : nameOf(streamOf(message)));
  }

  #named(name: string): MessageStream<Message> {
    const stream = this.#streams.get(name);
    if (stream !== undefined) {
      stream.isUsed = true;
      return stream;
    }
    if (this.#streams.size >= this.#maxStreams) this.#evictUnused();
    const created = this.#create(name);
    this.#handler.onCreated(created);
    return created;
  }

  /** A stream that was used since the last check moves to the end of the table (second-chance eviction). */
  #evictUnused(): void {
    for (let look = 0; look < maxChecksPerInsertion && this.#streams.size >= this.#maxStreams; look++) {
      this.#search ??= this.#streams.entries();
      // The iterator does not end here, because a remaining stream is added again at the end.
      const next = this.#search.next() as IteratorYieldResult<[string, MessageStream<Message>]>;
      const [name, stream] = next.value;
      this.#streams.delete(name);
      if (!stream.isUsed && this.#handler.mayEvict(stream)) this.#handler.onEvicted(stream);
      else {
        stream.isUsed = false;
        this.#streams.set(name, stream);
      }
    }
  }

  #create(name: string): MessageStream<Message> {
    const { isNext } = this.#policy;
    const window = isNext === undefined ? new NumberWindow(this.#bounds) : new IdWindow(isNext, this.#bounds);
    const stream = new MessageStream<Message>(name, window);
    this.#streams.set(name, stream);
    return stream;
  }

  [Symbol.iterator](): IterableIterator<MessageStream<Message>> {
    return this.#streams.values();
  }

  /** From now on the windows remove no id. */
  freeze(): void {
    for (const stream of this) stream.window.freeze();
    this.#bounds.isFrozen = true;
  }

  thaw(): void {
    this.#bounds.isFrozen = false;
  }

  /** Returns the cursors as they were before the `waiting` messages, oldest first, were delivered. */
  cursors(waiting: Iterable<Value>): Cursors {
    const cursors = new Map<string, Cursor | undefined>();
    for (const message of waiting) {
      const found = this.#find(message);
      if (found === undefined) continue;
      const { name } = found.stream;
      const cursor = found.stream.cursorBefore(found.id);
      // Newer messages may have replaced older ones, so the first waiting message need not be the oldest.
      if (!cursors.has(name) || isEarlier(cursor, cursors.get(name))) cursors.set(name, cursor);
    }
    for (const { name, cursor } of this) {
      if (!cursors.has(name)) cursors.set(name, cursor);
    }
    return Object.fromEntries(
      [...cursors].filter((entry): entry is [string, Cursor] => entry[1] !== undefined),
    );
  }

  /**
   * If a function of the application throws here, it also threw when the message arrived, and that error was reported.
   */
  #find(message: Value): { readonly stream: MessageStream<Message>; readonly id: Sequence } | undefined {
    try {
      const { sequence } = this.#policy;
      const id = sequence(message);
      if (id === undefined || id === null) return undefined;
      const stream = this.#existing(message);
      // A stream that was evicted since has no cursor.
      if (stream === undefined) return undefined;
      stream.window.classify(id);
      return { stream, id };
    } catch {
      return undefined;
    }
  }
}

function nameOf(name: unknown): string {
  if (name === undefined || name === null) return defaultStream;
  if (typeof name === "string" || typeof name === "number") return String(name);
  throw new TypeError(`replay.streamOf must return a string or a number, but returned ${typeof name}.`);
}

function isEarlier(cursor: Cursor | undefined, other: Cursor | undefined): boolean {
  return (
    typeof cursor?.sequence === "number" &&
    typeof other?.sequence === "number" &&
    cursor.sequence < other.sequence
  );
}
