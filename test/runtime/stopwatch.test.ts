import { beforeEach, describe, expect, it } from "vitest";
import { Stopwatch } from "../../src/runtime/stopwatch.js";

let stopwatch: Stopwatch;

beforeEach(() => {
  stopwatch = new Stopwatch();
});

describe("Stopwatch", () => {
  it("starts at 0", () => {
    expect([stopwatch.isRunning, stopwatch.totalAt(500), stopwatch.end(500)]).toEqual([false, 0, 0]);
  });

  it.each([0, 1_000])("counts a period from its begin at %d to its end", (start) => {
    stopwatch.begin(start);
    expect([stopwatch.isRunning, stopwatch.totalAt(start + 30)]).toEqual([true, 30]);
    expect(stopwatch.end(start + 50)).toBe(50);
    expect([stopwatch.isRunning, stopwatch.totalAt(start + 900)]).toEqual([false, 50]);
  });

  it("returns the duration of each period, and adds them up", () => {
    for (const [begin, duration] of [
      [100, 10],
      [200, 0],
      [300, 5],
    ] as const) {
      stopwatch.begin(begin);
      expect(stopwatch.end(begin + duration)).toBe(duration);
    }
    expect(stopwatch.totalAt(1_000)).toBe(15);
  });

  it("ignores a second begin() in a period", () => {
    stopwatch.begin(100);
    stopwatch.begin(150);
    expect(stopwatch.end(160)).toBe(60);
  });

  it("ignores end() without a period", () => {
    stopwatch.begin(100);
    stopwatch.end(110);
    expect([stopwatch.end(500), stopwatch.totalAt(500)]).toEqual([0, 10]);
  });
});
