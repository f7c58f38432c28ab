// The messages that were passed to a writer and are not acknowledged, in the order in which they were first sent. It
// does not limit their number.
import type { MessageId, OutboxEntry } from "./outbox-entry.js";

/** Memory in bytes that an id and its map entry take, as measured. */
const idOverhead = 512;

/**
 * A linked list with a map of ids. On a new connection all messages wait to be sent again. In the list, the messages
 * that were sent on the current connection precede the messages that wait.
 */
export class UnackedMessages<Message> {
  readonly #byId = new Map<MessageId, OutboxEntry<Message>>();
  #first: OutboxEntry<Message> | undefined;
  #last: OutboxEntry<Message> | undefined;
  /** The first message that waits to be sent again. */
  #next: OutboxEntry<Message> | undefined;
  #length = 0;
  #bytes = 0;
  #overhead = 0;
  #waitingCount = 0;

  get length(): number {
    return this.#length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Additional memory of the messages and their ids, in bytes. */
  get overhead(): number {
    return this.#overhead + this.#length * idOverhead;
  }

  /** Number of messages that wait to be sent again. */
  get waitingCount(): number {
    return this.#waitingCount;
  }

  get first(): OutboxEntry<Message> | undefined {
    return this.#first;
  }

  /**
   * Assigns `id` to `entry`.
   * @returns `false` if another message that is not settled has this id.
   */
  claim(id: MessageId, entry: OutboxEntry<Message>): boolean {
    if (this.#byId.has(id)) return false;
    this.#byId.set(id, entry);
    entry.id = id;
    entry.receipt = { isAcknowledged: false, isGivenUp: false };
    return true;
  }

  /** Releases the id of an entry, so that another message may use it. */
  release({ id, receipt }: OutboxEntry<Message>): void {
    if (receipt !== undefined) receipt.isGivenUp = !receipt.isAcknowledged;
    if (id !== undefined) this.#byId.delete(id);
  }

  /** Adds a message that is sent for the first time. Must not be called while messages wait to be sent again. */
  append(entry: OutboxEntry<Message>): void {
    entry.state = "inFlight";
    entry.previous = this.#last;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    this.#length++;
    this.#bytes += entry.size;
    this.#overhead += entry.overhead;
  }

  /** Returns the next message that must be sent again, and marks it as in flight. */
  shift(): OutboxEntry<Message> | undefined {
    const entry = this.#next;
    if (entry === undefined) return undefined;
    this.#next = entry.next;
    this.#waitingCount--;
    entry.state = "inFlight";
    entry.isResent = true;
    return entry;
  }

  /**
   * Marks all messages as waiting to be sent again.
   * @returns The earliest expiry time of the messages that were in flight, or Infinity.
   */
  resendAll(): number {
    let expiresAt = Infinity;
    for (let entry = this.#first; entry !== this.#next; entry = entry!.next) {
      entry!.state = "resend";
      expiresAt = Math.min(expiresAt, entry!.expiresAt);
      this.#waitingCount++;
    }
    this.#next = this.#first;
    return expiresAt;
  }

  /** @returns `false` if no message with this id was sent. */
  acknowledge(id: MessageId): boolean {
    const entry = this.#byId.get(id);
    if (entry?.state !== "inFlight" && entry?.state !== "resend") return false;
    if (entry.receipt !== undefined) entry.receipt.isAcknowledged = true;
    this.remove(entry);
    return true;
  }

  /** Removes an entry and settles it. */
  remove(entry: OutboxEntry<Message>): void {
    this.detach(entry);
    this.release(entry);
    entry.state = "settled";
  }

  /** Removes an entry without settling it. The entry keeps its id. */
  detach(entry: OutboxEntry<Message>): void {
    const { previous, next } = entry;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    if (this.#next === entry) this.#next = next;
    entry.previous = undefined;
    entry.next = undefined;
    if (entry.state === "resend") this.#waitingCount--;
    this.#length--;
    this.#bytes -= entry.size;
    this.#overhead -= entry.overhead;
  }

  /**
   * Removes and settles the waiting messages for which `shouldRemove` returns `true`. `shouldRemove` is called once for
   * each waiting message, in order.
   */
  removeWaiting(shouldRemove: (entry: OutboxEntry<Message>) => boolean): OutboxEntry<Message>[] {
    const removed: OutboxEntry<Message>[] = [];
    for (let entry = this.#next; entry !== undefined;) {
      const { next } = entry;
      if (shouldRemove(entry)) {
        removed.push(entry);
        this.remove(entry);
      }
      entry = next;
    }
    return removed;
  }
}
