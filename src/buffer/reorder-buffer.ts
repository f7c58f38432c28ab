// The messages of one stream that wait for a missing sequence number, in the order of their delivery. It does not

// deliver messages and has no timer.
import { ChunkedList, type ListPosition } from "./chunked-list.js";
import type { Sequence } from "./sequence-window.js";

/** The members of a message that the buffer reads. */
interface BufferedMessage {
  readonly id: Sequence;
  readonly epoch: Sequence | undefined;
  readonly at: number;
  /** The replay request whose result contained the message; `undefined` for a message that arrived on a connection. */
  readonly request: object | undefined;
}

/** A message in the two lists. */
interface Slot<Message> {
  /** `undefined` after the message was removed. */
  message: Message | undefined;
  readonly at: number;
}

/** Sorts messages by id and by time of arrival. */
export class ReorderBuffer<Message extends BufferedMessage> {
  /** Time in milliseconds since which the first message has waited. */
  waitingSince: number;
  /** The message before which a gap was reported. Messages may have been inserted before it since. */
  gapReportedBefore: Message | undefined;
  /** Time in milliseconds at which a replay is requested. */
  requestAt: number = Infinity;
  /** The replay is requested only if the cursor is still at this id. `undefined`: in any case. */
  requestOnlyAtSequence: Sequence | undefined;
  /** Number of replay requests that were made before this buffer was created. */
  readonly requestsBefore: number;
  /** Bytes that the buffered messages count for. */
  bytes = 0;
  readonly #isOrdered: boolean;
  readonly #messages = new ChunkedList<Slot<Message>>();
  /** The same messages in order of arrival. The first one is never a removed message. */
  readonly #arrivals = new ChunkedList<Slot<Message>>();

  constructor(isOrdered: boolean, waitingSince: number, requestsBefore: number) {
    this.#isOrdered = isOrdered;
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

  /** Inserts a message at its position. Returns `false` if a message with the same id is already there. */
  insert(message: Message): boolean {
    const position = this.#positionOf(message);
    const before = this.#messages.before(position)?.message;
    if (this.#isOrdered && before?.id === message.id && before.epoch === message.epoch) return false;
    this.#add(position, message);
    return true;
  }

  /** Adds a message at the end, whatever its id. */
  append(message: Message): void {
    this.#add(this.#messages.end, message);
  }

  #add(position: ListPosition, message: Message): void {
    const slot: Slot<Message> = { message, at: message.at };
    this.#messages.insert(position, slot);
    this.#arrivals.insert(
      this.#arrivals.endOf((other) => other.at > slot.at),
      slot,
    );
  }

  shift(): Message | undefined {
    const slot = this.#messages.shift();
    const message = slot?.message;
    if (slot === undefined) return undefined;
    slot.message = undefined;
    while (this.#arrivals.length > 0 && this.#arrivals.first!.message === undefined) this.#arrivals.shift();
    return message;
  }

  /** The position after all messages that precede this one, among the last messages of the same epoch. */
  #positionOf(message: Message): ListPosition {
    return this.#messages.find(
      (other) => other.message!.epoch !== message.epoch,
      (other) => this.#precedes(message, other.message!),
    );
  }

  /** Numbers are compared. If ids cannot be compared, replayed messages precede those that arrived on a connection. */
  #precedes(left: Message, right: Message): boolean {
    if (left.epoch !== right.epoch) return false;
    if (this.#isOrdered) return left.id < right.id;
    return left.request !== undefined && right.request === undefined;
  }
}
