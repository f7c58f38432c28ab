import type { Sendable } from "./pending-message.js";

/** A message that was accepted and of which not a byte left, and what its owner knows it by. */
export interface UnsentMessage {
  readonly data: Sendable;
  /** `undefined` where its owner has given none. */
  readonly token: unknown;
}

interface Place {
  /** The message's count among those that were framed. */
  readonly position: number;
  readonly token: unknown;
}

/** What framed messages are known by to their owner, until their first byte has left. */
export class MessageTokens {
  #places: Place[] = [];
  #head = 0;

  /** @param handedCount - Messages up to this count have left and are forgotten. */
  add(position: number, token: unknown, handedCount: number): void {
    this.#places.push({ position, token });
    while (this.#head < this.#places.length && this.#places[this.#head]!.position <= handedCount)
      this.#head++;
    if (this.#head < 64 || this.#head * 2 < this.#places.length) return;
    this.#places = this.#places.slice(this.#head);
    this.#head = 0;
  }

  /** Matches the messages that did not leave, the last of `framedCount`, with their tokens, and forgets all. */
  match(unsent: readonly Sendable[], framedCount: number): UnsentMessage[] {
    const byPosition = new Map(this.#places.map(({ position, token }) => [position, token]));
    this.#places = [];
    this.#head = 0;
    const first = framedCount - unsent.length + 1;
    return unsent.map((data, index) => ({ data, token: byPosition.get(first + index) }));
  }
}
