import { describe, expect, it } from "vitest";
import { Histogram } from "../../src/stats/histogram.js";
import { type MetricInfo, prometheusText } from "../../src/stats/prometheus.js";

const metrics = {
  messagesSent: ["counter", "Messages accepted."],
  uptimeMs: ["gauge", "Time open."],
  latencyMs: ["histogram", "Round trip."],
} as const satisfies Record<string, MetricInfo>;

function histogramOf(...samples: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const sample of samples) histogram.record(sample);
  return histogram;
}

describe("prometheusText", () => {
  it("writes counters, gauges and histograms, with times in seconds", () => {
    const stats = { messagesSent: 12, uptimeMs: 1_500, latencyMs: histogramOf(1, 1, 2, 500).snapshot() };
    expect(prometheusText([{ stats }], metrics)).toBe(
      [
        "# HELP jetsocket_messages_sent_total Messages accepted.",
        "# TYPE jetsocket_messages_sent_total counter",
        "jetsocket_messages_sent_total 12",
        "# HELP jetsocket_uptime_seconds Time open.",
        "# TYPE jetsocket_uptime_seconds gauge",
        "jetsocket_uptime_seconds 1.5",
        "# HELP jetsocket_latency_seconds Round trip.",
        "# TYPE jetsocket_latency_seconds summary",
        'jetsocket_latency_seconds{quantile="0"} 0.001',
        'jetsocket_latency_seconds{quantile="0.5"} 0.001',
        'jetsocket_latency_seconds{quantile="0.9"} 0.5',
        'jetsocket_latency_seconds{quantile="0.99"} 0.5',
        'jetsocket_latency_seconds{quantile="0.999"} 0.5',
        'jetsocket_latency_seconds{quantile="1"} 0.5',
        "jetsocket_latency_seconds_sum 0.504",
        "jetsocket_latency_seconds_count 4",
        "",
      ].join("\n"),
    );
  });

  it("groups the samples of several clients after one HELP and one TYPE line", () => {
    const latencyMs = histogramOf(3).snapshot();
    const text = prometheusText(
      [
        { stats: { messagesSent: 1, latencyMs }, labels: { feed: "a", zone: "eu" } },
        { stats: { messagesSent: 2, latencyMs: undefined }, labels: { feed: "b" } },
        { stats: { latencyMs }, labels: {} },
      ],
      metrics,
    );
    const lines = text.split("\n");
    expect(lines.slice(0, 4)).toEqual([
      "# HELP jetsocket_messages_sent_total Messages accepted.",
      "# TYPE jetsocket_messages_sent_total counter",
      'jetsocket_messages_sent_total{feed="a",zone="eu"} 1',
      'jetsocket_messages_sent_total{feed="b"} 2',
    ]);
    expect(lines.filter((line) => line.startsWith("# TYPE"))).toHaveLength(2);
    expect(lines).toContain('jetsocket_latency_seconds{feed="a",zone="eu",quantile="0.99"} 0.003');
    expect(lines).toContain('jetsocket_latency_seconds_count{feed="a",zone="eu"} 1');
    expect(lines).toContain("jetsocket_latency_seconds_count 1");
  });

  it("returns an empty string if there is nothing to write", () => {
    expect(prometheusText([], metrics)).toBe("");
    expect(prometheusText([{ stats: {} }, { stats: { latencyMs: undefined } }], metrics)).toBe("");
  });

  it("escapes label values and help texts", () => {
    const text = prometheusText([{ stats: { depth: 1 }, labels: { url: 'a\\b"c"\nd\\n' } }], {
      depth: ["gauge", 'Two\nlines, a \\ and "quotes".'],
    });
    expect(text).toBe(
      [
        '# HELP jetsocket_depth Two\\nlines, a \\\\ and "quotes".',
        "# TYPE jetsocket_depth gauge",
        'jetsocket_depth{url="a\\\\b\\"c\\"\\nd\\\\n"} 1',
        "",
      ].join("\n"),
    );
  });

  it.each([
    [Infinity, "+Inf"],
    [-Infinity, "-Inf"],
    [NaN, "NaN"],
    [0, "0"],
    [-1.5, "-1.5"],
    [1e21, "1e+21"],
  ])("writes %d as %s", (value, text) => {
    const lines = prometheusText([{ stats: { depth: value } }], { depth: ["gauge", ""] }).split("\n");
    expect(lines[2]).toBe(`jetsocket_depth ${text}`);
  });

  it.each(["url", "_", "a1", "Zone_2"])("accepts a label named %s", (name) => {
    expect(prometheusText([{ stats: { uptimeMs: 0 }, labels: { [name]: "" } }], metrics)).toContain(
      `{${name}=""} 0`,
    );
  });

  it.each(["", "1a", "a-b", "a b", "__name__", "quantile", "a\n", "é"])(
    "rejects a label named %j",
    (name) => {
      const call = (): string =>
        prometheusText([{ stats: { uptimeMs: 0 }, labels: { [name]: "" } }], metrics);
      expect(call).toThrow(TypeError);
      expect(call).toThrow(JSON.stringify(name));
    },
  );
});
