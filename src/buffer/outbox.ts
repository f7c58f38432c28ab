// The outbox: messages that wait for a connection, and unacknowledged messages, which are sent again after a loss. It
// does not write to a connection itself: the caller gets the messages from next().
import { BufferOverflowError } from "../errors.js";
import { ChunkedList } from "./chunked-list.js";
import { KeyedQueue } from "./keyed-queue.js";
import { UnackedMessages } from "./unacked-messages.js";
import { OutboxCallbacks } from "./outbox-callbacks.js";
import type { OutboxEntry } from "./outbox-entry.js";
import type { OutboxDecision, OutboxDropCause, OutboxHandler, OutboxPolicy } from "./outbox-policy.js";
import { TokenBucket } from "./token-bucket.js";

/**
 * Default amount of additional memory, in bytes, that does not count toward `maxBytes`. Additional memory is the memory
 * that a message takes beyond its own bytes. 16,384 text messages take this amount.
 */
const defaultFreeOverhead = 16 * 1024 * 1024;

/**
 * Messages are sent in the order of the calls. On a new connection, the unacknowledged messages are sent first, then
 * the unsent messages, then newer messages.
 */
export class Outbox<Sent, Received, Message> {
  readonly #policy: OutboxPolicy<Sent, Received>;
  readonly #handler: OutboxHandler<Message>;
  readonly #callbacks: OutboxCallbacks<Sent, Received>;
  readonly #bucket: TokenBucket | undefined;
  readonly #queue: KeyedQueue<OutboxEntry<Message>> = new KeyedQueue();
  readonly #unacked: UnackedMessages<Message> | undefined;
  #isOpen = false;
  #isClosing = false;
  /** Dropped messages that are not reported to the handler yet. */
  readonly #unreported = new ChunkedList<{ readonly message: Message; readonly cause: OutboxDropCause }>();
  /** No waiting message expires before this time. */
  #expiresAt = Infinity;
  /** True if the messages expire in the order of the queue. */
  #isInOrder = true;
  /**
   * True while messages that returned from a connection exceed the limits. During that time, new messages are dropped.
   */
  #hasExcess = false;

  constructor(policy: OutboxPolicy<Sent, Received>, handler: OutboxHandler<Message>) {
    this.#policy = policy;
    this.#handler = handler;
    this.#callbacks = new OutboxCallbacks(policy, (error) => handler.onError(error));
    this.#bucket = policy.perSecond === undefined ? undefined : new TokenBucket(policy.perSecond);
    this.#unacked = policy.acknowledges === undefined ? undefined : new UnackedMessages();
  }

  /** Number of stored messages: waiting messages and unacknowledged messages. */
  get length(): number {
    return this.#queue.length + (this.#unacked?.length ?? 0);
  }

  /** Bytes of the stored messages. */
  get bytes(): number {
    return this.#queue.bytes + (this.#unacked?.bytes ?? 0);
  }

  /**
   * The number of bytes that `maxBytes` limits: the bytes of the stored messages, plus the part of their additional
   * memory that exceeds `freeOverhead`.
   */
  get load(): number {
    return this.#loadWith(0, 0);
  }

