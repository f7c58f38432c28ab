import { describe, expect, it } from "vitest";
import { WebSocket, type Stats } from "../../src/index.js";
import { mergeHistograms, MergedStats } from "../../src/pool/merged-stats.js";
import { Histogram } from "../../src/stats/histogram.js";

const none: Stats = new WebSocket("ws://pool.test/").stats();

function statsOf(values: Partial<Stats>): Stats {
  return { ...none, ...values };
}

describe("MergedStats", () => {
  it("has all properties of a client before the first connection", () => {
    expect(new MergedStats().with([])).toEqual(none);
  });

  it("adds counters of open and ended connections, and gauges of open connections only", () => {
    const merged = new MergedStats();
    merged.add(
      statsOf({ messagesSent: 1, messagesWaiting: 50, bytesSent: 10, payloadBytesSent: 5, uptimeMs: 90 }),
    );
    merged.add(statsOf({ messagesSent: 2, connectCount: 1 }));
    const open = [
      statsOf({ messagesSent: 3, messagesWaiting: 7, uptimeMs: 20, bytesSent: 10, payloadBytesSent: 35 }),
      statsOf({ messagesWaiting: 1, uptimeMs: 30 }),
    ];
    expect(merged.with(open)).toEqual(
      statsOf({
        ...{ messagesSent: 6, messagesWaiting: 8, connectCount: 1, uptimeMs: 30 },
        ...{ bytesSent: 20, payloadBytesSent: 40, compressionRatioSent: 2 },
      }),
    );
    expect(merged.with([]).messagesSent).toBe(3);
  });
});

describe("mergeHistograms()", () => {
  const a = Array.from({ length: 100 }, (_, index) => index + 1);
  const b = Array.from({ length: 300 }, (_, index) => 50 + index);

  it("returns the only histogram", () => {
    const snapshot = new Histogram(a).snapshot();
    expect(mergeHistograms(undefined, undefined)).toBeUndefined();
    expect(mergeHistograms(snapshot, undefined)).toBe(snapshot);
    expect(mergeHistograms(undefined, snapshot)).toBe(snapshot);
  });

  it("is exact except for the percentiles, which are estimates", () => {
    const both = mergeHistograms(new Histogram(a).snapshot(), new Histogram(b).snapshot());
    const exact = new Histogram([...a, ...b]).snapshot()!;
    const { count, sum, mean, min, max, last } = exact;
    expect(both).toMatchObject({ count, sum, mean, min, max, last });
    for (const name of ["p50", "p90", "p99", "p999"] as const)
      expect(Math.abs(both![name] / exact[name] - 1)).toBeLessThan(0.03);
  });

  it("merges single samples", () => {
    const both = mergeHistograms(new Histogram([5]).snapshot(), new Histogram([10]).snapshot());
    expect(both).toMatchObject({ count: 2, min: 5, max: 10, mean: 7.5, last: 10 });
    expect(both!.p50).toBeCloseTo(5, 2);
    expect(both!.p99).toBeCloseTo(10, 2);
    expect(mergeHistograms(new Histogram([5]).snapshot(), new Histogram([5]).snapshot())?.p50).toBe(5);
  });
});
