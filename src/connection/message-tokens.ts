// Keeps the tokens by which an owner recognizes its unsent messages, and counts unacknowledged messages. It does not
// store messages.
import type { Sendable } from "./pending-message.js";

/** An accepted message that the connection has not begun to write, and the token that was passed with the message. */
export interface UnsentMessage {
  readonly data: Sendable;
  /** The token of the message; `undefined` if no token was passed. */
  readonly token: unknown;
}

/**
 * The acknowledgement state of a message. If a token has the property `receipt`, its message is acknowledged
 * individually.
 */
export interface Receipt {
  readonly isAcknowledged: boolean;
  /** True if the owner no longer waits for an acknowledgement of the message. */
  readonly isGivenUp: boolean;
}

interface TokenEntry {
  /** The number of the message among all framed messages. The first message has the number 1. */
  readonly position: number;
  readonly token: unknown;
}

/** This object replaces the entry of a written message, so that the garbage collector can free the message. */
const emptyEntry: TokenEntry = { position: 0, token: undefined };

/** Acknowledged receipts are removed when the list of receipts reaches this length. */
const minReceipts = 64;

/**
 * Keeps the token of each framed message until the first byte of the message is written. Counts the written messages
 * that wait for an individual acknowledgement.
 */
export class MessageTokens {
  #entries: TokenEntry[] = [];
  #head = 0;
  /** Number of written messages that have a receipt. */
  #handedReceipts = 0;
  /** The receipts of written messages. Some of these messages may be acknowledged already. */
  #receipts: Receipt[] = [];
  #maxReceipts = minReceipts;
  /**
   * Number of written messages that were not acknowledged, and whose owner has stopped waiting for an acknowledgement.
   * `#receipts` does not contain the receipts of these messages.
   */
  #givenUp = 0;

  /** Number of messages that have a token and whose first byte is not written yet. */
  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** Number of written messages for which an individual acknowledgement is required and has not arrived yet. */
  get unacknowledgedCount(): number {
    this.#removeSettled();
    return this.#receipts.length + this.#givenUp;
  }

  add(position: number, token: unknown): void {
    this.#entries.push({ position, token });
  }

  /** Number of messages with a receipt among the first `position` messages. Call {@link forget} before this method. */
  receiptsUpTo(position: number): number {
    let count = this.#handedReceipts;
    for (let index = this.#head; index < this.#entries.length; index++) {
      const entry = this.#entries[index]!;
      if (entry.position <= position && receiptOf(entry.token) !== undefined) count++;
    }
    return count;
  }

  /**
   * Removes the tokens of the first `handedCount` messages, because the first byte of each of these messages is
   * written.
   */
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

  /** Removes the receipts whose state is final. */
  #removeSettled(): void {
    const open = this.#receipts.filter(({ isAcknowledged }) => !isAcknowledged);
    this.#receipts = open.filter(({ isGivenUp }) => !isGivenUp);
    this.#givenUp += open.length - this.#receipts.length;
  }

  /**
   * Returns the unsent messages with their tokens, and removes all tokens.
   * @param unsent - The framed messages that the connection has not begun to write. They follow all other framed
   *   messages.
   * @param framedCount - Number of all framed messages, including `unsent`.
   */
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
