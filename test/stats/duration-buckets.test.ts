import { describe, expect, it } from "vitest";
import { DurationBuckets } from "../../src/stats/duration-buckets.js";

/** Returns the percentile that lies between a smaller and a larger sample, so that neither limits it. */
function middleOf(sample: number): number {
  return new DurationBuckets([0, sample, 10 * hour]).percentiles([0.5])[0]!;
}

const hour = 3_600_000;

describe("record()", () => {
  it("keeps the exact count, sum, minimum, maximum and last sample", () => {
    const buckets = new DurationBuckets([3, 1.25, 7, 2]);
    expect(buckets).toMatchObject({ count: 4, sum: 13.25, min: 1.25, max: 7, last: 2 });
  });

  it("has no minimum before the first sample", () => {
    expect(new DurationBuckets([])).toMatchObject({ count: 0, sum: 0, min: Infinity, max: 0, last: 0 });
  });

  it("creates buckets for shorter durations and for longer ones, and keeps the counts", () => {
    const samples = [1, 1, 0.001, 1_000, 0.001, 1, 1_000, 1_000, 1_000];
    const buckets = new DurationBuckets(samples);
    const percentiles = buckets.percentiles([2 / 9, 3 / 9, 5 / 9, 6 / 9, 1]);
    const expected = [0.001, 1, 1, 1_000, 1_000];
    for (const [index, percentile] of percentiles.entries())
      expect(Math.abs(percentile - expected[index]!)).toBeLessThanOrEqual(expected[index]! / 64);
  });
});

describe("a bucket", () => {
  it.each([0, 1, 31, 32, 33, 62, 63])("contains one number of microseconds below 64: %i", (microseconds) => {
    expect(middleOf(microseconds / 1_000)).toBe(microseconds / 1_000);
  });

  it.each([
    [64, 65],
    [66, 67],
    [126, 127],
    [128, 131],
    [132, 135],
    [2 ** 20, 2 ** 20 + 2 ** 15 - 1],
    [2 ** 31, 2 ** 31 + 2 ** 26 - 1],
  ])("contains the microseconds from %i to %i, and percentiles are its middle", (first, last) => {
    const middle = (first + last) / 2_000;
    expect([middleOf(first / 1_000), middleOf(last / 1_000)]).toEqual([middle, middle]);
    expect(middleOf((first - 1) / 1_000)).toBeLessThan(middle);
    expect(middleOf((last + 1) / 1_000)).toBeGreaterThan(middle);
  });

  it("contains the durations that round to its microseconds", () => {
    expect([0.0104, 0.010_499, 0.0105, 0.0114].map(middleOf)).toEqual([0.01, 0.01, 0.011, 0.011]);
  });

  it("contains all durations from 2 ** 32 - 1 microseconds on", () => {
    const longest = middleOf((2 ** 32 - 1) / 1_000);
    expect([middleOf(2 ** 32 / 1_000), middleOf(2 * hour), middleOf(10 * hour)]).toEqual([
      longest,
      longest,
      longest,
    ]);
    expect(longest).toBeLessThanOrEqual((2 ** 32 - 1) / 1_000);
  });
});

describe("percentiles()", () => {
  const tenSamples = [0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008, 0.009, 0.01];

  it.each([
    [0.1, 0.001],
    [0.1001, 0.002],
    [0.5, 0.005],
    [0.9, 0.009],
    [0.901, 0.01],
    [1, 0.01],
  ])("rounds the rank up: the fraction %f of ten samples is %f ms", (fraction, expected) => {
    expect(new DurationBuckets(tenSamples).percentiles([fraction])).toEqual([expected]);
  });

  it("returns one value for each fraction, also for equal fractions", () => {
    expect(new DurationBuckets(tenSamples).percentiles([0.2, 0.2, 0.7])).toEqual([0.002, 0.002, 0.007]);
    expect(new DurationBuckets(tenSamples).percentiles([])).toEqual([]);
  });

  it("returns the minimum for the fraction 0", () => {
    expect(new DurationBuckets([5, 6]).percentiles([0])).toEqual([5]);
  });

  it("never exceeds the largest sample and is never below the smallest one", () => {
    // Both samples are in the bucket from 128 to 131 microseconds, whose middle is 129.5.
    expect(new DurationBuckets([0.128, 0.129]).percentiles([0.5, 1])).toEqual([0.129, 0.129]);
    expect(new DurationBuckets([0.13, 0.131]).percentiles([0.5, 1])).toEqual([0.13, 0.13]);
  });

  it("does not change the samples", () => {
    const buckets = new DurationBuckets(tenSamples);
    expect(buckets.percentiles([0.5, 1])).toEqual(buckets.percentiles([0.5, 1]));
    expect(buckets.count).toBe(10);
  });
});
