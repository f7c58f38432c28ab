/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The least and the greatest. @param {readonly number[]} values */
export function spread(values) {
  return [Math.min(...values), Math.max(...values)];
}

/**
 * How many times less one client takes than another, within each round that both have, so that what disturbs the
 * machine meets both.
 *
 * @param {readonly { cost: number }[]} results
 * @param {readonly { cost: number }[]} baselineResults
 */
export function pairedRatios(results, baselineResults) {
  const rounds = Math.min(results.length, baselineResults.length);
  return Array.from({ length: rounds }, (_, round) => baselineResults[round].cost / results[round].cost);
}
