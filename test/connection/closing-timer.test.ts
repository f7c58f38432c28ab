import { beforeEach, expect, it } from "vitest";
import { ClosingTimer } from "../../src/connection/closing-timer.js";
import { createCountingRuntime, type CountingRuntime } from "../support/counting-runtime.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";

let time: VirtualRuntime;
let counting: CountingRuntime;
let clock: ClosingTimer;
let expiredAt: number[];

beforeEach(() => {
  time = new VirtualRuntime();
  counting = createCountingRuntime(time);
  expiredAt = [];
  clock = new ClosingTimer(counting.runtime, true, () => expiredAt.push(time.now()));
});

it("expires after its span", () => {
  expect(clock.isRunning).toBe(false);
  clock.start(100);
  expect(clock.isRunning).toBe(true);
  time.advance(1_000);
  expect(expiredAt).toEqual([100]);
});

it("starts anew with each progress", () => {
  clock.start(100);
  time.advance(60);
  clock.progress();
  time.advance(99);
  clock.progress();
  time.advance(1_000);
  expect(expiredAt).toEqual([60 + 99 + 100]);
});

it("ends after ten spans, whatever the progress", () => {
  clock.start(100);
  for (let at = 7; at < 1_000; at += 7) {
    time.advance(7);
    clock.progress();
  }
  expect(expiredAt).toEqual([]);
  time.advance(100);
  expect(expiredAt).toEqual([1_000]);
});

it("gives no more than what is left of the ten spans", () => {
  clock.start(100);
  for (let at = 90; at <= 990; at += 90) {
    time.advance(90);
    clock.progress();
  }
  time.advance(1_000);
  expect(expiredAt).toEqual([1_000]);
});

it("expires where progress comes when the ten spans are over already", () => {
  clock.start(100);
  time.stall(5_000);
  clock.progress();
  time.advance(1);
  expect(expiredAt).toEqual([5_001]);
});

it("has a last wait, which no progress extends", () => {
  clock.start(100);
  time.advance(50);
  clock.startLinger(1_000);
  time.advance(900);
  clock.progress();
  time.advance(1_000);
  expect(expiredAt).toEqual([1_050]);
});

it("may be stopped, and leaves no timer", () => {
  clock.start(100);
  clock.stop();
  clock.progress();
  expect(clock.isRunning).toBe(false);
  time.advance(1_000);
  expect(expiredAt).toEqual([]);
  counting.assertIdle();
});

it("holds the process as long as the connection is to do so", () => {
  clock.start(100);
  expect(time.isHeld).toBe(true);
  clock.unref();
  expect(time.isHeld).toBe(false);
  clock.progress();
  expect(time.isHeld).toBe(false);
  clock.startLinger(100);
  expect(time.isHeld).toBe(false);
  clock.ref();
  expect(time.isHeld).toBe(true);
  clock.stop();
  expect(time.isHeld).toBe(false);
});

it("stands still while it is held, and has all of its time again afterwards", () => {
  clock.start(100);
  time.advance(60);
  clock.pause();
  clock.pause();
  time.advance(10_000);
  expect(expiredAt).toEqual([]);
  clock.resume();
  time.advance(1_000);
  expect(expiredAt).toEqual([10_060 + 100]);
});

it("starts again when it becomes final while it is held, and is held no more", () => {
  clock.start(100);
  time.advance(60);
  clock.pause();
  time.advance(10_000);
  clock.makeFinal();
  clock.pause();
  time.advance(1_000);
  expect(expiredAt).toEqual([10_060 + 100]);
});

it("goes on when it becomes final while it runs", () => {
  clock.start(100);
  time.advance(60);
  clock.makeFinal();
  clock.pause();
  time.advance(1_000);
  expect(expiredAt).toEqual([100]);
});
