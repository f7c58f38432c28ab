import type { OutboxDecision, OutboxDropCause } from "../../src/buffer/outbox-policy.js";

/** A message of the model. */
export interface TestMessage {
  readonly name: string;
  readonly size: number;
  readonly id: string | undefined;
  readonly key: string | undefined;
}

interface StoredMessage {
  readonly message: TestMessage;
  readonly id: string | undefined;
  readonly key: string | undefined;
  expiresAt: number;
  /** True while the message waits; otherwise the writer has it. */
  isWaiting: boolean;
  /** True if a connection may have delivered the message. */
  isUnacked: boolean;
  isResent: boolean;
}

export interface ModelPolicy {
  readonly capacity: number;
  readonly maxBytes: number;
  readonly ttl: number;
  readonly overflow: "error" | "dropOldest" | "conflate";
  /** Minimum milliseconds between two messages that leave; 0 means no limit. */
  readonly spacing: number;
  readonly hasAcknowledgement: boolean;
}

/** A simple reference implementation: one list that is searched in each call. */
export class OutboxModel {
  readonly #policy: ModelPolicy;
  readonly log: [name: string, cause: OutboxDropCause][] = [];
  #stored: StoredMessage[] = [];
  /** When the time to live of each message ends, counted from `send()`. */
  readonly #expiry = new Map<TestMessage, number>();
  #isOpen = false;
  #isClosing = false;
  #hasExcess = false;
  #nextSlotAt = -Infinity;

  constructor(policy: ModelPolicy) {
    this.#policy = policy;
  }

  get length(): number {
    return this.#stored.length;
  }

  get bytes(): number {
    return this.#stored.reduce((sum, { message }) => sum + message.size, 0);
  }

