import { beforeEach, describe, expect, it } from "vitest";
import { PauseClock } from "../../src/connection/pause-clock.js";

let pauses: PauseClock;

beforeEach(() => {
  pauses = new PauseClock();
});

describe("PauseClock", () => {
  it("starts at 0", () => {
    expect([pauses.isPaused, pauses.total]).toEqual([false, 0]);
  });

  it("counts a pause when it ends", () => {
    pauses.begin(0);
    expect([pauses.isPaused, pauses.total]).toEqual([true, 0]);
    expect(pauses.end(30)).toBe(30);
    expect([pauses.isPaused, pauses.total]).toEqual([false, 30]);
  });

  it("adds up several pauses", () => {
    pauses.begin(100);
    pauses.end(110);
    pauses.begin(200);
    pauses.end(205);
    expect(pauses.total).toBe(15);
  });

  it("ignores a second begin() during a pause", () => {
    pauses.begin(100);
    pauses.begin(150);
    pauses.end(160);
    expect(pauses.total).toBe(60);
  });

  it("ignores end() without a pause", () => {
    pauses.begin(100);
    pauses.end(110);
    expect(pauses.end(500)).toBe(0);
    expect(pauses.total).toBe(10);
  });
});
