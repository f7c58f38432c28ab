import type { OutboxDecision, OutboxDropCause } from "../../src/buffer/outbox-policy.js";

/** A message as the model knows it. */
export interface Letter {
  readonly name: string;
  readonly size: number;
  readonly id: string | undefined;
  readonly key: string | undefined;
}

interface Kept {
  readonly letter: Letter;
  readonly id: string | undefined;
  readonly key: string | undefined;
  expiresAt: number;
  /** It waits to go; otherwise it is with the writer. */
  isWaiting: boolean;
  /** It may have been delivered by a connection. */
  isUnacked: boolean;
  isResent: boolean;
}

export interface ModelPolicy {
  readonly capacity: number;
  readonly maxBytes: number;
  readonly ttl: number;
  readonly overflow: "error" | "dropOldest" | "conflate";
  /** Milliseconds between two that leave; 0 is without bound. */
  readonly spacing: number;
  readonly hasAcknowledgement: boolean;
}

/** The outbox in the plainest form: one list that is gone through again at each call. */
export class OutboxModel {
  readonly #policy: ModelPolicy;
  readonly log: [name: string, cause: OutboxDropCause][] = [];
  #kept: Kept[] = [];
  /** When the time to live of each message ends: it counts from the sending. */
  readonly #expiry = new Map<Letter, number>();
  #isOpen = false;
  #isClosing = false;
  #hadExcess = false;
  #mayGoAt = -Infinity;

  constructor(policy: ModelPolicy) {
    this.#policy = policy;
  }

  get length(): number {
    return this.#kept.length;
  }

  get bytes(): number {
    return this.#kept.reduce((sum, { letter }) => sum + letter.size, 0);
  }

  #waiting(): Kept[] {
    return this.#kept.filter(({ isWaiting }) => isWaiting);
  }

  get waitingCount(): number {
    return this.#waiting().length;
  }

  get nextAt(): number {
    const waiting = this.#waiting();
    if (waiting.length === 0) return Infinity;
    const goesAt = this.#isClosing || this.#policy.spacing === 0 ? -Infinity : this.#mayGoAt;
    return Math.min(this.#isOpen ? goesAt : Infinity, ...waiting.map(({ expiresAt }) => expiresAt));
  }

  send(letter: Letter, now: number): OutboxDecision {
    this.#expiry.set(letter, now + this.#policy.ttl);
    this.#expire(now);
    const { capacity, maxBytes, overflow, hasAcknowledgement } = this.#policy;
    const canWriteNow = this.#isOpen && this.waitingCount === 0;
    const isTaken = this.#kept.some(({ id }) => id === letter.id);
    const id = hasAcknowledgement && !isTaken ? letter.id : undefined;
    if (canWriteNow && id === undefined) return "write";
    const key = overflow === "conflate" && !canWriteNow ? letter.key : undefined;
    const expiresAt = now + this.#policy.ttl;
    const kept: Kept = { letter, id, key, expiresAt, isWaiting: true, isUnacked: false, isResent: false };
    const older = this.#replaceable(key);
    const growth = older === undefined ? 0 : letter.size - older.letter.size;
    if (older !== undefined && (growth <= 0 || this.bytes + growth <= maxBytes)) {
      this.#kept = this.#kept.map((one) => (one === older ? kept : one));
      this.log.push([older.letter.name, "overflow"]);
      return "queued";
    }
    if (this.#hadExcess && this.length <= capacity && this.bytes <= maxBytes) this.#hadExcess = false;
    const isFull = (): boolean =>
      this.length > 0 && (this.length >= capacity || this.bytes + letter.size > maxBytes);
    if (isFull() && overflow === "error") return "refused";
    if (isFull() && this.#hadExcess) {
      this.log.push([letter.name, "overflow"]);
      return "dropped";
    }
    while (isFull()) this.log.push([this.#kept.shift()!.letter.name, "overflow"]);
    if (canWriteNow) Object.assign(kept, { isWaiting: false, isUnacked: true });
    this.#kept.push(kept);
    return canWriteNow ? "write" : "queued";
  }

  #replaceable(key: string | undefined): Kept | undefined {
    if (key === undefined) return undefined;
    const unsent = this.#kept.filter(({ isUnacked }) => !isUnacked);
    return unsent
      .slice(unsent.findLastIndex((one) => one.key === undefined) + 1)
      .findLast((one) => one.key === key);
  }

  next(now: number): string | undefined {
    this.#expire(now);
    const first = this.#waiting()[0];
    if (!this.#isOpen || first === undefined) return undefined;
    if (!this.#isClosing && this.#policy.spacing > 0) {
      if (now < this.#mayGoAt) return undefined;
      this.#mayGoAt = now + this.#policy.spacing;
    }
    first.isWaiting = false;
    if (first.id === undefined) this.#kept = this.#kept.filter((one) => one !== first);
    else if (first.isUnacked) first.isResent = true;
    first.isUnacked = true;
    return first.letter.name;
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

  /** @param done - The names of messages that are done with, whatever the writer still had of them. */
  connectionLost(unsent: readonly Letter[], done: ReadonlySet<string>, now: number): void {
    this.#isOpen = false;
    const returned = unsent.flatMap((letter) => {
      const known = this.#kept.find((one) => one.letter === letter);
      if (known?.isResent === true || done.has(letter.name)) return [];
      const expiresAt = this.#expiry.get(letter) ?? now + this.#policy.ttl;
      return [
        {
          letter,
          id: known?.id,
          key: undefined,
          expiresAt,
          isWaiting: true,
          isUnacked: false,
          isResent: false,
        },
      ];
    });
    const isBack = ({ letter }: Kept): boolean => returned.some((one) => one.letter === letter);
    const others = this.#kept.filter((one) => !isBack(one));
    const unacked = others.filter(({ isUnacked }) => isUnacked);
    this.#kept = [...unacked, ...returned, ...others.filter(({ isUnacked }) => !isUnacked)];
    if (returned.length > 0) {
      this.#hadExcess = this.length > this.#policy.capacity || this.bytes > this.#policy.maxBytes;
    }
    this.#resendAll();
  }

  /** @returns Whether the message was kept, and is not any more. */
  withdraw(name: string): boolean {
    const found = this.#kept.find(({ letter }) => letter.name === name);
    if (found === undefined || (found.isUnacked && (found.isWaiting || found.isResent))) return false;
    this.#kept = this.#kept.filter((one) => one !== found);
    return true;
  }

  /** @returns The names of the messages that are acknowledged now. */
  acknowledge(ids: readonly string[]): string[] {
    const isMeant = ({ id, isUnacked }: Kept): boolean => isUnacked && id !== undefined && ids.includes(id);
    const meant = this.#kept.filter(isMeant).map(({ letter }) => letter.name);
    this.#kept = this.#kept.filter((one) => !isMeant(one));
    return meant;
  }

  beginClosing(): void {
    this.#isClosing = true;
  }

  end(): void {
    this.#isOpen = false;
    this.#isClosing = false;
    for (const { letter } of this.#kept.splice(0)) this.log.push([letter.name, "closed"]);
  }

  #resendAll(): void {
    for (const one of this.#kept) one.isWaiting = true;
  }

  #expire(now: number): void {
    const isExpired = ({ isWaiting, expiresAt }: Kept): boolean => isWaiting && expiresAt <= now;
    for (const { letter } of this.#kept.filter(isExpired)) this.log.push([letter.name, "expired"]);
    this.#kept = this.#kept.filter((one) => !isExpired(one));
  }
}
