/** Adds the statistics of connections. It does not measure anything. */
import type { DurationName, HistogramSnapshot, Stats } from "../index.js";

/** Numbers that describe a moment. They are not added for connections that have ended. */
const gauges: ReadonlySet<string> = new Set([
  ...["messagesWaiting", "messagesHeld", "outboxMessages", "outboxBytes", "bufferedAmount", "uptimeMs"],
]);

type Snapshots = Stats["histograms"];

/** The statistics of the connections that have ended. */
export class MergedStats {
  #ended: Stats | undefined;

  /** A connection has ended. */
  add(stats: Stats): void {
    const own = { ...stats } as Record<string, unknown>;
    for (const name of gauges) own[name] = 0;
    this.#ended = merged(this.#ended, own as unknown as Stats);
  }

  /** Returns the sum of the ended connections and the given ones. */
  with(open: readonly Stats[]): Stats {
    const sum = open.reduce<Stats | undefined>(merged, this.#ended);
    return sum ?? noStats;
  }
}

const counters = [
  ...["messagesSent", "messagesReceived", "payloadBytesSent", "payloadBytesReceived", "bytesSent"],
  ...["bytesReceived", "messagesDropped", "messagesWaiting", "messagesHeld", "outboxMessages", "outboxBytes"],
  ...["bufferedAmount", "attemptCount", "connectCount", "reconnectCount", "rotationCount", "duplicateCount"],
  ...["gapCount", "recoveredCount", "resetCount", "downtimeMs"],
] as readonly (keyof Stats)[];
const durations: readonly DurationName[] = [
  ...([
    "latencyMs",
    "dnsMs",
    "tcpMs",
    "proxyMs",
    "tlsMs",
    "httpMs",
    "inboxMs",
    "sendMs",
    "recoveryMs",
  ] as const),
];

/** What a pool without connections has. */
const noStats: Stats = Object.freeze({
  ...(Object.fromEntries([...counters, "uptimeMs"].map((name) => [name, 0])) as unknown as Stats),
  ...{ compressionRatioSent: undefined, compressionRatioReceived: undefined, latencyMs: undefined },
  histograms: Object.freeze(
    Object.fromEntries(durations.map((name) => [name, undefined])) as unknown as Snapshots,
  ),
});

function merged(a: Stats | undefined, b: Stats): Stats {
  if (a === undefined) return b;
  const sum: Record<string, unknown> = {};
  for (const name of counters) sum[name] = (a[name] as number) + (b[name] as number);
  const histograms = Object.fromEntries(
    durations.map((name) => [name, mergeHistograms(a.histograms[name], b.histograms[name])]),
  ) as unknown as Snapshots;
  const ratio = (payload: unknown, wire: unknown): number | undefined =>
    wire === 0 ? undefined : (payload as number) / (wire as number);
  return {
    ...(sum as unknown as Stats),
    compressionRatioSent: ratio(sum["payloadBytesSent"], sum["bytesSent"]),
    compressionRatioReceived: ratio(sum["payloadBytesReceived"], sum["bytesReceived"]),
    uptimeMs: Math.max(a.uptimeMs, b.uptimeMs),
    latencyMs: histograms.latencyMs?.last,
    histograms: Object.freeze(histograms),
  };
}

type Snapshot = HistogramSnapshot | undefined;

/** Merges two histograms. All values but the percentiles are exact. */
export function mergeHistograms(a: Snapshot, b: Snapshot): Snapshot {
  if (a === undefined || b === undefined) return a ?? b;
  const count = a.count + b.count;
  const sum = a.sum + b.sum;
  const min = Math.min(a.min, b.min);
  const max = Math.max(a.max, b.max);
  /** The value below which this share of both histograms lies, found by bisection. */
  const percentile = (share: number): number => {
    let [low, high] = [min, max];
    for (let step = 0; step < 40 && high - low > 0.001; step++) {
      const middle = (low + high) / 2;
      const below = a.count * shareUpTo(a, middle) + b.count * shareUpTo(b, middle);
      if (below < share * count) low = middle;
      else high = middle;
    }
    return high;
  };
  const [p50, p90, p99, p999] = [percentile(0.5), percentile(0.9), percentile(0.99), percentile(0.999)];
  return Object.freeze({ count, sum, mean: sum / count, min, max, last: b.last, p50, p90, p99, p999 });
}

/** Returns the share of samples up to `value`, interpolated between the known percentiles. */
function shareUpTo({ min, p50, p90, p99, p999, max }: HistogramSnapshot, value: number): number {
  const points: readonly (readonly [value: number, share: number])[] = [
    ...[[min, 0] as const, [p50, 0.5] as const, [p90, 0.9] as const],
    ...[[p99, 0.99] as const, [p999, 0.999] as const, [max, 1] as const],
  ];
  if (value >= max) return 1;
  let previous: readonly [number, number] = [min, 0];
  for (const point of points) {
    if (point[0] > value) {
      const width = point[0] - previous[0];
      return value < min ? 0 : previous[1] + ((value - previous[0]) / width) * (point[1] - previous[1]);
    }
    previous = point;
  }
  return 1;
}
