/** Makes messages whose text follows from their number, so that a receiver can check that a message is intact. */
import { SeededRandom } from "./random.mjs";

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const stockLength = 256 * 1024;
/** Text that deflate reduces by at most a quarter. */
const stock = makeStock();

/** Size of a message in a burst, in characters. */
export const burstSize = 16 * 1024;
/** Number of messages in a burst. */
export const burstCount = 24;
/** Number of messages in a flood: 8 to 16 MiB, more than any kernel buffers. */
export const floodCounts = { least: 512, most: 1_024 };

function makeStock() {
  const random = new SeededRandom(7);
  return Array.from({ length: stockLength }, () => random.pick(letters)).join("");
}

/**
 * @param {number} number
 * @param {number} size
 */
function fillOf(number, size) {
  const from = (number * 7_919) % (stockLength - size);
  return stock.slice(from, from + size);
}

/**
 * @param {"seq" | "id"} name - Property name of the number in this direction.
 * @param {number} number
 * @param {number} [size]
 */
export function makeMessage(name, number, size = 20 + ((number * 37) % 280)) {
  return { [name]: number, fill: fillOf(number, size) };
}

/**
 * @param {number} number
 * @param {unknown} fill
 */
export function isIntact(number, fill) {
  return typeof fill === "string" && fill === fillOf(number, fill.length);
}
