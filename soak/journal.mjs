/** What is wrong with what arrived: pure functions over the numbers, in the order in which they came. */

/**
 * @param {readonly number[]} numbers
 * @returns {number[]} the first of each
 */
export function deduplicate(numbers) {
  return [...new Set(numbers)];
}

/**
 * Holds what arrived against the numbers from 1 to `last`, each of which must come once and in its order.
 * @param {readonly number[]} numbers
 * @param {number} last
 */
export function checkStream(numbers, last) {
  const seen = new Set();
  let highest = 0;
  let doubled = 0;
  let outOfOrder = 0;
  let unknown = 0;
  /** @type {string | undefined} */
  let first;
  for (const [index, number] of numbers.entries()) {
    let fault;
    if (!(number >= 1 && number <= last)) fault = ++unknown && "unknown";
    else if (seen.has(number)) fault = ++doubled && "doubled";
    else if (number < highest) fault = ++outOfOrder && "out of order";
    if (fault !== undefined)
      first ??= `${number} ${fault}, behind ${numbers.slice(Math.max(0, index - 3), index)}`;
    seen.add(number);
    highest = Math.max(highest, number);
  }
  const lost = [];
  for (let number = 1; number <= last; number++) {
    if (!seen.has(number)) lost.push(number);
  }
  if (lost.length > 0) first ??= `${lost[0]} lost`;
  return { lost, doubled, outOfOrder, unknown, first };
}

/**
 * What one connection has told at its end.
 * @typedef {object} LinkEnd
 * @property {number} given - The highest number that was given to it, or to one before.
 * @property {number} unsent
 * @property {number} uncertain
 */

/**
 * The lost numbers that no connection has named as uncertain: of the numbers up to `given`, the last `unsent` go again,
 * and the `uncertain` before those may be lost.
 * @param {readonly number[]} lost - Ascending.
 * @param {readonly LinkEnd[]} ends
 */
export function lostUntold(lost, ends) {
  const spans = ends.map(({ given, unsent, uncertain }) => ({
    above: given - unsent - uncertain,
    upTo: given - unsent,
  }));
  return lost.filter((number) => !spans.some(({ above, upTo }) => number > above && number <= upTo));
}

/**
 * Reads a journal: in each line a number, and 1 where the message was whole.
 * @param {string} text
 */
export function parseJournal(text) {
  const numbers = [];
  let broken = 0;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [number, isWhole] = line.split(" ");
    numbers.push(Number(number));
    if (isWhole !== "1") broken++;
  }
  return { numbers, broken };
}