  #loadWith(size: number, overhead: number): number {
    const { freeOverhead = defaultFreeOverhead } = this.#policy;
    const all = this.#queue.overhead + (this.#unacked?.overhead ?? 0) + overhead;
    return this.bytes + size + Math.max(0, all - freeOverhead);
  }

  /** Number of messages that wait for a writer. */
  get waitingCount(): number {
    return this.#queue.length + (this.#unacked?.waitingCount ?? 0);
  }

  /**
   * True if a connection is open, no message waits and acknowledgements are off. In this state, a message can be
   * written without a call of {@link send}.
   */
  get isClear(): boolean {
    return this.#isOpen && this.#queue.length === 0 && this.#unacked === undefined;
  }

  /**
   * Time in milliseconds at which {@link next} must be called, because a message may be sent or has expired. A time in
   * the past means immediately, Infinity means never.
   */
  get nextAt(): number {
    if (this.waitingCount === 0) return Infinity;
    const bucketAt = this.#isClosing ? undefined : this.#bucket?.nextAt;
    return Math.min(this.#expiresAt, this.#isOpen ? (bucketAt ?? -Infinity) : Infinity);
  }

  /**
   * Adds a message. If the result is `write`, the caller must write the message before any other message. The caller
   * must withdraw the message if the writer does not accept it.
   */
  send(entry: OutboxEntry<Message>, sent: Sent, now: number): OutboxDecision {
    this.stamp(entry, now);
    this.#expire(now);
    this.#hasExcess &&= this.#isOver();
    if (this.#unacked !== undefined) {
      const id = this.#callbacks.idOf(sent);
      if (id !== undefined && !this.#unacked.claim(id, entry)) this.#callbacks.reportDuplicateId(id);
    }
    if (this.#policy.overflow === "conflate" && !this.#canWriteNow()) entry.key = this.#callbacks.keyOf(sent);
    // A call of `idOf` or `keyOf`, or an error listener, may have ended the client.
    if (!this.#handler.isAccepting()) {
      this.#settle(entry);
      return "ended";
    }
    const canWriteNow = this.#canWriteNow();
    if (canWriteNow && entry.id === undefined) return "write";
    if (!canWriteNow && this.#conflate(entry, now)) return "queued";
    const isFull = this.#exceeds(entry);
    if (isFull && this.#policy.overflow === "error") {
      this.#settle(entry);
      return "refused";
    }
    if (isFull && this.#hasExcess) {
      this.#drop([entry], "overflow");
      return "dropped";
    }
    const displaced = isFull ? this.#makeRoom(entry) : undefined;
    if (canWriteNow) this.#unacked!.append(entry);
    else {
      this.#isInOrder ||= this.#queue.length === 0;
      this.#markWaiting(entry, now);
      this.#queue.push(entry);
    }
    if (displaced !== undefined) this.#drop(displaced, "overflow");
    return canWriteNow ? "write" : "queued";
  }

  /** Returns the next message for the writer, or `undefined` if no message may be sent before {@link nextAt}. */
  next(now: number): OutboxEntry<Message> | undefined {
    this.#expire(now);
    if (!this.#isOpen || this.waitingCount === 0) return undefined;
    if (!this.#isClosing && this.#bucket?.take(now) === false) return undefined;
    const resent = this.#unacked?.shift();
    if (resent !== undefined) return resent;
    const entry = this.#queue.shift()!;
    if (entry.id === undefined) entry.state = "untracked";
    else this.#unacked!.append(entry);
    return entry;
  }

  /**
   * Starts the time to live of a message. The time to live does not restart when a message returns from a connection.
   */
  stamp(entry: OutboxEntry<Message>, now: number): void {
    if (entry.expiresAt === Infinity) entry.expiresAt = now + (this.#policy.ttl ?? Infinity);
  }

  /** A new connection is open. All unacknowledged messages are sent first. */
  open(): void {
    this.#isOpen = true;
    this.#resendAll();
  }

  /** Stops sending and queues new messages, because the writer is about to move to another connection. */
  pause(): void {
    this.#isOpen = false;
  }

  /** Continues with the connection that was in use before {@link pause}. */
  resume(): void {
    this.#isOpen = true;
  }

  /**
   * The writer has no connection any more: messages wait until {@link open}.
   * @param unsent - Messages that were passed to the writer and of which no byte was sent, in order. They are stored
   * even if they exceed the limits.
   */
  connectionLost(unsent: readonly OutboxEntry<Message>[], now: number): void {
    this.#isOpen = false;
    const returned = unsent.filter((entry) => this.#reclaim(entry));
    if (returned.length > 0) {
      for (const entry of returned) this.#markWaiting(entry, now);
      this.#isInOrder = (this.#isInOrder || this.#queue.length === 0) && this.#expiresBeforeQueue(returned);
      this.#queue.prepend(returned);
      this.#hasExcess = this.#isOver();
    }
    this.#resendAll();
  }

  /** True if `entries` expire in the given order and before all entries of the queue. */
  #expiresBeforeQueue(entries: readonly OutboxEntry<Message>[]): boolean {
    const last = this.#queue.first?.expiresAt ?? Infinity;
    return entries.every(({ expiresAt }, index) => expiresAt <= (entries[index + 1]?.expiresAt ?? last));
  }

  /**
   * Removes an unwritten message because its call of `send()` was cancelled or refused. The outbox does not report this
   * message as dropped.
   */
  withdraw(entry: OutboxEntry<Message>): void {
    if (entry.state === "unsent") {
      this.#queue.remove((other) => other === entry);
      this.#settle(entry);
    } else if (entry.state === "inFlight" && !entry.isResent) {
      this.#unacked!.remove(entry);
    }
  }

  /** A message was received. The messages that `message` acknowledges are not sent again. */
  received(message: Received): void {
    const unacked = this.#unacked;
    if (unacked === undefined || unacked.length === 0) return;
    for (const id of this.#callbacks.acknowledgedIds(message)) unacked.acknowledge(id);
  }

  /** The client is closing: the limit `perSecond` no longer applies to waiting messages. */
  beginClosing(): void {
    this.#isClosing = true;
  }

  /** The client has ended: drops and reports all stored messages, in the order in which they would be sent. */
  end(cause: OutboxDropCause = "closed"): void {
    this.#isOpen = false;
    this.#isClosing = false;
    this.#unacked?.resendAll();
    const unacknowledged = this.#unacked?.removeWaiting(() => true) ?? [];
    this.#drop([...unacknowledged, ...this.#queue.remove(() => true)], cause);
  }

  /** Creates the error for a call whose message is refused. */
  overflowError(): BufferOverflowError {
    const { capacity, maxBytes } = this.#policy;
    const { load } = this;
    const sentCount = this.length - this.waitingCount;
    const ofThem = sentCount === 0 ? "" : `, of which ${sentCount} are sent and not acknowledged`;
    const memory = load > this.bytes ? ` (${load} bytes of memory)` : "";
    return new BufferOverflowError(
      `A message was refused: the outbox holds ${this.length} messages of ${this.bytes} bytes${memory}${ofThem}; ` +
        `outbox.capacity is ${capacity}, outbox.maxBytes is ${maxBytes}. Raise them, or choose another outbox.overflow.`,
    );
  }

  /** True if a connection is open and no older message waits. */
  #canWriteNow(): boolean {
    return this.#isOpen && this.waitingCount === 0;
  }

  /** @returns `true` if the message replaced an older message. */
  #conflate(entry: OutboxEntry<Message>, now: number): boolean {
    if (this.#policy.overflow !== "conflate") return false;
    const older = this.#queue.replaceable(entry.key);
    if (older === undefined) return false;
    const growth = entry.size - older.size;
    if (growth > 0 && this.load + growth > this.#policy.maxBytes) return false;
    this.#queue.replace(entry);
    this.#isInOrder = false;
    this.#markWaiting(entry, now);
    this.#drop([older], "overflow");
    return true;
  }

  #markWaiting(entry: OutboxEntry<Message>, now: number): void {
    entry.state = "unsent";
    this.stamp(entry, now);
    this.#expiresAt = Math.min(this.#expiresAt, entry.expiresAt);
  }

  #exceeds({ size, overhead }: OutboxEntry<Message>): boolean {
    const { length } = this;
    if (length === 0) return false;
    const { capacity, maxBytes } = this.#policy;
    return length + 1 > capacity || this.#loadWith(size, overhead) > maxBytes;
  }

  #isOver(): boolean {
    return this.length > this.#policy.capacity || this.load > this.#policy.maxBytes;
  }

  #makeRoom(entry: OutboxEntry<Message>): OutboxEntry<Message>[] {
    const displaced: OutboxEntry<Message>[] = [];
    while (this.#exceeds(entry)) {
      const oldest = this.#unacked?.first;
      if (oldest !== undefined) this.#unacked!.remove(oldest);
      displaced.push(oldest ?? this.#queue.shift()!);
    }
    return displaced;
  }

  #reclaim(entry: OutboxEntry<Message>): boolean {
    // The peer may already have received a resent message on an earlier connection. Therefore a resent message stays in
    // the list of unacknowledged messages. The messages of this list are sent before the messages that were never sent.
    const isUnacked = entry.state === "inFlight" && !entry.isResent;
    if (!isUnacked && entry.state !== "untracked") return false;
    if (isUnacked) this.#unacked!.detach(entry);
    entry.key = undefined;
    return true;
  }

  #resendAll(): void {
    if (this.#unacked !== undefined) this.#expiresAt = Math.min(this.#expiresAt, this.#unacked.resendAll());
  }

  #expire(now: number): void {
    if (now < this.#expiresAt) return;
    let earliest = Infinity;
    const isExpired = ({ expiresAt }: OutboxEntry<Message>): boolean => {
      if (expiresAt <= now) return true;
      earliest = Math.min(earliest, expiresAt);
      return false;
    };
    const expired = this.#unacked?.removeWaiting(isExpired) ?? [];
    const queue = this.#queue;
    if (!this.#isInOrder) expired.push(...queue.remove(isExpired));
    else while (queue.first !== undefined && isExpired(queue.first)) expired.push(queue.shift()!);
    this.#expiresAt = earliest;
    this.#drop(expired, "expired");
  }

  /** Settles the entries, then reports them. The caller has removed the entries from the outbox. */
  #drop(entries: readonly OutboxEntry<Message>[], cause: OutboxDropCause): void {
    for (const entry of entries) {
      this.#settle(entry);
      this.#unreported.push({ message: entry.message, cause });
    }
    // A listener may end the client during this loop. The end of the client calls this method again. The inner call
    // reports the remaining messages before the client reports its end.
    for (let next = this.#unreported.shift(); next !== undefined; next = this.#unreported.shift())
      this.#handler.onDropped(next.message, next.cause);
  }

  #settle(entry: OutboxEntry<Message>): void {
    this.#unacked?.release(entry);
    entry.state = "settled";
  }
}
