import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import { cases } from "../support/cases.js";

const policy = { interval: 1_000, timeout: 400 };

/** A heartbeat whose first ping is due at 500 ms. */
function started(timeout = policy.timeout): Heartbeat {
  return new Heartbeat({ ...policy, timeout }, 0, 0, 0.5);
}

describe("Heartbeat", () => {
  it.each([0, 0.25, 0.999])("sends the first ping after a random part of the interval: %f", (random) => {
    expect(new Heartbeat(policy, 100, 0, random).nextAt).toBe(100 + 1_000 * random);
  });

  it("sends a ping in each interval while data arrives", () => {
    const heartbeat = started();
    for (const at of [500, 1_500, 2_500]) {
      expect(heartbeat.onTimer(at, at, at - 1)).toBe("ping");
      heartbeat.onPing(at, at - 1);
      expect(heartbeat.nextAt).toBe(at + 400);
      expect(heartbeat.onTimer(at + 400, at + 400, at + 20)).toBe("none");
      expect(heartbeat.nextAt).toBe(at + 1_000);
    }
  });

  it("sends a ping if its timer fires less than 1 ms early, as a timer of Node may", () => {
    expect(started().onTimer(499, 499, 0)).toBe("none");
    expect(started().onTimer(499.25, 499.25, 0)).toBe("ping");
  });

  it("reports a dead peer if nothing arrives within the timeout after a ping", () => {
    const heartbeat = started();
    heartbeat.onPing(500, 499);
    expect(heartbeat.onTimer(899, 899, 499)).toBe("none");
    expect(heartbeat.onTimer(900, 900, 499)).toBe("dead");
  });

  it("counts activity at the time of the ping as activity after it", () => {
    const heartbeat = started();
    heartbeat.onPing(500, 500);
    expect(heartbeat.onTimer(900, 900, 500)).toBe("none");
  });

  it("counts from the oldest unanswered ping if the timeout is longer than the interval", () => {
    const heartbeat = started(2_500);
    heartbeat.onPing(500, 0);
    heartbeat.onPing(1_500, 0);
    heartbeat.onPing(2_500, 0);
    expect(heartbeat.onTimer(3_000, 3_000, 0)).toBe("dead");
  });

  it("counts from the first ping after the last activity", () => {
    const heartbeat = started(2_500);
    heartbeat.onPing(500, 0);
    heartbeat.onPing(1_500, 600);
    heartbeat.onPing(2_500, 600);
    expect(heartbeat.onTimer(3_000, 3_000, 600)).toBe("none");
    heartbeat.onPing(3_500, 600);
    expect(heartbeat.onTimer(4_000, 4_000, 600)).toBe("dead");
  });

  it("requests a recheck before it decides if its timer is late", () => {
    const heartbeat = started();
    heartbeat.onPing(500, 499);
    expect(heartbeat.onTimer(6_000, 6_000, 499)).toBe("recheck");
    expect(heartbeat.evaluate(6_001, 6_000)).toBe("ping");
  });

  it("reports a dead peer at once after the recheck", () => {
    const heartbeat = started();
    heartbeat.onPing(500, 499);
    expect(heartbeat.onTimer(6_000, 6_000, 499)).toBe("recheck");
    expect(heartbeat.evaluate(6_001, 499)).toBe("dead");
  });

  it("sends a ping first if no ping was unanswered while the event loop was blocked", () => {
    const heartbeat = started();
    expect(heartbeat.onTimer(6_000, 6_000, 0)).toBe("recheck");
    // The data that was pending in the kernel is read by now. It is no answer to a later ping.
    expect(heartbeat.evaluate(6_001, 6_001)).toBe("ping");
  });

  it("sends a new ping after the machine was suspended", () => {
    const heartbeat = started();
    heartbeat.onPing(500, 499);
    expect(heartbeat.onTimer(900, 900 + 3_600_000, 499)).toBe("recheck");
    expect(heartbeat.evaluate(900, 499)).toBe("ping");
    heartbeat.onPing(900, 499);
    expect(heartbeat.onTimer(1_299, 1_299 + 3_600_000, 499)).toBe("none");
    expect(heartbeat.onTimer(1_300, 1_300 + 3_600_000, 499)).toBe("dead");
  });

  it("does not treat a wall clock that is set back as a suspension", () => {
    const heartbeat = started();
    heartbeat.onPing(500, 499);
    expect(heartbeat.onTimer(900, 900 - 3_600_000, 499)).toBe("dead");
  });

  it("continues to ping and reports nothing while it is paused, and then allows the full timeout", () => {
    const heartbeat = started();
    heartbeat.onPing(500, 499);
    heartbeat.pause();
    expect(heartbeat.nextAt).toBe(1_500);
    expect(heartbeat.onTimer(1_500, 1_500, 499)).toBe("ping");
    heartbeat.onPing(1_500, 499);
    heartbeat.resume(2_000);
    expect(heartbeat.nextAt).toBe(2_400);
    expect(heartbeat.onTimer(2_399, 2_399, 499)).toBe("none");
    expect(heartbeat.onTimer(2_400, 2_400, 499)).toBe("dead");
  });

  it("resumes if no ping is unanswered", () => {
    const heartbeat = started();
    heartbeat.pause();
    heartbeat.resume(100);
    expect(heartbeat.nextAt).toBe(500);
  });

  it("finds every dead peer within interval and timeout, and never reports a peer that answers", () => {
    const times = fc.record({
      interval: fc.integer({ min: 100, max: 5_000 }),
      timeout: fc.integer({ min: 1, max: 20_000 }),
      latency: fc.integer({ min: 0, max: 10_000 }),
      diesAt: fc.integer({ min: 0, max: 20_000 }),
      random: fc.double({ min: 0, max: 0.999, noNaN: true }),
    });
    fc.assert(
      fc.property(times, ({ interval, timeout, latency, diesAt, random }) => {
        const heartbeat = new Heartbeat({ interval, timeout }, 0, 0, random);
        const pongs: number[] = [];
        let now = 0;
        const lastActivityAt = (): number => Math.max(0, ...pongs.filter((at) => at <= now && at < diesAt));
        for (;;) {
          now = heartbeat.nextAt;
          const action = heartbeat.onTimer(now, now, lastActivityAt());
          if (action === "dead") break;
          if (action !== "ping") continue;
          heartbeat.onPing(now, lastActivityAt());
          pongs.push(now + latency);
          if (now > diesAt + interval + timeout) throw new Error("the death was not found");
        }
        if (latency <= timeout) expect(now).toBeGreaterThanOrEqual(diesAt - latency);
        expect(now).toBeLessThanOrEqual(Math.max(diesAt, latency) + interval + timeout);
      }),
      { numRuns: cases(100) },
    );
  });
});
