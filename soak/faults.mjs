/** Draws the faults of the main soak from a seed. It causes none of them. */
import { SeededRandom } from "./random.mjs";

/** Number of faults of each kind in a run of 2,000. */
const shares = {
  reset: 420,
  silent: 220,
  1001: 160,
  1012: 160,
  4000: 160,
  restart: 200,
  503: 220,
  tls: 230,
  refused: 230,
};

/** Faults of attempts. The other kinds are faults of open connections. */
const ofAttempts = new Set(["503", "tls", "refused"]);

/** Share of the resets that occur within the first bytes of a connection, its handshake included. */
const earlyShare = 0.15;

/** Largest offset of a cut in bytes. A burst is much larger, so that more than 64 KiB are in flight at the cut. */
const mostBytesBeforeCut = 160 * 1024;

/** A silent wire with a choice above `stuckFrom` reads nothing; above `floodedFrom` it is also flooded. */
const stuckFrom = 0.5;
const floodedFrom = 0.7;

/**
 * @typedef {object} Fault
 * @property {string} kind
 * @property {"up" | "down"} direction - Which of the two streams is cut at `offset`.
 * @property {number} offset - Bytes that pass before the cut.
 * @property {number} settleMs - Time in milliseconds without a fault before this one.
 * @property {boolean} isEarly - True if it occurs during an attempt; `offset` then counts from the first byte.
 * @property {number} choice - In [0, 1): selects a variant of the kind.
 */

/**
 * One fault of an open connection, and the faults of the attempts after it.
 * @typedef {{ link: Fault, attempts: Fault[] }} FaultGroup
 */

/** @param {Fault} fault */
export function isStuck({ kind, choice }) {
  return kind === "silent" && choice >= stuckFrom;
}

/**
 * Returns the size of the flood that the client sends, in [0, 1), or `undefined` if it sends a normal burst.
 * @param {Fault} fault
 */
export function floodOf({ kind, choice }) {
  const isFlooded = kind === "silent" && choice >= floodedFrom;
  return isFlooded ? (choice - floodedFrom) / (1 - floodedFrom) : undefined;
}

/** @param {number} total */
export function countsOf(total) {
  const sum = Object.values(shares).reduce((left, right) => left + right);
  const counts = Object.entries(shares).map(([kind, share]) => ({
    kind,
    exact: (share * total) / sum,
    count: 0,
  }));
  for (const entry of counts) entry.count = Math.floor(entry.exact);
  let missing = total - counts.reduce((left, { count }) => left + count, 0);
  const byRemainder = [...counts].sort(
    (left, right) => right.exact - right.count - (left.exact - left.count),
  );
  for (const entry of byRemainder) {
    if (missing-- > 0) entry.count++;
  }
  return new Map(counts.map(({ kind, count }) => [kind, count]));
}

/**
 * @param {number} seed
 * @param {number} total
 * @returns {FaultGroup[]}
 */
export function drawFaults(seed, total) {
  const random = new SeededRandom(seed);
  const all = [...countsOf(total)].flatMap(([kind, count]) =>
    Array.from({ length: count }, () => drawFault(kind, random)),
  );
  const links = random.shuffle(all.filter((fault) => !isOfAttempt(fault)));
  const groups = links.map((link) => ({ link, attempts: /** @type {Fault[]} */ ([]) }));
  for (const fault of random.shuffle(all.filter(isOfAttempt))) random.pick(groups).attempts.push(fault);
  return groups;
}

/** @param {Fault} fault */
function isOfAttempt({ kind, isEarly }) {
  return isEarly || ofAttempts.has(kind);
}

/**
 * @param {string} kind
 * @param {SeededRandom} random
 * @returns {Fault}
 */
function drawFault(kind, random) {
  const isEarly = kind === "reset" && random.chance(earlyShare);
  return {
    kind,
    direction: random.pick(["up", "down"]),
    offset: random.integer(1, isEarly ? 3_000 : mostBytesBeforeCut),
    settleMs: random.chance(0.1) ? 0 : random.integer(5, 80),
    isEarly,
    choice: random.next(),
  };
}
