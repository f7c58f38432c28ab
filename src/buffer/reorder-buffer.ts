import { ChunkedList, type ListPosition } from "./chunked-list.js";
import type { Sequence } from "./sequence-window.js";

/** What a hold has to know of a message. */
interface BufferedMessage {
  readonly id: Sequence;
  readonly epoch: Sequence | undefined;
  readonly at: number;
  /** The request for a replay that has brought it; `undefined` for one that came on a link. */
  readonly request: object | undefined;
}

/** A message in its two lists. */
interface Slot<Message> {
  /** `undefined` once it was taken out. */
  message: Message | undefined;
  readonly at: number;
}

/** The messages of one stream that wait for those missing before them, in the order in which they are to be delivered. */
export class ReorderBuffer<Message extends BufferedMessage> {
  /** Since when its first message cannot be delivered. */
  waitingSince: number;
  /** The message before which a gap was told. Others may have come in front of it since. */
  gapReportedBefore: Message | undefined;
  /** When a replay is to be asked for. */
  requestAt: number = Infinity;
  /** Where the cursor must still stand for it, or nothing is asked; `undefined` for anywhere. */
  requestOnlyAtSequence: Sequence | undefined;
  /** How many requests for replays had been made before this hold began. */
  readonly requestsBefore: number;
  /** Bytes that its messages count for. */
  bytes = 0;
  readonly #isOrdered: boolean;
  readonly #messages = new ChunkedList<Slot<Message>>();
  /** The same messages by the time of their arrival; the first one is not taken out. */
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

  /** When the oldest of its messages came. */
  get oldestAt(): number {
    return this.#arrivals.first?.at ?? Infinity;
  }

  /** Puts a message in its place; `false` where that one is taken by the same id. */
  insert(message: Message): boolean {
    const position = this.#positionOf(message);
    const before = this.#messages.before(position)?.message;
    if (this.#isOrdered && before?.id === message.id && before.epoch === message.epoch) return false;
    this.#add(position, message);
    return true;
  }

  /** Puts a message last, whatever its id. */
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

  /** Behind all that it does not precede, among the messages of its epoch that came last. */
  #positionOf(message: Message): ListPosition {
    return this.#messages.find(
      (other) => other.message!.epoch !== message.epoch,
      (other) => this.#precedes(message, other.message!),
    );
  }

  /** Ids that count say it themselves; among others, what a replay has brought goes before what came on a link. */
  #precedes(left: Message, right: Message): boolean {
    if (left.epoch !== right.epoch) return false;
    if (this.#isOrdered) return left.id < right.id;
    return left.request !== undefined && right.request === undefined;
  }
}
