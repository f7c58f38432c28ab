// The messages of one stream that wait for a missing message, in the order of their delivery. It does not deliver
// messages and has no timer.
import { ChunkedList } from "./chunked-list.js";
import type { MemoryBudget } from "./memory-budget.js";
import type { Sequence } from "./sequence-window.js";

/** The members of a message that the buffer reads. */
interface BufferedMessage {
  readonly id: Sequence;
  readonly epoch: Sequence | undefined;
  readonly at: number;
  readonly bytes: number;
  /** The replay request that returned the message; `undefined` if the message arrived on a connection. */
  readonly request: object | undefined;
}

/** An item of the two lists of a reorder buffer. */
interface Slot<Message> {
  /** `undefined` after the message was removed. */
  message: Message | undefined;
  readonly at: number;
}

/** Sorts messages by id and by time of arrival. */
export class ReorderBuffer<Message extends BufferedMessage> {
  /** Time in milliseconds at which the wait for the missing message began. */
  waitingSince: number;
  /** The first message after the reported gap; `undefined` if no gap is reported. */
  gapReportedBefore: Message | undefined;
  /** Time in milliseconds at which a replay is requested. */
  requestAt: number = Infinity;
  /** The replay is requested only if the cursor has this id. `undefined`: the cursor is not compared. */
  requestOnlyAtSequence: Sequence | undefined;
  /** Number of replay requests that were made before this buffer was created. */
  readonly requestsBefore: number;
  /** Memory of the buffered messages in bytes. */
  bytes = 0;
  readonly #isOrdered: boolean;
  readonly #memory: MemoryBudget;
  readonly #messages = new ChunkedList<Slot<Message>>();
  /** The same messages in the order of arrival. A removed message is never the first item of this list. */
  readonly #arrivals = new ChunkedList<Slot<Message>>();

  /** @param memory - Counts the memory of the buffered messages. Several buffers may share a budget. */
  constructor(isOrdered: boolean, memory: MemoryBudget, waitingSince: number, requestsBefore: number) {
    this.#isOrdered = isOrdered;
    this.#memory = memory;
    this.waitingSince = waitingSince;
    this.requestsBefore = requestsBefore;
  }

  get length(): number {
    return this.#messages.length;
  }

  get head(): Message | undefined {
    return this.#messages.first?.message;
  }

  /** The arrival time of the oldest message. */
  get oldestAt(): number {
    return this.#arrivals.first?.at ?? Infinity;
  }

  /**
   * Inserts a message after all messages of the same epoch that precede it.
   * @param isInOrder - `false` adds the message at the end, whatever its id.
   * @returns `false` if a message with the same id is already in the buffer.
   */
  insert(message: Message, isInOrder: boolean = true): boolean {
    const list = this.#messages;
    let position = list.end;
    if (isInOrder) {
      position = list.find(
        (other) => other.message!.epoch !== message.epoch,
        (other) => this.#precedes(message, other.message!),
      );
      const before = list.before(position)?.message;
      if (this.#isOrdered && before?.id === message.id && before.epoch === message.epoch) return false;
    }
    const slot: Slot<Message> = { message, at: message.at };
    list.insert(position, slot);
    const arrivalPosition = this.#arrivals.endOf((other) => other.at > slot.at);
    this.#arrivals.insert(arrivalPosition, slot);
    this.bytes += message.bytes;
    this.#memory.add(message.bytes);
    return true;
  }

  shift(): Message | undefined {
    const slot = this.#messages.shift();
    if (slot === undefined) return undefined;
    const message = slot.message!;
    slot.message = undefined;
    this.bytes -= message.bytes;
    this.#memory.remove(message.bytes);
    while (this.#arrivals.length > 0 && this.#arrivals.first!.message === undefined) this.#arrivals.shift();
    return message;
  }

  /** Compares numbers. If ids cannot be compared, replayed messages precede messages that arrived on a connection. */
  #precedes(left: Message, right: Message): boolean {
    if (left.epoch !== right.epoch) return false;
    if (this.#isOrdered) return left.id < right.id;
    return left.request !== undefined && right.request === undefined;
  }
}
