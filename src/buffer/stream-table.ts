import type { Cursor, Cursors } from "./cursor.js";
import { IdWindow } from "./id-window.js";
import { MessageStream } from "./message-stream.js";
import { NumberWindow } from "./number-window.js";
import { defaultStream, type ReplayPolicy } from "./replay-port.js";
import type { Sequence, WindowBounds } from "./sequence-window.js";

/** At most so many streams are looked at for each new one, so that a new name takes no longer where many are in use. */
const maxChecksPerInsertion = 32;

export interface StreamTableHandler<Message> {
  /** Nothing was known of this stream. */
  onCreated(stream: MessageStream<Message>): void;
  /** The stream holds nothing, and nobody else counts on it. */
  mayEvict(stream: MessageStream<Message>): boolean;
  onEvicted(stream: MessageStream<Message>): void;
}

/**
 * The streams by their names, at most `maxStreams` of them or as many as the cursors that were given. A new one takes the place
 * of one that was not used for long: then the next message of that name is the first of a new stream.
 */
export class StreamTable<Value, Message> {
  readonly #policy: ReplayPolicy<Value>;
  readonly #bounds: WindowBounds;
  readonly #handler: StreamTableHandler<Message>;
  readonly #maxStreams: number;
  readonly #streams = new Map<string, MessageStream<Message>>();
  #default: MessageStream<Message> | undefined;
  /** Where the search for a stream to forget goes on: the streams before it were used, and stand at the end. */
  #search: Iterator<[string, MessageStream<Message>]> | undefined;

  /** @throws TypeError for a cursor that is none. */
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
      throw new TypeError(`replay.cursors[${JSON.stringify(name)}] is no cursor.`, { cause });
    }
  }

  /** @throws TypeError where the user's function gives no name; and what it throws. */
  of(message: Value): MessageStream<Message> {
    const { streamOf } = this.#policy;
    if (streamOf === undefined) return (this.#default ??= this.#named(defaultStream));
    const name = streamOf(message);
    const stream = this.#streams.get(name as string);
    if (stream === undefined) return this.#named(nameOf(name));
    stream.isUsed = true;
    return stream;
  }

  /** As {@link of}, but `undefined` where the stream is not there. */
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

  /** A stream that was used since the last look is moved to the end and gets another round. */
  #evictUnused(): void {
    for (let look = 0; look < maxChecksPerInsertion && this.#streams.size >= this.#maxStreams; look++) {
      this.#search ??= this.#streams.entries();
      // It has no end: a stream that stays is put behind the others.
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

  /** No window forgets any more. */
  freeze(): void {
    for (const stream of this) stream.window.freeze();
    this.#bounds.isFrozen = true;
  }

  thaw(): void {
    this.#bounds.isFrozen = false;
  }

  /** The cursors as they were before any of the `waiting` messages, the oldest first, was delivered. */
  cursors(waiting: Iterable<Value>): Cursors {
    const cursors = new Map<string, Cursor | undefined>();
    for (const message of waiting) {
      const found = this.#find(message);
      if (found === undefined) continue;
      const { name } = found.stream;
      const cursor = found.stream.cursorBefore(found.id);
      // Where newer messages take the places of older ones, the first that waits need not be the oldest.
      if (!cursors.has(name) || isEarlier(cursor, cursors.get(name))) cursors.set(name, cursor);
    }
    for (const { name, cursor } of this) {
      if (!cursors.has(name)) cursors.set(name, cursor);
    }
    return Object.fromEntries(
      [...cursors].filter((entry): entry is [string, Cursor] => entry[1] !== undefined),
    );
  }

  /** A function of the user's that throws here has thrown before, when the message came. */
  #find(message: Value): { readonly stream: MessageStream<Message>; readonly id: Sequence } | undefined {
    try {
      const { sequence } = this.#policy;
      const id = sequence(message);
      if (id === undefined || id === null) return undefined;
      const stream = this.#existing(message);
      // A stream that was forgotten since has no cursor.
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
  throw new TypeError(`replay.streamOf gave ${typeof name}: no string and no number.`);
}

function isEarlier(cursor: Cursor | undefined, other: Cursor | undefined): boolean {
  return (
    typeof cursor?.sequence === "number" &&
    typeof other?.sequence === "number" &&
    cursor.sequence < other.sequence
  );
}
