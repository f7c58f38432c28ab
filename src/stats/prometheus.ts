// Writes statistics in the text format of Prometheus. This module does not know which metrics exist: see metrics.ts.
import type { HistogramSnapshot } from "./histogram.js";

/** The type of a statistic. A counter only increases. A gauge increases and decreases. */
export type MetricType = "counter" | "gauge" | "histogram";

/** The metadata of one metric. `help` is one sentence for the HELP line. */
export type MetricInfo = readonly [type: MetricType, help: string];

/** The statistics of one client, and its labels. */
export interface MetricSource<Name extends string> {
  readonly stats: Readonly<Partial<Record<Name, number | HistogramSnapshot | undefined>>>;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/**
 * Formats the statistics of any number of clients in the text format of Prometheus (version 0.0.4). The name of a
 * metric is derived from the name of its statistic: `bytesSent` becomes `jetsocket_bytes_sent_total`, and `latencyMs`
 * becomes `jetsocket_latency_seconds`, in seconds. A histogram becomes a summary whose quantiles 0 and 1 are the
 * minimum and the maximum. A statistic that is `undefined` is omitted.
 *
 * @param metrics - The metrics to write, in this order.
 * @throws TypeError for a label name that Prometheus does not allow.
 */
export function prometheusText<Name extends string>(
  sources: readonly MetricSource<Name>[],
  metrics: Readonly<Record<Name, MetricInfo>>,
): string {
  const labelled = sources.map(({ stats, labels = {} }) => ({
    stats,
    labels: Object.entries(labels).map(labelText),
  }));
  const lines: string[] = [];
  for (const [name, [type, help]] of Object.entries<MetricInfo>(metrics)) {
    const metric = metricName(name, type);
    const scale = name.endsWith("Ms") ? 1_000 : 1;
    const samples = labelled.flatMap(({ stats, labels }) =>
      samplesOf(metric, stats[name as Name], scale, labels),
    );
    // The format requires all samples of a metric in one group, after one HELP and one TYPE line.
    if (samples.length === 0) continue;
    const escapedHelp = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
    const shownType = type === "histogram" ? "summary" : type;
    lines.push(`# HELP ${metric} ${escapedHelp}`, `# TYPE ${metric} ${shownType}`, ...samples);
  }
  return lines.map((line) => `${line}\n`).join("");
}

function metricName(name: string, type: MetricType): string {
  const words = name.replace(/Ms$/, "Seconds").replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return `jetsocket_${words}${type === "counter" ? "_total" : ""}`;
}

function samplesOf(
  metric: string,
  value: number | HistogramSnapshot | undefined,
  scale: number,
  labels: readonly string[],
): string[] {
  if (value === undefined) return [];
  if (typeof value === "number") return [sample(metric, labels, value / scale)];
  const { min, p50, p90, p99, p999, max, sum, count } = value;
  const quantiles = [
    ["0", min],
    ["0.5", p50],
    ["0.9", p90],
    ["0.99", p99],
    ["0.999", p999],
    ["1", max],
  ] as const;
  return [
    ...quantiles.map(([quantile, duration]) =>
      sample(metric, [...labels, `quantile="${quantile}"`], duration / scale),
    ),
    sample(`${metric}_sum`, labels, sum / scale),
    sample(`${metric}_count`, labels, count),
  ];
}

function sample(metric: string, labels: readonly string[], value: number): string {
  const braces = labels.length === 0 ? "" : `{${labels.join(",")}}`;
  return `${metric}${braces} ${numberText(value)}`;
}

function numberText(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}

function labelText([name, value]: readonly [string, string]): string {
  if (!/^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) || name === "quantile") {
    throw new TypeError(
      `Invalid label name ${JSON.stringify(name)}: Prometheus allows letters, digits and _, but no digit first. ` +
        `It reserves "quantile" and names that begin with __.`,
    );
  }
  const escaped = value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return `${name}="${escaped}"`;
}
