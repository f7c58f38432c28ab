/** Every message is known by its number alone, so that who sees it can tell whether it is whole. */
import { SeededRandom } from "./random.mjs";

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const stockLength = 256 * 1024;
/** Text that deflate takes no more than a quarter off. */
const stock = makeStock();

/** The size of what a burst is made of. */
export const burstSize = 16 * 1024;
/** Messages in a burst. */
export const burstCount = 24;
/** Messages in a burst that no kernel takes whole: 8 MiB and twice that. */
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
 * @param {"seq" | "id"} name - How the number is called in this direction.
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
export function isWhole(number, fill) {
  return typeof fill === "string" && fill === fillOf(number, fill.length);
}
