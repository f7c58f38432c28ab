import type { MessageId, OutboxEntry } from "./outbox-entry.js";

/** Bytes of an id and its place in the table, as measured. */
const idOverhead = 512;

/**
 * The messages that were given to a writer and are not acknowledged, in the order in which they first went. On a new
 * connection all of them wait to be sent again; those given since are in flight, and stand before those that wait.
 */
export class UnackedMessages<Message> {
  readonly #byId = new Map<MessageId, OutboxEntry<Message>>();
  #first: OutboxEntry<Message> | undefined;
  #last: OutboxEntry<Message> | undefined;
  /** The first that waits to be sent again. */
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

  /** Bytes of memory that the messages take besides, with their ids. */
  get overhead(): number {
    return this.#overhead + this.#length * idOverhead;
  }

  /** How many wait to be sent again. */
  get waitingCount(): number {
    return this.#waitingCount;
  }

  get first(): OutboxEntry<Message> | undefined {
    return this.#first;
  }

  /** Makes `id` that of `entry`. @returns `false` where it is that of another, which is not settled. */
  claim(id: MessageId, entry: OutboxEntry<Message>): boolean {
    if (this.#byId.has(id)) return false;
    this.#byId.set(id, entry);
    entry.id = id;
    entry.receipt = { isAcknowledged: false, isGivenUp: false };
    return true;
  }

  /** The id of an entry that never went may be another's. */
  release({ id, receipt }: OutboxEntry<Message>): void {
    if (receipt !== undefined) receipt.isGivenUp = !receipt.isAcknowledged;
    if (id !== undefined) this.#byId.delete(id);
  }

  /** An entry goes for the first time. Nothing waits to be sent again. */
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

  /** The next to be sent again; it is in flight from now on. */
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
   * All wait to be sent again.
   * @returns When the first of those that were in flight expires; Infinity where none does.
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

  /** @returns `false` where no message of this id has gone. */
  acknowledge(id: MessageId): boolean {
    const entry = this.#byId.get(id);
    if (entry?.state !== "inFlight" && entry?.state !== "resend") return false;
    if (entry.receipt !== undefined) entry.receipt.isAcknowledged = true;
    this.remove(entry);
    return true;
  }

  /** Takes an entry out for good. */
  remove(entry: OutboxEntry<Message>): void {
    this.detach(entry);
    this.release(entry);
    entry.state = "settled";
  }

  /** Takes an entry out that is to go for the first time again; its id stays its own. */
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

  /** Takes out for good, of those that wait, all that `shouldRemove` says; it is asked once for each, in their order. */
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
