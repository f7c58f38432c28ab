// Creates random trades that are the same in every run.

/**
 * @typedef {object} Trade
 * @property {"trade"} type
 * @property {number} sequence - Consecutive, starting at 1.
 * @property {string} symbol
 * @property {number} price
 * @property {number} size
 * @property {"buy" | "sell"} side
 * @property {number} time - Milliseconds since 1970.
 */

/** Returns a generator of random numbers in [0, 1), the same in every run (mulberry32). @param {number} seed */
function seededRandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @param {number} value @param {number} digits */
function rounded(value, digits) {
  return Number(value.toFixed(digits));
}

/** Creates an endless series of trades of a few symbols. Each price differs little from the previous one. */
export function* randomWalk(seed = 1) {
  const random = seededRandom(seed);
  const markets = [
    { symbol: "BTC-USD", price: 64_000 },
    { symbol: "ETH-USD", price: 3_100 },
    { symbol: "SOL-USD", price: 145 },
  ];
  for (let sequence = 1; ; sequence++) {
    const market = /** @type {(typeof markets)[number]} */ (markets[Math.floor(random() * markets.length)]);
    const side = random() < 0.5 ? "sell" : "buy";
    market.price *= 1 + (random() - 0.5) / 2_000;
    /** @type {Trade} */
    const trade = {
      type: "trade",
      sequence,
      symbol: market.symbol,
      price: rounded(market.price, 2),
      size: rounded(random() * 3, 4),
      side,
      time: Date.now(),
    };
    yield trade;
  }
}
