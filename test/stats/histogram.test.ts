import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Histogram, type HistogramSnapshot } from "../../src/stats/histogram.js";
import { cases } from "../support/cases.js";

/** Returns the exact percentile: the sample that this fraction of all samples does not exceed. */
function exactPercentile(samples: readonly number[], fraction: number): number {
  return samples.toSorted((left, right) => left - right)[Math.ceil(fraction * samples.length) - 1]!;
}

/** The allowed error is 1/64 of the sample, or half a microsecond. */
function expectNear(found: number, sample: number): void {
  expect(Math.abs(found - sample)).toBeLessThanOrEqual(Math.max(sample / 64, 0) + 0.000_51);
}

function expectMatches(snapshot: HistogramSnapshot, samples: readonly number[]): void {
  const sum = samples.reduce((total, sample) => total + sample, 0);
  expect(snapshot).toMatchObject({
    count: samples.length,
    min: Math.min(...samples),
    max: Math.max(...samples),
    last: samples.at(-1),
  });
  expect(snapshot.sum).toBeCloseTo(sum, 3);
  expect(snapshot.mean).toBe(snapshot.sum / samples.length);
  expectNear(snapshot.p50, exactPercentile(samples, 0.5));
  expectNear(snapshot.p90, exactPercentile(samples, 0.9));
  expectNear(snapshot.p99, exactPercentile(samples, 0.99));
  expectNear(snapshot.p999, exactPercentile(samples, 0.999));
}

const hour = 3_600_000;

describe("Histogram", () => {
  it("returns undefined before its first sample", () => {
    expect(new Histogram().snapshot()).toBeUndefined();
  });

  it("returns the sample itself for every value if there is only one", () => {
    const snapshot = new Histogram([12.345]).snapshot();
    expect(snapshot).toEqual({
      ...{ count: 1, sum: 12.345, mean: 12.345, min: 12.345, max: 12.345, last: 12.345 },
      ...{ p50: 12.345, p90: 12.345, p99: 12.345, p999: 12.345 },
    });
    expect(Object.isFrozen(snapshot)).toBe(true);
  });

  it("computes percentiles by rank", () => {
    const samples = Array.from({ length: 1_000 }, (_, index) => index + 1);
    expectMatches(new Histogram(samples).snapshot()!, samples);
    // The ten samples of 5 ms are above p90, and only the largest sample is above p99.9.
    const outliers = [...Array<number>(989).fill(0.01), ...Array<number>(10).fill(5), 700];
    const snapshot = new Histogram(outliers).snapshot()!;
    expect(snapshot).toMatchObject({ p90: 0.01, max: 700 });
    expectNear(snapshot.p99, 5);
    expectNear(snapshot.p999, 5);
  });

  it("is exact to the microsecond below 64 microseconds", () => {
    for (let microseconds = 0; microseconds < 64; microseconds++) {
      const samples = [0, microseconds / 1_000, microseconds / 1_000, 1_000];
      expect(new Histogram(samples).snapshot()?.p50).toBe(microseconds / 1_000);
    }
  });

  it.each(Array.from({ length: 32 }, (_, bit) => 2 ** bit / 1_000))("is accurate around %f ms", (edge) => {
    for (const sample of [edge - 0.001, edge, edge + 0.001, edge * 1.5, edge * 1.999]) {
      const samples = [0, sample, sample, 2 * hour];
      expectNear(new Histogram(samples).snapshot()!.p50, sample);
    }
  });

  it("counts a longer duration as 71 minutes in percentiles, but keeps its exact maximum and sum", () => {
    const snapshot = new Histogram([1, 100 * hour, 100 * hour]).snapshot()!;
    expectNear(snapshot.p50, 2 ** 32 / 1_000);
    expect(snapshot).toMatchObject({ max: 100 * hour, last: 100 * hour, sum: 200 * hour + 1 });
  });

  it.each([0, -1, -Infinity, Infinity, NaN])("counts %d as 0", (sample) => {
    expect(new Histogram([sample]).snapshot()).toMatchObject({
      count: 1,
      sum: 0,
      min: 0,
      max: 0,
      last: 0,
      p50: 0,
      p999: 0,
    });
  });

  it("accepts samples of every size in any order", () => {
    const sample = fc.oneof(
      fc.double({ min: 0, max: 0.1, noNaN: true }),
      fc.double({ min: 0, max: 1_000, noNaN: true }),
      fc.double({ min: 0, max: hour, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 200, size: "max" }), (samples) => {
        expectMatches(new Histogram(samples).snapshot()!, samples);
      }),
      { numRuns: cases(100) },
    );
  });
});
