import { beforeEach, describe, expect, it } from "vitest";
import { Downtime } from "../../../src/client/lifecycle/downtime.js";

let now: number;
let downtime: Downtime;

beforeEach(() => {
  now = 1_000;
  downtime = new Downtime({ now: () => now });
});

describe("Downtime", () => {
  it("is 0 before the first loss", () => {
    now += 500;
    expect([downtime.total, downtime.end(), downtime.total]).toEqual([0, 0, 0]);
  });

  it("increases from a loss until the next connection", () => {
    downtime.begin();
    now += 30;
    expect(downtime.total).toBe(30);
    now += 20;
    expect(downtime.end()).toBe(50);
    now += 1_000;
    expect(downtime.total).toBe(50);
  });

  it("starts once, even if several attempts fail", () => {
    downtime.begin();
    now += 10;
    downtime.begin();
    now += 10;
    expect(downtime.end()).toBe(20);
  });

  it("returns the duration of each loss, and the sum as total", () => {
    for (const duration of [10, 0, 5]) {
      downtime.begin();
      now += duration;
      expect(downtime.end()).toBe(duration);
      now += 100;
    }
    expect(downtime.total).toBe(15);
  });

  it("can start when the clock is 0", () => {
    now = 0;
    downtime.begin();
    now = 7;
    expect([downtime.total, downtime.end()]).toEqual([7, 7]);
  });
});
