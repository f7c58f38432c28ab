import { BufferOverflowError } from "../errors.js";
import { KeyedQueue } from "./keyed-queue.js";
import { UnackedMessages } from "./unacked-messages.js";
import { OutboxCallbacks } from "./outbox-callbacks.js";
import type { OutboxEntry } from "./outbox-entry.js";
import type { OutboxDecision, OutboxDropCause, OutboxHandler, OutboxPolicy } from "./outbox-policy.js";
import { TokenBucket } from "./token-bucket.js";

/** So many bytes of overhead are not counted: those of 16,384 texts. Up to that `maxBytes` means the messages alone. */
const defaultFreeOverhead = 16 * 1024 * 1024;

/**
 * Messages that wait for a connection and, where they are acknowledged, all that are not yet. They go in the order of
 * the calls: on a new connection the unacknowledged first, then the unsent, and newer ones behind them.
 */
export class Outbox<Sent, Received, Message> {
  readonly #policy: OutboxPolicy<Sent, Received>;
  readonly #handler: OutboxHandler<Message>;
  readonly #callbacks: OutboxCallbacks<Sent, Received>;
  readonly #ttl: number;
  readonly #freeOverhead: number;
  readonly #bucket: TokenBucket | undefined;
  readonly #queue: KeyedQueue<OutboxEntry<Message>> = new KeyedQueue();
  readonly #unacked: UnackedMessages<Message> | undefined;
  #isOpen = false;
  #isClosing = false;
  /** Dropped messages that the handler has not been given. */
  readonly #unreported: { readonly message: Message; readonly cause: OutboxDropCause }[] = [];
  /** No message that waits expires before this. */
  #expiresAt = Infinity;
  /** The messages of the queue expire in their order. */
  #isInOrder = true;
  /** While what came back from a connection exceeds the bounds, the overflow meets newer messages only. */
  #hasExcess = false;

  constructor(policy: OutboxPolicy<Sent, Received>, handler: OutboxHandler<Message>) {
    this.#policy = policy;
    this.#handler = handler;
    this.#callbacks = new OutboxCallbacks(policy, (error) => handler.onError(error));
    this.#ttl = policy.ttl ?? Infinity;
    this.#freeOverhead = policy.freeOverhead ?? defaultFreeOverhead;
    this.#bucket = policy.perSecond === undefined ? undefined : new TokenBucket(policy.perSecond);
    this.#unacked = policy.acknowledgement === undefined ? undefined : new UnackedMessages();
  }

  /** The messages that are kept: those that wait, and those that are not acknowledged. */
  get length(): number {
    return this.#queue.length + (this.#unacked?.length ?? 0);
  }

  /** The bytes that are kept. */
  get bytes(): number {
    return this.#queue.bytes + (this.#unacked?.bytes ?? 0);
  }

  /** The bytes that `maxBytes` bounds: those that are kept, and the memory that they take besides where that is much. */
  get load(): number {
    return this.#loadWith(0, 0);
  }

  #loadWith(size: number, overhead: number): number {
    const all = this.#queue.overhead + (this.#unacked?.overhead ?? 0) + overhead;
    return this.bytes + size + Math.max(0, all - this.#freeOverhead);
  }

  /** How many wait to be given to a writer. */
  get waitingCount(): number {
    return this.#queue.length + (this.#unacked?.waitingCount ?? 0);
  }

  /** Nothing stands before a message and none is remembered: it may go to the writer with no call of {@link send}. */
  get isClear(): boolean {
    return this.#isOpen && this.#queue.length === 0 && this.#unacked === undefined;
  }

