// The public function prometheus(): the names, types and help texts of all metrics of a client. It does not write the
// text format itself: see prometheus.ts.
import { type MetricInfo, prometheusText } from "./prometheus.js";
import type { DurationName, Stats } from "./statistics.js";

/** The statistics of one client, and its labels. */
export interface PrometheusSource {
  readonly stats: Stats;
  /** Labels that distinguish this client from other clients. Default: none. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/**
 * A literal without calls, so that a bundler can leave it out of a program that does not use {@link prometheus}.
 *
 * The metric `latencyMs` is created from the histogram of all round-trip times. The property `Stats.latencyMs` is only
 * the last round-trip time, and is not exported as a metric.
 */
const metrics: Readonly<Record<Exclude<keyof Stats, "histograms"> | DurationName, MetricInfo>> = {
  messagesSent: ["counter", "Messages sent."],
  messagesReceived: ["counter", "Messages received."],
  payloadBytesSent: ["counter", "Bytes of sent messages, before compression."],
  payloadBytesReceived: ["counter", "Bytes of received messages, after decompression."],
  bytesSent: ["counter", "Bytes sent after the handshake, including framing."],
  bytesReceived: ["counter", "Bytes received after the handshake, including framing."],
  compressionRatioSent: ["gauge", "Sent payload bytes per byte on the wire."],
  compressionRatioReceived: ["gauge", "Received payload bytes per byte on the wire."],
  messagesDropped: ["counter", "Messages accepted and not delivered, in both directions."],
  messagesWaiting: ["gauge", "Received messages that wait to be read."],
  messagesHeld: ["gauge", "Received messages that wait for missing messages."],
  outboxMessages: ["gauge", "Messages in the outbox, including those not acknowledged."],
  outboxBytes: ["gauge", "Bytes in the outbox."],
  bufferedAmount: ["gauge", "Bytes that the kernel has not accepted yet."],
  attemptCount: ["counter", "Attempts to connect."],
  connectCount: ["counter", "Connections opened."],
  reconnectCount: ["counter", "Connections opened after a loss."],
  rotationCount: ["counter", "Connections replaced by a rotation."],
  duplicateCount: ["counter", "Received messages removed as duplicates."],
  gapCount: ["counter", "Gaps found in sequences."],
  recoveredCount: ["counter", "Messages delivered into gaps."],
  resetCount: ["counter", "Streams that continued without their missing messages."],
  uptimeMs: ["gauge", "Time since the current connection was opened."],
  downtimeMs: ["counter", "Time without a connection since the first loss."],
  latencyMs: ["histogram", "Round-trip time of pings."],
  dnsMs: ["histogram", "DNS lookup."],
  tcpMs: ["histogram", "TCP connect."],
  proxyMs: ["histogram", "Connect through a proxy."],
  tlsMs: ["histogram", "TLS handshake."],
  httpMs: ["histogram", "Opening handshake."],
  inboxMs: ["histogram", "Time that received messages wait to be read."],
  sendMs: ["histogram", "Time until the kernel accepts a sent message, sampled."],
  recoveryMs: ["histogram", "Time from a loss to the next connection."],
};

/**
 * Formats the statistics of any number of clients in the text format of Prometheus (version 0.0.4).
 *
 * @throws TypeError for a label name that Prometheus does not allow.
 */
export function prometheus(sources: readonly PrometheusSource[]): string {
  const flat = sources.map(({ stats: { histograms, ...stats }, labels }) => ({
    stats: { ...stats, ...histograms },
    labels,
  }));
  return prometheusText(flat, metrics);
}
