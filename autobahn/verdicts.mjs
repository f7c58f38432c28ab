/** Reads the pinned verdicts and compares the results of a run with them. */
import { readFile } from "node:fs/promises";

/**
 * @typedef {object} Pinned the expected verdicts of a case
 * @property {string} behavior
 * @property {string} behaviorClose
 *
 * @typedef {object} Result the fields of the suite's result file of a case
 * @property {string} behavior
 * @property {string} behaviorClose
 * @property {string} result
 * @property {string} resultClose
 * @property {number | null} remoteCloseCode
 * @property {number} duration milliseconds
 *
 * @typedef {object} Deviation
 * @property {string} id
 * @property {string} what
 *
 * @typedef {object} Judgement
 * @property {Deviation[]} deviations at most one per case
 * @property {Record<string, number>} behavior cases by verdict
 * @property {Record<string, number>} close cases by the verdict on the close
 * @property {number} closeAsPinned
 */

/** The verdict of a case without a result. */
export const DID_NOT_RUN = "DID NOT RUN";

/** The verdicts from best to worst, in the order in which they are printed. */
const VERDICTS = ["OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED", "FAILED", DID_NOT_RUN];

/**
 * @param {string} file
 * @returns {Promise<Map<string, Pinned>>} by case id
 */
export async function readPinned(file) {
  return new Map(Object.entries(JSON.parse(await readFile(file, "utf8")).cases));
}

/**
 * Compares every selected case with its pinned verdicts.
 * @param {readonly string[]} ids
 * @param {ReadonlyMap<string, Pinned>} pinned
 * @param {ReadonlyMap<string, Result>} results
 * @param {ReadonlyMap<string, string>} unfinished why a case did not end, by id
 * @returns {Judgement}
 */
export function judge(ids, pinned, results, unfinished) {
  /** @type {Judgement} */
  const judgement = { deviations: [], behavior: {}, close: {}, closeAsPinned: 0 };
  for (const id of ids) {
    const expected = /** @type {Pinned} */ (pinned.get(id));
    const result = results.get(id);
    count(judgement.behavior, result?.behavior ?? DID_NOT_RUN);
    count(judgement.close, result?.behaviorClose ?? DID_NOT_RUN);
    if (result?.behaviorClose === expected.behaviorClose) judgement.closeAsPinned++;
    const what = describeDeviation(expected, result, unfinished.get(id));
    if (what !== undefined) judgement.deviations.push({ id, what });
  }
  return judgement;
}

/**
 * @param {Pinned} expected
 * @param {Result | undefined} result
 * @param {string | undefined} unfinished
 * @returns {string | undefined}
 */
function describeDeviation(expected, result, unfinished) {
  if (unfinished !== undefined) return `did not end: ${unfinished}`;
  if (result === undefined) return "did not run: there is no result of it";
  const parts = [];
  if (result.behavior !== expected.behavior) {
    parts.push(`behaviour ${result.behavior}, pinned ${expected.behavior} (${result.result})`);
  }
  if (result.behaviorClose !== expected.behaviorClose) {
    parts.push(`close ${result.behaviorClose}, pinned ${expected.behaviorClose} (${result.resultClose})`);
  }
  return parts.length === 0 ? undefined : parts.join("; ");
}

/**
 * @param {Record<string, number>} counts
 * @param {string} verdict
 */
export function count(counts, verdict) {
  counts[verdict] = (counts[verdict] ?? 0) + 1;
}

/**
 * Returns the verdicts that occur, from best to worst.
 * @param {Record<string, number>} counts
 * @returns {[verdict: string, cases: number][]}
 */
export function inOrder(counts) {
  const rank = (/** @type {string} */ verdict) => (VERDICTS.indexOf(verdict) + 100) % 100;
  return Object.entries(counts).sort(([left], [right]) => rank(left) - rank(right));
}
