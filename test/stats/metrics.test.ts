import { expect, it } from "vitest";
import { prometheus } from "../../src/stats/metrics.js";
import { Statistics } from "../../src/stats/statistics.js";

const gauges = {
  ...{ messagesWaiting: 2, messagesHeld: 0, outboxMessages: 3, outboxBytes: 40, bufferedAmount: 5 },
  ...{ duplicateCount: 6, gapCount: 7, recoveredCount: 8, resetCount: 9, uptimeMs: 1_500, downtimeMs: 250 },
};

it("prometheus() writes every statistic of a snapshot, with durations in seconds", () => {
  const statistics = new Statistics();
  statistics.messagesReceived = 11;
  statistics.record("latencyMs", 20);
  const connection = { messagesAccepted: 4, payloadBytesSent: 100, bytesSent: 50, bytesReceived: 25 };
  const stats = statistics.snapshot([connection], gauges);
  const lines = prometheus([{ stats, labels: { feed: "trades" } }]).split("\n");

  expect(lines).toEqual(
    expect.arrayContaining([
      'jetsocket_messages_received_total{feed="trades"} 11',
      'jetsocket_compression_ratio_sent{feed="trades"} 2',
      'jetsocket_uptime_seconds{feed="trades"} 1.5',
      'jetsocket_downtime_seconds_total{feed="trades"} 0.25',
      'jetsocket_latency_seconds_count{feed="trades"} 1',
      'jetsocket_latency_seconds{feed="trades",quantile="0.5"} 0.02',
    ]),
  );
  const types = new Set(lines.filter((line) => line.startsWith("# TYPE")).map((line) => line.split(" ")[2]));
  // Histograms without a sample are omitted.
  const { histograms, latencyMs, ...numbers } = stats;
  expect(latencyMs).toBe(20);
  const known = [...Object.values(numbers), ...Object.values(histograms)];
  expect(types.size).toBe(known.filter((value) => value !== undefined).length);
  expect(lines.filter((line) => line.startsWith("# TYPE jetsocket_latency"))).toEqual([
    "# TYPE jetsocket_latency_seconds summary",
  ]);
});

it("prometheus() writes one TYPE line for all clients", () => {
  const stats = new Statistics().snapshot([], gauges);
  const text = prometheus([
    { stats, labels: { feed: "a" } },
    { stats, labels: { feed: "b" } },
  ]);
  expect(text.match(/# TYPE jetsocket_gap_count_total counter/g)).toHaveLength(1);
  expect(text).toContain('jetsocket_gap_count_total{feed="a"} 7\njetsocket_gap_count_total{feed="b"} 7\n');
});
