import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoffDelay, type BackoffPolicy, RetrySchedule } from "../../src/reconnect/backoff.js";
import { cases } from "../support/cases.js";

const policy: BackoffPolicy = {
  base: 1_000,
  multiplier: 2,
  cap: 60_000,
  floor: 100,
  jitter: true,
  maxAttempts: 0,
  maxElapsed: undefined,
  resetAfter: 60_000,
};

describe("backoffDelay", () => {
  it.each([
    [0, 1_000],
    [1, 2_000],
    [5, 32_000],
    [6, 60_000],
    [1_024, 60_000],
    [100_000, 60_000],
  ])("increases the delay without jitter: retry %i waits %i ms", (retry, delay) => {
    expect(backoffDelay({ ...policy, jitter: false }, retry, 0.5)).toBe(delay);
  });

  it("returns a random delay between the floor and the full delay", () => {
    fc.assert(
      fc.property(fc.nat(2_000), fc.double({ min: 0, max: 0.999_999, noNaN: true }), (retry, random) => {
        const delay = backoffDelay(policy, retry, random);
        expect(delay).toBeGreaterThanOrEqual(100);
        expect(delay).toBeLessThanOrEqual(backoffDelay({ ...policy, jitter: false }, retry, 0));
      }),
      { numRuns: cases(100) },
    );
  });

  it("spreads the delays evenly, so that many clients do not reconnect at the same time", () => {
    const delays = [0, 0.25, 0.5, 0.75].map((random) => backoffDelay({ ...policy, floor: 0 }, 2, random));
    expect(delays).toEqual([0, 1_000, 2_000, 3_000]);
  });

  it("never returns more than the full delay, even if the floor is higher", () => {
    expect(backoffDelay({ ...policy, base: 10, floor: 5_000 }, 0, 0.9)).toBe(10);
  });
});

describe("RetrySchedule", () => {
  const steady = { ...policy, jitter: false };

  it("never ends without a limit", () => {
    const schedule = new RetrySchedule(steady);
    for (let attempt = 0; attempt < 10_000; attempt++) {
      expect(schedule.next(attempt, 0, 0)).toBeLessThanOrEqual(60_000);
    }
  });

  it("counts the first attempt in maxAttempts", () => {
    const schedule = new RetrySchedule({ ...steady, maxAttempts: 3 });
    expect([0, 1, 2].map((at) => schedule.next(at, 0, 0))).toEqual([1_000, 2_000, undefined]);
  });

  it("gives up if the delay would end after maxElapsed", () => {
    const schedule = new RetrySchedule({ ...steady, maxElapsed: 5_000 });
    expect(schedule.next(10_000, 0, 0)).toBe(1_000);
    expect(schedule.next(11_000, 0, 0)).toBe(2_000);
    expect(schedule.next(13_000, 0, 0)).toBeUndefined();
  });

  it("adds the minimum delay to the random delay", () => {
    expect(new RetrySchedule(steady).next(0, 0, 30_000)).toBe(31_000);
  });

  it("restarts the count only after a connection was open for resetAfter", () => {
    const schedule = new RetrySchedule(steady);
    schedule.next(0, 0, 0);
    schedule.onLost(59_999);
    expect(schedule.next(0, 0, 0)).toBe(2_000);
    schedule.onLost(60_000);
    expect(schedule.next(0, 0, 0)).toBe(1_000);
  });
});
