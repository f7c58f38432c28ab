import type { Cursor, Cursors } from "./cursor.js";
import { IdWindow } from "./id-window.js";
import { MessageStream } from "./message-stream.js";
import { NumberWindow } from "./number-window.js";
import { defaultStream, type ReplayPolicy } from "./replay-port.js";
import type { Sequence, WindowBounds } from "./sequence-window.js";

/** All streams by their names. */
export class StreamTable<Value, Message> {
  readonly #policy: ReplayPolicy<Value>;
  readonly #bounds: WindowBounds;
  readonly #onCreated: (stream: MessageStream<Message>) => void;
  readonly #streams = new Map<string, MessageStream<Message>>();
  #default: MessageStream<Message> | undefined;

  /**
   * @param onCreated - Called with a stream of which nothing was known.
   * @throws TypeError for a cursor that is none.
   */
  constructor(policy: ReplayPolicy<Value>, onCreated: (stream: MessageStream<Message>) => void) {
    this.#policy = policy;
    this.#bounds = { size: policy.window, isFrozen: false };
    this.#onCreated = onCreated;
    for (const [name, cursor] of Object.entries(policy.cursors ?? {})) this.#resume(name, cursor);
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
    return this.#streams.get(name as string) ?? this.#named(nameOf(name));
  }

  #named(name: string): MessageStream<Message> {
    const stream = this.#streams.get(name);
    if (stream !== undefined) return stream;
    const created = this.#create(name);
    this.#onCreated(created);
    return created;
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
      const stream = this.of(message);
      stream.window.judge(id);
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
