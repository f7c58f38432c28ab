/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Returns the minimum and the maximum. @param {readonly number[]} values */
export function spread(values) {
  return [Math.min(...values), Math.max(...values)];
}

/**
 * Returns the ratio of the baseline's cost to the client's cost in each round that both have. Both costs of a round are
 * measured at about the same time, so that a disturbance of the machine affects both.
 *
 * @param {readonly { cost: number }[]} results
 * @param {readonly { cost: number }[]} baselineResults
 */
export function pairedRatios(results, baselineResults) {
  const rounds = Math.min(results.length, baselineResults.length);
  return Array.from({ length: rounds }, (_, round) => baselineResults[round].cost / results[round].cost);
}
