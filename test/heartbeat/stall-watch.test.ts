import { describe, expect, it } from "vitest";
import { StallWatch } from "../../src/heartbeat/stall-watch.js";

function pausedAt(time: number): StallWatch {
  const watch = new StallWatch(100);
  watch.pause(time);
  return watch;
}

describe("StallWatch", () => {
  it.each([
    [0, 0, 99, false],
    [0, 0, 100, true],
    [0, 50, 149, false],
    [0, 50, 150, true],
    [50, 0, 149, false],
    [50, 0, 150, true],
    [0, undefined, 1_000, false],
  ])(
    "reading paused at %d, write blocked since %s: at %d isStalled() returns %s",
    (paused, blockedSince, now, isStalled) => {
      expect(pausedAt(paused).isStalled(now, blockedSince)).toBe(isStalled);
    },
  );

  it("reports no stall while reading is not paused", () => {
    const watch = new StallWatch(100);
    expect([watch.isStalled(1_000, 0), watch.nextAt(1_000, 0)]).toEqual([false, Infinity]);
  });

  it("ends the stall when reading resumes, and waits a full timeout after the next pause", () => {
    const watch = pausedAt(0);
    watch.resume();
    expect([watch.isStalled(1_000, 0), watch.nextAt(1_000, 0)]).toEqual([false, Infinity]);
    watch.pause(1_000);
    expect([watch.isStalled(1_099, 0), watch.isStalled(1_100, 0)]).toEqual([false, true]);
  });

  it("counts from the first of two pauses without a resume in between", () => {
    const watch = pausedAt(0);
    watch.pause(90);
    expect(watch.isStalled(100, 0)).toBe(true);
  });
});

describe("StallWatch that is checked at nextAt", () => {
  it.each([0, 1, 99, 100, 101, 250])("finds a write that blocks at %d within two timeouts", (blocksAt) => {
    const watch = pausedAt(0);
    let now = 0;
    const blockedSince = (): number | undefined => (now >= blocksAt ? blocksAt : undefined);
    while (!watch.isStalled(now, blockedSince())) now = watch.nextAt(now, blockedSince());
    expect(now - blocksAt).toBeGreaterThanOrEqual(100);
    expect(now - blocksAt).toBeLessThan(200);
  });

  it("waits a full timeout after each progress of the write", () => {
    const watch = pausedAt(0);
    expect(watch.nextAt(10, 5)).toBe(105);
    expect([watch.isStalled(105, 80), watch.nextAt(105, 80)]).toEqual([false, 180]);
  });
});
