import { beforeEach, describe, expect, it } from "vitest";
import { ClosingTimer } from "../../src/connection/closing-timer.js";
import { createCountingRuntime, type CountingRuntime } from "../support/counting-runtime.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";

let time: VirtualRuntime;
let counting: CountingRuntime;
let timer: ClosingTimer;
let expiredAt: number[];

beforeEach(() => {
  time = new VirtualRuntime();
  counting = createCountingRuntime(time);
  expiredAt = [];
  timer = new ClosingTimer(counting.runtime, true, () => expiredAt.push(time.now()));
});

describe("ClosingTimer", () => {
  it("expires when closeTimeout passes without progress", () => {
    expect(timer.isRunning).toBe(false);
    timer.start(100);
    expect(timer.isRunning).toBe(true);
    time.advance(1_000);
    expect(expiredAt).toEqual([100]);
  });

  it("restarts on every progress", () => {
    timer.start(100);
    time.advance(60);
    timer.progress();
    time.advance(99);
    timer.progress();
    time.advance(1_000);
    expect(expiredAt).toEqual([60 + 99 + 100]);
  });

  it("expires after ten timeouts, even with progress", () => {
    timer.start(100);
    for (let at = 7; at < 1_000; at += 7) {
      time.advance(7);
      timer.progress();
    }
    expect(expiredAt).toEqual([]);
    time.advance(100);
    expect(expiredAt).toEqual([1_000]);
  });

  it("limits the last restart to the remainder of the ten timeouts", () => {
    timer.start(100);
    for (let at = 90; at <= 990; at += 90) {
      time.advance(90);
      timer.progress();
    }
    time.advance(1_000);
    expect(expiredAt).toEqual([1_000]);
  });

  it("expires when progress arrives after the ten timeouts", () => {
    timer.start(100);
    time.stall(5_000);
    timer.progress();
    time.advance(1);
    expect(expiredAt).toEqual([5_001]);
  });

  it("does not extend the last wait on progress", () => {
    timer.start(100);
    time.advance(50);
    timer.startLinger(1_000);
    time.advance(900);
    timer.progress();
    time.advance(1_000);
    expect(expiredAt).toEqual([1_050]);
  });

  it("does not expire after stop(), and leaves no timer", () => {
    timer.start(100);
    timer.stop();
    timer.progress();
    expect(timer.isRunning).toBe(false);
    time.advance(1_000);
    expect(expiredAt).toEqual([]);
    counting.assertIdle();
  });

  it("keeps the process alive only while it is referenced", () => {
    timer.start(100);
    expect(time.isHeld).toBe(true);
    timer.unref();
    expect(time.isHeld).toBe(false);
    timer.progress();
    expect(time.isHeld).toBe(false);
    timer.startLinger(100);
    expect(time.isHeld).toBe(false);
    timer.ref();
    expect(time.isHeld).toBe(true);
    timer.stop();
    expect(time.isHeld).toBe(false);
  });

  it("does not run while it is paused, and restarts with a whole timeout afterwards", () => {
    timer.start(100);
    time.advance(60);
    timer.pause();
    timer.pause();
    time.advance(10_000);
    expect(expiredAt).toEqual([]);
    timer.resume();
    time.advance(1_000);
    expect(expiredAt).toEqual([10_060 + 100]);
  });

  it("restarts when makeFinal() is called while it is paused, and can no longer be paused", () => {
    timer.start(100);
    time.advance(60);
    timer.pause();
    time.advance(10_000);
    timer.makeFinal();
    timer.pause();
    time.advance(1_000);
    expect(expiredAt).toEqual([10_060 + 100]);
  });

  it("continues when makeFinal() is called while it runs", () => {
    timer.start(100);
    time.advance(60);
    timer.makeFinal();
    timer.pause();
    time.advance(1_000);
    expect(expiredAt).toEqual([100]);
  });
});
