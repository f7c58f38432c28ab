import { MemoryBudget } from "./memory-budget.js";
import type { Arrival, MessageStream } from "./message-stream.js";

/** What came on the new link: in a sequence, or outside of all. */
export type WaitingMessage<Message> =
  Arrival<Message> | { readonly message: Message; readonly bytes: number; readonly stream: undefined };

/** Two links at once: what the new one brings waits here until the old one has ended. */
export class Overlap<Message> {
  /** The new link. */
  readonly connection: number;
  /** The new link has ended, or takes no question any more. */
  isOver = false;
  /** Doubles before it began. */
  readonly duplicatesBefore: number;
  readonly #maxWaiting: number;
  readonly #handler: { onCaughtUp(): void; onFull(): void };
  readonly #seen = new Set<MessageStream<Message>>();
  /** Streams that began on the new link further on than the old link is, and the arrival they began with. */
  readonly #notCaughtUp = new Map<MessageStream<Message>, Arrival<Message>>();
  readonly #memory: MemoryBudget;
  /** In the order of arrival; `undefined` in the place of a message that was pulled out. */
  #waiting: (WaitingMessage<Message> | undefined)[] = [];
  /** The places of each stream's messages. */
  readonly #indexes = new Map<MessageStream<Message>, number[]>();
  #hasCaughtUp = false;
  #isFull = false;

  constructor(
    plan: {
      readonly connection: number;
      readonly maxWaiting: number;
      readonly maxBytes: number;
      readonly duplicatesBefore: number;
    },
    handler: { onCaughtUp(): void; onFull(): void },
  ) {
    this.connection = plan.connection;
    this.duplicatesBefore = plan.duplicatesBefore;
    this.#maxWaiting = plan.maxWaiting;
    this.#memory = new MemoryBudget(plan.maxBytes);
    this.#handler = handler;
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
    this.#handler.onFull();
  }

  #recordIndex(stream: MessageStream<Message>, index: number): void {
    const indexes = this.#indexes.get(stream);
    if (indexes === undefined) this.#indexes.set(stream, [index]);
    else indexes.push(index);
  }

  /** Messages of the stream wait here. */
  has(stream: MessageStream<Message>): boolean {
    return this.#indexes.has(stream);
  }

  /** Takes out what waits of one stream. */
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

  /** Takes out all that waits, and ends the watching of streams. */
  end(): WaitingMessage<Message>[] {
    for (const stream of this.#notCaughtUp.keys()) stream.isWatched = false;
    this.#notCaughtUp.clear();
    this.#indexes.clear();
    const waiting = this.#waiting.filter((one) => one !== undefined);
    this.#waiting = [];
    return waiting;
  }

  /** The table of streams has forgotten this one, of which nothing waits here. */
  forget(stream: MessageStream<Message>): void {
    this.#seen.delete(stream);
    this.#notCaughtUp.delete(stream);
  }

  /** A message came on the new link. */
  onNewConnectionMessage(arrival: Arrival<Message>): void {
    const { stream } = arrival;
    // Where the old link has brought nothing yet there is nothing to join.
    if (this.#seen.has(stream) || stream.window.sequence === undefined) return;
    this.#seen.add(stream);
    stream.isWatched = true;
    this.#notCaughtUp.set(stream, arrival);
    this.onCursorMoved(stream);
  }

  /** A message of a stream was delivered from the old link. */
  onCursorMoved(stream: MessageStream<Message>): void {
    const first = this.#notCaughtUp.get(stream);
    if (first === undefined || !hasCaughtUp(stream, first)) return;
    stream.isWatched = false;
    this.#notCaughtUp.delete(stream);
    if (this.#notCaughtUp.size > 0 || this.#hasCaughtUp) return;
    this.#hasCaughtUp = true;
    this.#handler.onCaughtUp();
  }
}

/** The old link is at most one message behind what the new one began with. */
function hasCaughtUp<Message>(stream: MessageStream<Message>, { id, epoch }: Arrival<Message>): boolean {
  try {
    return !stream.isNewEpoch(epoch) && stream.window.classify(id) !== "ahead";
  } catch {
    // What the user's function cannot tell is not waited for; its error is told when the message is taken.
    return true;
  }
}
