/** Plans the faults of the virtual soak. It causes none of them. */
import { SeededRandom } from "./random.mjs";

/** The kinds of faults. Each occurs once per hour, in random order. */
export const faultKinds = [
  "reset",
  "silent",
  "1001",
  "1012",
  "4000",
  "503",
  "tls",
  "refused",
  "restart",
  "skip",
];

const hourSeconds = 3_600;
const slotSeconds = hourSeconds / faultKinds.length;
/** Seconds without a fault at the end of a slot, so that most faults occur on an open connection. */
const quietSeconds = 160;
/** Share of the faults that follow another fault after 1 to 5 s, or as soon as there is a connection again. */
const uponShare = 0.2;

/**
 * @typedef {object} Fault
 * @property {string} kind
 * @property {number} at - Seconds from the start.
 * @property {"up" | "down"} direction - Which of the two streams is cut at `offset`.
 * @property {number} offset - Bytes that pass before the cut.
 * @property {number} burst - Messages that both sides send before.
 * @property {number} choice - In [0, 1): selects a variant of the kind.
 */

/**
 * @param {number} seed
 * @param {number} hours
 * @returns {Fault[]}
 */
export function planFaults(seed, hours) {
  const random = new SeededRandom(seed);
  const faults = [];
  for (let hour = 0; hour < hours; hour++) {
    for (const [slot, kind] of random.shuffle([...faultKinds]).entries()) {
      const before = faults.at(-1);
      const begin = hour * hourSeconds + slot * slotSeconds;
      const isUpon = before !== undefined && random.chance(uponShare);
      const at = isUpon
        ? before.at + random.integer(1, 5)
        : begin + random.integer(30, slotSeconds - quietSeconds);
      faults.push(drawFault(kind, random, at));
    }
  }
  return faults;
}

/**
 * @param {string} kind
 * @param {SeededRandom} random
 * @param {number} at
 * @returns {Fault}
 */
export function drawFault(kind, random, at) {
  const burst = random.integer(2, 8);
  return {
    kind,
    at,
    direction: random.pick(["up", "down"]),
    offset: random.integer(1, burst * burstSize),
    burst,
    choice: random.next(),
  };
}

/** Size of a message in a burst, in characters. A cut falls into one of these messages. */
export const burstSize = 4 * 1024;

/** Size of every other message, in characters. @param {number} number */
export function sizeOf(number) {
  return 8 + ((number * 37) % 90);
}
