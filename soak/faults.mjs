import { SeededRandom } from "./random.mjs";

/** How often each fault comes in a run of 2,000. */
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

/** Those that meet an attempt to connect, and not an open connection. */
const ofAttempts = new Set(["503", "tls", "refused"]);

/** Of the resets, those that come within the first bytes of a connection, its handshake included. */
const earlyShare = 0.15;

/** A burst is larger than this by far, so that more than 64 KiB are in flight at the cut. */
const mostBytesBeforeCut = 160 * 1024;

/** Of the silent wires, those that read nothing; and those of them that are offered more than the kernel takes. */
const stuckFrom = 0.5;
const floodedFrom = 0.7;

/**
 * @typedef {object} Fault
 * @property {string} kind
 * @property {"up" | "down"} direction - Which of the two streams is cut at `offset`.
 * @property {number} offset - Bytes that pass before the cut.
 * @property {number} settleMs - How long the connection is left alone before.
 * @property {boolean} isEarly - Meets an attempt, and counts from the first byte.
 * @property {number} choice - In [0, 1): for what differs within a kind.
 */

/**
 * One end of an open connection, and what the attempts after it meet.
 * @typedef {{ link: Fault, attempts: Fault[] }} FaultGroup
 */

/** @param {Fault} fault */
export function isStuck({ kind, choice }) {
  return kind === "silent" && choice >= stuckFrom;
}

/**
 * How much of a flood the client is to send at this fault, in [0, 1); `undefined` where it is to send a burst.
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
