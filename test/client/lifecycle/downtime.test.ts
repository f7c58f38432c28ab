import { beforeEach, describe, expect, it } from "vitest";
import { Downtime } from "../../../src/client/lifecycle/downtime.js";

let now: number;
let downtime: Downtime;

beforeEach(() => {
  now = 1_000;
  downtime = new Downtime({ now: () => now });
});

describe("the time without a connection", () => {
  it("is none before the first loss", () => {
    now += 500;
    expect([downtime.total, downtime.end(), downtime.total]).toEqual([0, 0, 0]);
  });

  it("grows from the loss on, to the next connection", () => {
    downtime.begin();
    now += 30;
    expect(downtime.total).toBe(30);
    now += 20;
    expect(downtime.end()).toBe(50);
    now += 1_000;
    expect(downtime.total).toBe(50);
  });

  it("begins once, however often an attempt fails", () => {
    downtime.begin();
    now += 10;
    downtime.begin();
    now += 10;
    expect(downtime.end()).toBe(20);
  });

  it("is the sum over all losses, each of which is told alone", () => {
    for (const duration of [10, 0, 5]) {
      downtime.begin();
      now += duration;
      expect(downtime.end()).toBe(duration);
      now += 100;
    }
    expect(downtime.total).toBe(15);
  });

  it("can begin at the clock's very beginning", () => {
    now = 0;
    downtime.begin();
    now = 7;
    expect([downtime.total, downtime.end()]).toEqual([7, 7]);
  });
});
