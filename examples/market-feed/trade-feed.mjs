import { randomWalk } from "./random-walk.mjs";

/** @typedef {import("./random-walk.mjs").Trade} Trade */
/** @typedef {{ readonly sequence: number, readonly text: string }} Kept */

const interval = 10;
const tradesPerInterval = 20;
/** So many trades can be asked for later: 25 seconds of them. */
const capacity = 50_000;

/** The market: 2,000 numbered trades a second from the first listener on, whether or not somebody is connected. */
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

  /** A trade as JSON; `undefined` for one that is not kept any more, or not made yet. @param {number} sequence */
  at(sequence) {
    const kept = this.#kept[sequence % capacity];
    return kept?.sequence === sequence ? kept.text : undefined;
  }

  /** The number of the oldest trade that is kept. */
  get first() {
    return Math.max(1, this.#last - capacity + 1);
  }

  /** All trades behind one, oldest first, as JSON. @param {number} sequence */
  after(sequence) {
    const texts = [];
    for (let next = Math.max(sequence + 1, this.first); next <= this.#last; next++) texts.push(this.at(next));
    return texts;
  }

  /** @param {() => void} listener - There are new trades. @returns What ends it. */
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