  /** When {@link next} is to be called: a message may go, or has expired. In the past: at once. Infinity: not at all. */
  get nextAt(): number {
    if (this.waitingCount === 0) return Infinity;
    const bucketAt = this.#isClosing ? undefined : this.#bucket?.nextAt;
    return Math.min(this.#expiresAt, this.#isOpen ? (bucketAt ?? -Infinity) : Infinity);
  }

  /**
   * A message is sent. Where the answer is `write`, it is to go to the writer before anything else does; one that the
   * writer does not take is to be withdrawn.
   */
  send(entry: OutboxEntry<Message>, sent: Sent, now: number): OutboxDecision {
    this.stamp(entry, now);
    this.#expire(now);
    this.#hasExcess &&= this.#isOver();
    if (this.#unacked !== undefined) this.#identify(entry, sent, this.#unacked);
    const canWriteNow = this.#isOpen && this.waitingCount === 0;
    if (canWriteNow && entry.id === undefined) return "write";
    if (!canWriteNow && this.#conflate(entry, sent, now)) return "queued";
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
    else this.#enqueue(entry, now);
    if (displaced !== undefined) this.#drop(displaced, "overflow");
    return canWriteNow ? "write" : "queued";
  }

  /** The next message for the writer; `undefined` where none may go before {@link nextAt}. */
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

  /** The time to live of a message begins. It does not begin again when the message comes back from a connection. */
  stamp(entry: OutboxEntry<Message>, now: number): void {
    if (entry.expiresAt === Infinity) entry.expiresAt = now + this.#ttl;
  }

  /** A new connection takes messages: all that is not acknowledged is to go on it, before all else. */
  open(): void {
    this.#isOpen = true;
    this.#resendAll();
  }

  /** Newer messages wait here and none is given out: the writer is about to move to another connection. */
  pause(): void {
    this.#isOpen = false;
  }

  /** The connection from before {@link hold} goes on. */
  resume(): void {
    this.#isOpen = true;
  }

  /**
   * The connection is gone, or the writer leaves it: messages wait here until {@link open}.
   * @param unsent - Those given to its writer of which not a byte left, in their order; a new entry for one that never
   * had one. They are kept whatever the bounds.
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

  /** `true` where these expire in their order, and before all of the queue. */
  #expiresBeforeQueue(entries: readonly OutboxEntry<Message>[]): boolean {
    const last = this.#queue.first?.expiresAt ?? Infinity;
    return entries.every(({ expiresAt }, index) => expiresAt <= (entries[index + 1]?.expiresAt ?? last));
  }

  /** The caller takes back a message that is not written yet; nothing is told. */
  withdraw(entry: OutboxEntry<Message>): void {
    if (entry.state === "unsent") {
      this.#queue.remove((other) => other === entry);
      this.#settle(entry);
    } else if (entry.state === "inFlight" && !entry.isResent) {
      this.#unacked!.remove(entry);
    }
  }

  /** A message has come; what it acknowledges is not sent again. */
  received(message: Received): void {
    const unacked = this.#unacked;
    if (unacked === undefined || unacked.length === 0) return;
    for (const id of this.#callbacks.acknowledgedIds(message)) unacked.acknowledge(id);
  }

  /** The client closes: what waits goes at once, `perSecond` or not. */
  beginClosing(): void {
    this.#isClosing = true;
  }

  /** A life ends: drops all that is kept, telling each, in the order in which they would have gone. */
  end(cause: OutboxDropCause = "closed"): void {
    this.#isOpen = false;
    this.#isClosing = false;
    this.#unacked?.resendAll();
    const unacknowledged = this.#unacked?.removeWaiting(() => true) ?? [];
    this.#drop([...unacknowledged, ...this.#queue.remove(() => true)], cause);
  }

  /** What the caller of a refused message is to get. @param entry - `undefined` where several calls share the error. */
  overflowError(entry: OutboxEntry<Message> | undefined): BufferOverflowError {
    const { capacity, maxBytes } = this.#policy;
    const { load } = this;
    const refused = entry === undefined ? "Messages were" : `A message of ${entry.size} bytes was`;
    const memory = load > this.bytes ? ` (${load} bytes of memory)` : "";
    const sentCount = this.length - this.waitingCount;
    const ofThem = sentCount === 0 ? "" : `, of which ${sentCount} are sent and not acknowledged`;
    return new BufferOverflowError(
      `${refused} refused: the outbox holds ${this.length} messages of ${this.bytes} bytes${memory}${ofThem}; ` +
        `outbox.capacity is ${capacity}, outbox.maxBytes is ${maxBytes}. Raise them, or choose another outbox.overflow.`,
    );
  }

  #identify(entry: OutboxEntry<Message>, sent: Sent, unacked: UnackedMessages<Message>): void {
    const id = this.#callbacks.idOf(sent);
    if (id !== undefined && !unacked.claim(id, entry)) this.#callbacks.reportDuplicateId(id);
  }

  /** @returns `true` where the message has taken the place of an older one. */
  #conflate(entry: OutboxEntry<Message>, sent: Sent, now: number): boolean {
    if (this.#policy.overflow !== "conflate") return false;
    entry.key = this.#callbacks.keyOf(sent);
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

  #enqueue(entry: OutboxEntry<Message>, now: number): void {
    if (this.#queue.length === 0) this.#isInOrder = true;
    this.#markWaiting(entry, now);
    this.#queue.push(entry);
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
    // What another connection may have delivered stays in the ledger, and goes before the unsent.
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
    if (this.#isInOrder) this.#shiftWhile(isExpired, expired);
    else expired.push(...this.#queue.remove(isExpired));
    this.#expiresAt = earliest;
    this.#drop(expired, "expired");
  }

  #shiftWhile(isExpired: (entry: OutboxEntry<Message>) => boolean, expired: OutboxEntry<Message>[]): void {
    let { first } = this.#queue;
    while (first !== undefined && isExpired(first)) {
      expired.push(this.#queue.shift()!);
      first = this.#queue.first;
    }
  }

  /** Tells of messages that are out of queue and ledger, once all of them are. */
  #drop(entries: readonly OutboxEntry<Message>[], cause: OutboxDropCause): void {
    for (const entry of entries) {
      this.#settle(entry);
      this.#unreported.push({ message: entry.message, cause });
    }
    // A listener may end the client: what is left is reported before that end, by the call inside this one.
    for (let next = this.#unreported.shift(); next !== undefined; next = this.#unreported.shift())
      this.#handler.onDropped(next.message, next.cause);
  }

  #settle(entry: OutboxEntry<Message>): void {
    this.#unacked?.release(entry);
    entry.state = "settled";
  }
}
