import type { Sendable } from "./pending-message.js";

/** A message that was accepted and of which not a byte left, and what its owner knows it by. */
export interface UnsentMessage {
  readonly data: Sendable;
  /** `undefined` where its owner has given none. */
  readonly token: unknown;
}

/** Says whether the peer has acknowledged a message. A token that has one as its `receipt` is of such a message. */
export interface Receipt {
  readonly isAcknowledged: boolean;
  /** It never will be: its owner has given the message up. */
  readonly isGivenUp: boolean;
}

interface TokenEntry {
  /** The message's count among those that were framed. */
  readonly position: number;
  readonly token: unknown;
}

/** In the place of one that has left: nothing of a message is kept. */
const emptyEntry: TokenEntry = { position: 0, token: undefined };

/** The list of receipts is not searched for acknowledged ones before it has this length. */
const minReceipts = 64;

/**
 * What framed messages are known by to their owner, until their first byte has left. Of those that are acknowledged one
 * by one, it knows afterwards how many are not.
 */
export class MessageTokens {
  #entries: TokenEntry[] = [];
  #head = 0;
  /** How many messages with a receipt have left. */
  #handedReceipts = 0;
  /** Their receipts, but for some that are acknowledged. */
  #receipts: Receipt[] = [];
  #maxReceipts = minReceipts;
  /** How many more have left whose owner has given them up. */
  #givenUp = 0;

  /** How many messages have not left. */
  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** How many messages have left that are acknowledged one by one, and are not yet. */
  get unacknowledgedCount(): number {
    this.#removeSettled();
    return this.#receipts.length + this.#givenUp;
  }

  add(position: number, token: unknown): void {
    this.#entries.push({ position, token });
  }

  /** How many of the messages up to this count are acknowledged one by one; {@link forget} comes first. */
  receiptsUpTo(position: number): number {
    let count = this.#handedReceipts;
    for (let index = this.#head; index < this.#entries.length; index++) {
      const place = this.#entries[index]!;
      if (place.position <= position && receiptOf(place.token) !== undefined) count++;
    }
    return count;
  }

  /** Messages up to this count have left. */
  forget(handedCount: number): void {
    const entries = this.#entries;
    if (entries.length === 0) return;
    let head = this.#head;
    for (; head < entries.length && entries[head]!.position <= handedCount; head++) {
      this.#keepReceipt(entries[head]!.token);
      entries[head] = emptyEntry;
    }
    this.#head = head;
    if (head < entries.length && head * 2 < entries.length) return;
    this.#entries = entries.slice(head);
    this.#head = 0;
  }

  #keepReceipt(token: unknown): void {
    const receipt = receiptOf(token);
    if (receipt === undefined) return;
    this.#handedReceipts++;
    this.#receipts.push(receipt);
    if (this.#receipts.length < this.#maxReceipts) return;
    this.#removeSettled();
    this.#maxReceipts = Math.max(minReceipts, this.#receipts.length * 2);
  }

  /** Keeps the receipts that may still change. */
  #removeSettled(): void {
    const open = this.#receipts.filter(({ isAcknowledged }) => !isAcknowledged);
    this.#receipts = open.filter(({ isGivenUp }) => !isGivenUp);
    this.#givenUp += open.length - this.#receipts.length;
  }

  /** Matches the messages that did not leave, the last of `framedCount`, with their tokens, and forgets all. */
  match(unsent: readonly Sendable[], framedCount: number): UnsentMessage[] {
    const byPosition = new Map(this.#entries.map(({ position, token }) => [position, token]));
    this.#entries = [];
    this.#head = 0;
    const first = framedCount - unsent.length + 1;
    return unsent.map((data, index) => ({ data, token: byPosition.get(first + index) }));
  }
}

function receiptOf(token: unknown): Receipt | undefined {
  return typeof token === "object" && token !== null
    ? (token as { readonly receipt?: Receipt }).receipt
    : undefined;
}
