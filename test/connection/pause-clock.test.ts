import { beforeEach, expect, it } from "vitest";
import { PauseClock } from "../../src/connection/pause-clock.js";

let pauses: PauseClock;

beforeEach(() => {
  pauses = new PauseClock();
});

it("stands at nothing at first", () => {
  expect([pauses.isPaused, pauses.total]).toEqual([false, 0]);
});

it("counts a pause once it is over", () => {
  pauses.begin(0);
  expect([pauses.isPaused, pauses.total]).toEqual([true, 0]);
  pauses.end(30);
  expect([pauses.isPaused, pauses.total]).toEqual([false, 30]);
});

it("adds them up", () => {
  pauses.begin(100);
  pauses.end(110);
  pauses.begin(200);
  pauses.end(205);
  expect(pauses.total).toBe(15);
});

it("goes on from the first of two beginnings", () => {
  pauses.begin(100);
  pauses.begin(150);
  pauses.end(160);
  expect(pauses.total).toBe(60);
});

it("counts an end without a beginning for nothing", () => {
  pauses.begin(100);
  pauses.end(110);
  pauses.end(500);
  expect(pauses.total).toBe(10);
});
