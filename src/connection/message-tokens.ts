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

/** In the place of one that has left: nothing of a message is kept. */
const gone: Place = { position: 0, token: undefined };

/** What framed messages are known by to their owner, until their first byte has left. */
export class MessageTokens {
  #places: Place[] = [];
  #head = 0;

  add(position: number, token: unknown): void {
    this.#places.push({ position, token });
  }

  /** Messages up to this count have left. */
  forget(handedCount: number): void {
    const places = this.#places;
    if (places.length === 0) return;
    let head = this.#head;
    for (; head < places.length && places[head]!.position <= handedCount; head++) places[head] = gone;
    this.#head = head;
    if (head < places.length && head * 2 < places.length) return;
    this.#places = places.slice(head);
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
