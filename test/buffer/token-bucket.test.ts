import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TokenBucket } from "../../src/buffer/token-bucket.js";
import { cases } from "../support/cases.js";

/**
 * The times at which messages pass if one is always waiting. `lateness` returns the delay of each timer in
 * milliseconds.
 */
function passes(perSecond: number, until: number, lateness: () => number): number[] {
  const bucket = new TokenBucket(perSecond);
  const times: number[] = [];
  for (let now = 0; now < until; now = Math.max(now, bucket.nextAt) + lateness()) {
    while (bucket.take(now)) times.push(now);
  }
  return times;
}

function mostInASecond(times: readonly number[]): number {
  let first = 0;
  return times.reduce((most, time, index) => {
    // Allows for rounding errors of the sums.
    while (time - times[first]! >= 1_000 - 1e-6) first++;
    return Math.max(most, index - first + 1);
  }, 0);
}

describe("TokenBucket", () => {
  it("lets the first message pass at once at any time", () => {
    expect(new TokenBucket(5).nextAt).toBeLessThan(0);
    expect(new TokenBucket(5).take(0)).toBe(true);
  });

  it("spaces messages evenly at a low rate", () => {
    const bucket = new TokenBucket(4);
    expect([bucket.take(1_000), bucket.nextAt]).toEqual([true, 1_250]);
    expect([bucket.take(1_249.9), bucket.nextAt]).toEqual([false, 1_250]);
    expect([bucket.take(1_250), bucket.nextAt]).toEqual([true, 1_500]);
    expect([bucket.take(9_000), bucket.nextAt]).toEqual([true, 9_250]);
  });

  it("accepts a rate below 1", () => {
    const bucket = new TokenBucket(0.5);
    expect([bucket.take(0), bucket.nextAt]).toEqual([true, 2_000]);
  });

  it("allows a burst of the messages of ten milliseconds", () => {
    const bucket = new TokenBucket(1_000);
    let count = 0;
    while (bucket.take(0)) count++;
    expect(count).toBe(11);
  });

  it.each([1, 3, 10, 99, 100, 1_000, 5_000])(
    "lets %i messages per second pass without much delay",
    (perSecond) => {
      const times = passes(perSecond, 10_000, () => 0);
      expect(mostInASecond(times)).toBeLessThanOrEqual(perSecond);
      expect(times.length).toBeGreaterThanOrEqual(perSecond * 10 * 0.98);
    },
  );

  it("loses little throughput to timers that are late by 1 ms", () => {
    expect(passes(1_000, 10_000, () => 1).length).toBeGreaterThan(9_800);
  });

  it("never exceeds the rate in any period of one second, even with late timers", () => {
    const lateness = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 30, noNaN: true })), {
      minLength: 1,
      maxLength: 50,
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 700 }), lateness, (perSecond, lates) => {
        let index = 0;
        const times = passes(perSecond, 5_000, () => lates[index++ % lates.length]!);
        expect(mostInASecond(times)).toBeLessThanOrEqual(perSecond);
      }),
      { numRuns: cases(100) },
    );
  });
});
