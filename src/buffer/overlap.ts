// The messages of the new connection while two connections are open. They wait until the old connection has ended. This
// module does not classify or deliver messages.
import { MemoryBudget } from "./memory-budget.js";
import type { Arrival, MessageStream } from "./message-stream.js";
import type { ReplayPort } from "./replay-port.js";

/** A message that arrived on the new connection, with or without a position in a stream. */
export type WaitingMessage<Message> =
  Arrival<Message> | { readonly message: Message; readonly bytes: number; readonly stream: undefined };

/**
 * Stores the messages of the new connection and reports when the old connection has caught up with the new connection.
 */
export class Overlap<Message> {
  /** The number of the new connection. */
  readonly connection: number;
  /** True if the new connection has ended. No replay can then be requested on it. */
  isOver = false;
  readonly #maxWaiting: number;
  readonly #port: Pick<ReplayPort<Message>, "onOverlapCaughtUp" | "onOverlapFull">;
  readonly #seen = new Set<MessageStream<Message>>();
  /** The streams that have not caught up. Each value is the first message of the stream on the new connection. */
  readonly #notCaughtUp = new Map<MessageStream<Message>, Arrival<Message>>();
  readonly #memory: MemoryBudget;
  /** The waiting messages in order of arrival. A removed message is replaced by `undefined`. */
  #waiting: (WaitingMessage<Message> | undefined)[] = [];
  /** The indexes in `#waiting` of the messages of each stream. */
  readonly #indexes = new Map<MessageStream<Message>, number[]>();
  #hasCaughtUp = false;
  #isFull = false;

  constructor(
    connection: number,
    maxWaiting: number,
    maxBytes: number,
    port: Pick<ReplayPort<Message>, "onOverlapCaughtUp" | "onOverlapFull">,
  ) {
    this.connection = connection;
    this.#maxWaiting = maxWaiting;
    this.#memory = new MemoryBudget(maxBytes);
    this.#port = port;
  }

  get length(): number {
    return this.#memory.count;
  }

  add(waiting: WaitingMessage<Message>): void {
    if (waiting.stream !== undefined) this.#recordIndex(waiting.stream, this.#waiting.length);
    this.#waiting.push(waiting);
    this.#memory.add(waiting.bytes);
    if (this.#isFull || (this.length < this.#maxWaiting && !this.#memory.isFull)) return;
    this.#isFull = true;
    this.#port.onOverlapFull();
  }

  #recordIndex(stream: MessageStream<Message>, index: number): void {
    const indexes = this.#indexes.get(stream);
    if (indexes === undefined) this.#indexes.set(stream, [index]);
    else indexes.push(index);
  }

  /** True if messages of the stream wait in this overlap. */
  has(stream: MessageStream<Message>): boolean {
    return this.#indexes.has(stream);
  }

  /** Removes and returns the waiting messages of one stream. */
  pull(stream: MessageStream<Message>): Arrival<Message>[] {
    const indexes = this.#indexes.get(stream) ?? [];
    this.#indexes.delete(stream);
    return indexes.map((index) => {
      const arrival = this.#waiting[index] as Arrival<Message>;
      this.#waiting[index] = undefined;
      this.#memory.remove(arrival.bytes);
      return arrival;
    });
  }

  /** Removes and returns all waiting messages, and stops watching streams. */
  end(): WaitingMessage<Message>[] {
    for (const stream of this.#notCaughtUp.keys()) stream.isWatched = false;
    this.#notCaughtUp.clear();
    this.#indexes.clear();
    const waiting = this.#waiting.filter((message) => message !== undefined);
    this.#waiting = [];
    return waiting;
  }

  /** The stream table evicted this stream. No message of the stream waits in this overlap. */
  forget(stream: MessageStream<Message>): void {
    this.#seen.delete(stream);
    this.#notCaughtUp.delete(stream);
  }

  /** A message arrived on the new connection. */
  onNewConnectionMessage(arrival: Arrival<Message>): void {
    const { stream } = arrival;
    // The old connection cannot catch up if it has delivered no message of this stream.
    if (this.#seen.has(stream) || stream.window.sequence === undefined) return;
    this.#seen.add(stream);
    stream.isWatched = true;
    this.#notCaughtUp.set(stream, arrival);
    this.onCursorMoved(stream);
  }

  /** Must be called after a message of the old connection was delivered. */
  onCursorMoved(stream: MessageStream<Message>): void {
    const first = this.#notCaughtUp.get(stream);
    if (first === undefined || !hasCaughtUp(stream, first)) return;
    stream.isWatched = false;
    this.#notCaughtUp.delete(stream);
    if (this.#notCaughtUp.size > 0 || this.#hasCaughtUp) return;
    this.#hasCaughtUp = true;
    this.#port.onOverlapCaughtUp();
  }
}

/** True if the old connection has delivered all messages that precede the first message of the new connection. */
function hasCaughtUp<Message>(stream: MessageStream<Message>, { id, epoch }: Arrival<Message>): boolean {
  try {
    return !stream.isNewEpoch(epoch) && stream.window.classify(id) !== "ahead";
  } catch {
    // If a function of the application throws, the stream counts as caught up. The error is reported when the message
    // is received.
    return true;
  }
}
