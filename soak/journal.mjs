/** Checks of the received numbers, in the order of their arrival. Pure functions without input or output. */

/**
 * @param {readonly number[]} numbers
 * @returns {number[]} the first occurrence of each number
 */
export function deduplicate(numbers) {
  return [...new Set(numbers)];
}

/**
 * Compares the received numbers with 1 to `last`. Each must occur once and in order.
 * @param {readonly number[]} numbers
 * @param {number} last
 */
export function checkStream(numbers, last) {
  const seen = new Set();
  let highest = 0;
  let duplicated = 0;
  let outOfOrder = 0;
  let unknown = 0;
  /** @type {string | undefined} */
  let first;
  for (const [index, number] of numbers.entries()) {
    let fault;
    if (!(number >= 1 && number <= last)) fault = ++unknown && "unknown";
    else if (seen.has(number)) fault = ++duplicated && "duplicated";
    else if (number < highest) fault = ++outOfOrder && "out of order";
    if (fault !== undefined)
      first ??= `${number} ${fault}, after ${numbers.slice(Math.max(0, index - 3), index)}`;
    seen.add(number);
    highest = Math.max(highest, number);
  }
  const lost = [];
  for (let number = 1; number <= last; number++) {
    if (!seen.has(number)) lost.push(number);
  }
  if (lost.length > 0) first ??= `${lost[0]} lost`;
  return { lost, duplicated, outOfOrder, unknown, first };
}

/**
 * The close report of one connection.
 * @typedef {object} LinkEnd
 * @property {number} given - The highest number passed to this connection or to an earlier one.
 * @property {number} unsent
 * @property {number} uncertain
 */

/**
 * Returns the lost numbers that no connection reported as uncertain. Of the numbers up to `given`, the last `unsent`
 * ones are sent again, and the `uncertain` ones before them may be lost.
 * @param {readonly number[]} lost - Ascending.
 * @param {readonly LinkEnd[]} ends
 */
export function unreportedLosses(lost, ends) {
  const spans = ends.map(({ given, unsent, uncertain }) => ({
    above: given - unsent - uncertain,
    upTo: given - unsent,
  }));
  return lost.filter((number) => !spans.some(({ above, upTo }) => number > above && number <= upTo));
}

/**
 * Parses a journal. Each line has a number, and 1 if the message was intact, else 0.
 * @param {string} text
 */
export function parseJournal(text) {
  const numbers = [];
  let broken = 0;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [number, isIntact] = line.split(" ");
    numbers.push(Number(number));
    if (isIntact !== "1") broken++;
  }
  return { numbers, broken };
}
