import type { Sequence } from "./sequence-window.js";

/** What a hold has to know of a message. */
interface Held {
  readonly id: Sequence;
  readonly epoch: Sequence | undefined;
  readonly at: number;
  /** The request for a replay that has brought it; `undefined` for one that came on a link. */
  readonly request: object | undefined;
}

/** The messages of one stream that wait for those missing before them, in the order in which they are to be delivered. */
export class Hold<Message extends Held> {
  /** Since when its first message cannot be delivered. */
  since: number;
  /** The message before which a gap was told. Others may have come in front of it since. */
  told: Message | undefined;
  /** When a replay is to be asked for. */
  askAt: number = Infinity;
  /** Where the cursor must still stand for it, or nothing is asked; `undefined` for anywhere. */
  askOnlyAt: Sequence | undefined;
  /** How many requests for replays had been made before this hold began. */
  readonly requestsBefore: number;
  readonly #isOrdered: boolean;
  #messages: (Message | undefined)[] = [];
  #head = 0;

  constructor(isOrdered: boolean, since: number, requestsBefore: number) {
    this.#isOrdered = isOrdered;
    this.since = since;
    this.requestsBefore = requestsBefore;
  }

  get length(): number {
    return this.#messages.length - this.#head;
  }

  get head(): Message | undefined {
    return this.#messages[this.#head];
  }

  /** When the oldest of its messages came. */
  get oldestAt(): number {
    let oldest = Infinity;
    for (let index = this.#head; index < this.#messages.length; index++) {
      oldest = Math.min(oldest, this.#messages[index]!.at);
    }
    return oldest;
  }

  /** Puts a message in its place; `false` where that one is taken by the same id. */
  insert(message: Message): boolean {
    const place = this.#placeOf(message);
    if (this.#isOrdered && place > this.#head) {
      const before = this.#messages[place - 1]!;
      if (before.id === message.id && before.epoch === message.epoch) return false;
    }
    if (place === this.#messages.length) this.#messages.push(message);
    else this.#messages.splice(place, 0, message);
    return true;
  }

  /** Puts a message last, whatever its id. */
  append(message: Message): void {
    this.#messages.push(message);
  }

  shift(): Message | undefined {
    const message = this.head;
    if (message !== undefined) this.#messages[this.#head++] = undefined;
    return message;
  }

  /** Behind all that it does not precede, among the messages of its epoch that came last. */
  #placeOf(message: Message): number {
    let end = this.#messages.length;
    while (end > this.#head && this.#messages[end - 1]!.epoch !== message.epoch) end--;
    if (end === this.#head) return this.#messages.length;
    let low = this.#head;
    while (low < end) {
      const middle = (low + end) >>> 1;
      if (this.#precedes(message, this.#messages[middle]!)) end = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Ids that count say it themselves; among others, what a replay has brought goes before what came on a link. */
  #precedes(left: Message, right: Message): boolean {
    if (left.epoch !== right.epoch) return false;
    if (this.#isOrdered) return left.id < right.id;
    return left.request !== undefined && right.request === undefined;
  }
}
