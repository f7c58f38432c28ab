import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { ControlRate } from "../../src/connection/control-rate.js";
import { cases } from "../support/cases.js";

const minute = 60_000;

let rate: ControlRate;

beforeEach(() => {
  rate = new ControlRate(10);
});

/** Takes frames at the same time until one is refused, and returns how many were accepted. */
function takeAll(now: number): number {
  for (let count = 0; count < 100_000; count++) if (!rate.take(now)) return count;
  return Infinity;
}

describe("ControlRate", () => {
  it("accepts the frames of one minute at once, and refuses the next one", () => {
    expect(takeAll(5)).toBe(600);
  });

  it.each([0.1, 123.456789, 98_765.4321, 1e9 + 0.3])("accepts them at the time %d too", (now) => {
    expect(takeAll(now)).toBe(600);
    const slow = new ControlRate(7);
    expect(Array.from({ length: 421 }, () => slow.take(now)).indexOf(false)).toBe(420);
  });

  it("accepts the rate itself for any time", () => {
    for (let count = 0; count < 10_000; count++) expect(rate.take(count * 100)).toBe(true);
  });

  it("refuses twice the rate after one minute", () => {
    const accepted = Array.from({ length: 1_300 }, (_, count) => rate.take(count * 50)).indexOf(false);
    expect(accepted).toBeGreaterThan(1_190);
    expect(accepted).toBeLessThan(1_210);
  });

  it("does not save more than the frames of one minute", () => {
    rate.take(0);
    expect(takeAll(100 * minute)).toBe(600);
  });

  it("accepts the frames of a pause in addition", () => {
    for (let count = 0; count < 1_000; count++) rate.take(count * 100);
    const paused = 10 * minute;
    rate.addPause(paused, 100_000 + paused);
    expect(takeAll(100_000 + paused)).toBe(600 + 6_000);
  });

  it("accepts the frames of a long pause also if further pauses interrupt their arrival", () => {
    rate.take(0);
    let now = 10 * minute;
    rate.addPause(10 * minute, now);
    for (let round = 0; round < 6; round++) {
      for (let count = 0; count < 1_000; count++) expect(rate.take(now)).toBe(true);
      now += 1_000;
      rate.addPause(500, now);
    }
  });

  it("does not keep the frames of a pause for longer than the pause", () => {
    rate.addPause(10 * minute, 10 * minute);
    expect(takeAll(20 * minute)).toBe(600);
  });

  it("never refuses a peer below the rate, however reading pauses and the network stalls for up to a minute", () => {
    const step = fc.record({
      kind: fc.constantFrom("run", "stall", "pause"),
      ms: fc.integer({ min: 1, max: minute - 200 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const subject = new ControlRate(10);
        let now = 0;
        let sent = 0;
        let isRefused = false;
        // A frame is sent every 100 ms, and arrives when the client reads.
        const arrive = (): void => {
          for (; sent * 100 <= now; sent++) isRefused ||= !subject.take(now);
        };
        for (const { kind, ms } of steps) {
          const parts = kind === "run" ? 10 : 1;
          const duration = kind === "pause" ? 20 * ms : ms;
          for (let part = 0; part < parts; part++) {
            now += duration / parts;
            if (kind === "pause") subject.addPause(duration, now);
            arrive();
          }
        }
        expect(isRefused).toBe(false);
      }),
      { numRuns: cases(500) },
    );
  });
});
