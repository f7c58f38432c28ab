// The streams by name, and the eviction of unused streams beyond `maxStreams`. A handler decides for each stream
// whether it may be evicted.
import type { Cursor, Cursors } from "../options/layer-options.js";
import { IdWindow } from "./id-window.js";
import { MessageStream } from "./message-stream.js";
import { NumberWindow } from "./number-window.js";
import { defaultStream, type ReplayPolicy } from "./replay-port.js";
import type { WindowBounds } from "./sequence-window.js";

/**
 * Number of streams that are checked for eviction when a stream is created. The limit keeps the cost of a new stream
 * constant.
 */
const maxChecksPerInsertion = 32;

export interface StreamTableHandler<Message> {
  /** A stream with a new name was created. */
  onCreated(stream: MessageStream<Message>): void;
  /** True if the stream has no buffered messages and no other object uses the stream. */
  mayEvict(stream: MessageStream<Message>): boolean;
  onEvicted(stream: MessageStream<Message>): void;
}

/**
 * The maximum number of streams is the larger of `maxStreams` and the number of stored cursors. A new stream replaces a
 * stream that was not used recently. The next message of an evicted stream starts a new stream.
 */
export class StreamTable<Value, Message> {
  readonly #policy: ReplayPolicy<Value>;
  readonly #bounds: WindowBounds;
  readonly #handler: StreamTableHandler<Message>;
  readonly #maxStreams: number;
  readonly #streams = new Map<string, MessageStream<Message>>();
  #default: MessageStream<Message> | undefined;
  /** The streams that are checked for eviction next. A checked stream that stays is moved to the end of the table. */
  #search: Iterator<MessageStream<Message>> | undefined;

  /** @throws TypeError for an invalid cursor. */
  constructor(policy: ReplayPolicy<Value>, handler: StreamTableHandler<Message>) {
    const cursors = Object.entries(policy.cursors ?? {});
    this.#policy = policy;
    this.#bounds = { size: policy.window, isFrozen: false };
    this.#handler = handler;
    this.#maxStreams = Math.max(policy.maxStreams, cursors.length);
    for (const [name, cursor] of cursors) {
      this.#create(name).resume(cursor, policy.epochOf !== undefined);
    }
  }

  /**
   * Returns the stream of a message and creates it if it does not exist.
   * @throws TypeError if `streamOf` returns an invalid name, and any error that `streamOf` throws.
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

  /** Second-chance eviction: a stream that was used after its last check is moved to the end of the table. */
  #evictUnused(): void {
    for (let look = 0; look < maxChecksPerInsertion && this.#streams.size >= this.#maxStreams; look++) {
      this.#search ??= this.#streams.values();
      // The iterator never reaches its end. Each checked stream is evicted, or is moved to the end of the table, where
      // the iterator finds the stream again.
      const stream = this.#search.next().value as MessageStream<Message>;
      this.#streams.delete(stream.name);
      if (!stream.isUsed && this.#handler.mayEvict(stream)) this.#handler.onEvicted(stream);
      else {
        stream.isUsed = false;
        this.#streams.set(stream.name, stream);
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

  /** From now on the windows forget no id. */
  freeze(): void {
    for (const stream of this) stream.window.freeze();
    this.#bounds.isFrozen = true;
  }

  thaw(): void {
    this.#bounds.isFrozen = false;
  }

  /**
   * Returns the cursors that the streams had before the `waiting` messages were delivered.
   * @param waiting - The oldest message first.
   */
  cursors(waiting: Iterable<Value>): Cursors {
    const cursors = new Map<string, Cursor | undefined>();
    for (const message of waiting) {
      const found = this.#cursorBefore(message);
      if (found === undefined) continue;
      const [name, cursor] = found;
      // A newer message may have replaced an older message, so the first waiting message may not be the oldest message.
      if (!cursors.has(name) || isEarlier(cursor, cursors.get(name))) cursors.set(name, cursor);
    }
    for (const { name, cursor } of this) {
      if (!cursors.has(name)) cursors.set(name, cursor);
    }
    const known = [...cursors].filter(([, cursor]) => cursor !== undefined);
    return Object.fromEntries(known) as Cursors;
  }

  /**
   * Returns the name of the message's stream, and the cursor that the stream had before the message was delivered.
   * Returns `undefined` if the message has no stream, or if its stream was evicted.
   */
  #cursorBefore(message: Value): [name: string, cursor: Cursor | undefined] | undefined {
    const { sequence, streamOf } = this.#policy;
    try {
      const id = sequence(message);
      if (id === undefined || id === null) return undefined;
      const stream = this.#streams.get(nameOf(streamOf?.(message)));
      if (stream === undefined) return undefined;
      // `classify` throws for an invalid id.
      stream.window.classify(id);
      return [stream.name, stream.cursorBefore(id)];
    } catch {
      // The error is not reported again: it was thrown and reported when the message arrived.
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
