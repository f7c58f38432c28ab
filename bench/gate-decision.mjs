import { median } from "./statistics.mjs";

/** Of a recorded ratio, that must be reached: a busy machine moves a median of seven rounds by less. */
const share = 0.8;

/**
 * @param {readonly number[]} ratios - To the baseline, one for each round.
 * @param {number | undefined} recorded
 */
export function decide(ratios, recorded) {
  if (recorded === undefined) {
    return { isPassed: false, reason: "nothing was recorded; `npm run bench -- --gate --record` does" };
  }
  const least = recorded * share;
  const isPassed = median(ratios) >= least;
  return { isPassed, reason: `${recorded} is recorded, at least ${least.toPrecision(3)} is asked for` };
}
