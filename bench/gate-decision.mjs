// Decides whether a measured ratio passes the gate. It measures nothing.
import { median } from "./statistics.mjs";

/** Share of the recorded ratio that must be reached. The median of seven rounds varies by less on a busy machine. */
const share = 0.8;

/**
 * @param {readonly number[]} ratios - Ratios to the baseline, one per round.
 * @param {number | undefined} recorded
 */
export function decide(ratios, recorded) {
  if (recorded === undefined) {
    return {
      isPassed: false,
      reason: "no ratio is recorded; record one with `npm run bench -- --gate --record`",
    };
  }
  const least = recorded * share;
  const isPassed = median(ratios) >= least;
  return { isPassed, reason: `${recorded} is recorded, at least ${least.toPrecision(3)} is asked for` };
}