  #waiting(): StoredMessage[] {
    return this.#stored.filter(({ isWaiting }) => isWaiting);
  }

  get waitingCount(): number {
    return this.#waiting().length;
  }

  get nextAt(): number {
    const waiting = this.#waiting();
    if (waiting.length === 0) return Infinity;
    const sendableAt = this.#isClosing || this.#policy.spacing === 0 ? -Infinity : this.#nextSlotAt;
    return Math.min(this.#isOpen ? sendableAt : Infinity, ...waiting.map(({ expiresAt }) => expiresAt));
  }

  send(message: TestMessage, now: number): OutboxDecision {
    this.#expiry.set(message, now + this.#policy.ttl);
    this.#expire(now);
    const { capacity, maxBytes, overflow, hasAcknowledgement } = this.#policy;
    const canWriteNow = this.#isOpen && this.waitingCount === 0;
    const isIdInUse = this.#stored.some(({ id }) => id === message.id);
    const id = hasAcknowledgement && !isIdInUse ? message.id : undefined;
    if (canWriteNow && id === undefined) return "write";
    const key = overflow === "conflate" && !canWriteNow ? message.key : undefined;
    const expiresAt = now + this.#policy.ttl;
    const stored: StoredMessage = {
      message,
      id,
      key,
      expiresAt,
      isWaiting: true,
      isUnacked: false,
      isResent: false,
    };
    const older = this.#replaceable(key);
    const growth = older === undefined ? 0 : message.size - older.message.size;
    if (older !== undefined && (growth <= 0 || this.bytes + growth <= maxBytes)) {
      this.#stored = this.#stored.map((one) => (one === older ? stored : one));
      this.log.push([older.message.name, "overflow"]);
      return "queued";
    }
    if (this.#hasExcess && this.length <= capacity && this.bytes <= maxBytes) this.#hasExcess = false;
    const isFull = (): boolean =>
      this.length > 0 && (this.length >= capacity || this.bytes + message.size > maxBytes);
    if (isFull() && overflow === "error") return "refused";
    if (isFull() && this.#hasExcess) {
      this.log.push([message.name, "overflow"]);
      return "dropped";
    }
    while (isFull()) this.log.push([this.#stored.shift()!.message.name, "overflow"]);
    if (canWriteNow) Object.assign(stored, { isWaiting: false, isUnacked: true });
    this.#stored.push(stored);
    return canWriteNow ? "write" : "queued";
  }

  #replaceable(key: string | undefined): StoredMessage | undefined {
    if (key === undefined) return undefined;
    const unsent = this.#stored.filter(({ isUnacked }) => !isUnacked);
    return unsent
      .slice(unsent.findLastIndex((one) => one.key === undefined) + 1)
      .findLast((one) => one.key === key);
  }

  next(now: number): string | undefined {
    this.#expire(now);
    const first = this.#waiting()[0];
    if (!this.#isOpen || first === undefined) return undefined;
    if (!this.#isClosing && this.#policy.spacing > 0) {
      if (now < this.#nextSlotAt) return undefined;
      this.#nextSlotAt = now + this.#policy.spacing;
    }
    first.isWaiting = false;
    if (first.id === undefined) this.#stored = this.#stored.filter((one) => one !== first);
    else if (first.isUnacked) first.isResent = true;
    first.isUnacked = true;
    return first.message.name;
  }

  open(): void {
    this.#isOpen = true;
    this.#resendAll();
  }

  pause(): void {
    this.#isOpen = false;
  }

  resume(): void {
    this.#isOpen = true;
  }

  /** @param done - The names of settled messages, even if the writer still has them. */
  connectionLost(unsent: readonly TestMessage[], done: ReadonlySet<string>, now: number): void {
    this.#isOpen = false;
    const returned = unsent.flatMap((message) => {
      const known = this.#stored.find((one) => one.message === message);
      if (known?.isResent === true || done.has(message.name)) return [];
      const expiresAt = this.#expiry.get(message) ?? now + this.#policy.ttl;
      return [
        {
          message,
          id: known?.id,
          key: undefined,
          expiresAt,
          isWaiting: true,
          isUnacked: false,
          isResent: false,
        },
      ];
    });
    const isReturned = ({ message }: StoredMessage): boolean =>
      returned.some((one) => one.message === message);
    const others = this.#stored.filter((one) => !isReturned(one));
    const unacked = others.filter(({ isUnacked }) => isUnacked);
    this.#stored = [...unacked, ...returned, ...others.filter(({ isUnacked }) => !isUnacked)];
    if (returned.length > 0) {
      this.#hasExcess = this.length > this.#policy.capacity || this.bytes > this.#policy.maxBytes;
    }
    this.#resendAll();
  }

  /** @returns Whether the message was stored and is now removed. */
  withdraw(name: string): boolean {
    const found = this.#stored.find(({ message }) => message.name === name);
    if (found === undefined || (found.isUnacked && (found.isWaiting || found.isResent))) return false;
    this.#stored = this.#stored.filter((one) => one !== found);
    return true;
  }

  /** @returns The names of the messages that are acknowledged by this call. */
  acknowledge(ids: readonly string[]): string[] {
    const isAcknowledged = ({ id, isUnacked }: StoredMessage): boolean =>
      isUnacked && id !== undefined && ids.includes(id);
    const acknowledged = this.#stored.filter(isAcknowledged).map(({ message }) => message.name);
    this.#stored = this.#stored.filter((one) => !isAcknowledged(one));
    return acknowledged;
  }

  beginClosing(): void {
    this.#isClosing = true;
  }

  end(): void {
    this.#isOpen = false;
    this.#isClosing = false;
    for (const { message } of this.#stored.splice(0)) this.log.push([message.name, "closed"]);
  }

  #resendAll(): void {
    for (const one of this.#stored) one.isWaiting = true;
  }

  #expire(now: number): void {
    const isExpired = ({ isWaiting, expiresAt }: StoredMessage): boolean => isWaiting && expiresAt <= now;
    for (const { message } of this.#stored.filter(isExpired)) this.log.push([message.name, "expired"]);
    this.#stored = this.#stored.filter((one) => !isExpired(one));
  }
}
