// The market data of the example: creates trades and keeps the recent ones. It does not send them.
import { randomWalk } from "./random-walk.mjs";

/** @typedef {import("./random-walk.mjs").Trade} Trade */
/** @typedef {{ readonly sequence: number, readonly text: string }} Kept */

const interval = 10;
const tradesPerInterval = 20;
/** Number of trades that are kept for later requests: 25 seconds. */
const capacity = 50_000;

/** Creates 2,000 numbered trades per second after the first listener was added, even if no client is connected. */
export class TradeFeed {
  #trades = randomWalk();
  /** @type {Kept[]} */
  #kept = [];
  #last = 0;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  /** @type {Set<() => void>} */
  #listeners = new Set();

  /** The number of the newest trade; 0 before the first. */
  get last() {
    return this.#last;
  }

  /** Returns a trade as JSON; `undefined` if it is no longer kept, or does not exist yet. @param {number} sequence */
  at(sequence) {
    const kept = this.#kept[sequence % capacity];
    return kept?.sequence === sequence ? kept.text : undefined;
  }

  /** The number of the oldest kept trade. */
  get first() {
    return Math.max(1, this.#last - capacity + 1);
  }

  /** Returns all trades after a number as JSON, oldest first. @param {number} sequence */
  after(sequence) {
    const texts = [];
    for (let next = Math.max(sequence + 1, this.first); next <= this.#last; next++) texts.push(this.at(next));
    return texts;
  }

  /** @param {() => void} listener - Called when there are new trades. @returns A function that removes it. */
  listen(listener) {
    this.#listeners.add(listener);
    if (this.#timer === undefined) this.#timer = setInterval(() => this.#trade(), interval);
    return () => this.#listeners.delete(listener);
  }

  #trade() {
    for (let count = 0; count < tradesPerInterval; count++) {
      const trade = /** @type {Trade} */ (this.#trades.next().value);
      this.#last = trade.sequence;
      this.#kept[trade.sequence % capacity] = { sequence: trade.sequence, text: JSON.stringify(trade) };
    }
    for (const listener of this.#listeners) listener();
  }
}
