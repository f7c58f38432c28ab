import { type MetricInfo, prometheusText } from "./prometheus.js";
import type { DurationName, Stats } from "./statistics.js";

/** The statistics of one client, and the labels that tell it from others. */
export interface PrometheusSource {
  readonly stats: Stats;
  /** Default: none. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

const counter = (help: string): MetricInfo => ({ type: "counter", help });
const gauge = (help: string): MetricInfo => ({ type: "gauge", help });
const histogram = (help: string): MetricInfo => ({ type: "histogram", help });

/** The last round trip has no metric of its own: the histogram of the same name includes it. */
const metrics: Readonly<Record<Exclude<keyof Stats, "histograms"> | DurationName, MetricInfo>> = {
  messagesSent: counter("Messages sent."),
  messagesReceived: counter("Messages received."),
  payloadBytesSent: counter("Bytes of sent messages, before compression."),
  payloadBytesReceived: counter("Bytes of received messages, after decompression."),
  bytesSent: counter("Bytes sent behind the handshake, framing included."),
  bytesReceived: counter("Bytes received behind the handshake, framing included."),
  compressionRatioSent: gauge("Sent payload bytes for each byte on the wire."),
  compressionRatioReceived: gauge("Received payload bytes for each byte on the wire."),
  messagesDropped: counter("Messages taken and not delivered, in either direction."),
  messagesWaiting: gauge("Received messages that wait to be read."),
  messagesHeld: gauge("Received messages that wait behind missing ones."),
  outboxMessages: gauge("Messages in the outbox, those not acknowledged included."),
  outboxBytes: gauge("Bytes in the outbox."),
  bufferedAmount: gauge("Bytes that the kernel has not taken."),
  attemptCount: counter("Attempts to connect."),
  connectCount: counter("Connections opened."),
  reconnectCount: counter("Connections opened after a loss."),
  rotationCount: counter("Connections replaced on purpose."),
  duplicateCount: counter("Received messages removed as doubles."),
  gapCount: counter("Gaps found in sequences."),
  recoveredCount: counter("Messages delivered into gaps."),
  resetCount: counter("Streams that went on without what was missing."),
  uptimeMs: gauge("Time that the present connection has been open."),
  downtimeMs: counter("Time without a connection since the first loss."),
  latencyMs: histogram("Round trip of pings."),
  dnsMs: histogram("Name look-up."),
  tcpMs: histogram("Opening of TCP connections."),
  proxyMs: histogram("Opening of the way through a proxy."),
  tlsMs: histogram("TLS handshake."),
  httpMs: histogram("Opening handshake."),
  inboxMs: histogram("Time that received messages wait to be read."),
  sendMs: histogram("Time from a sending to the kernel, sampled."),
  recoveryMs: histogram("Time from a loss to the next connection."),
};

/**
 * The statistics of any number of clients in the text format of Prometheus (version 0.0.4).
 *
 * @throws TypeError for the name of a label that Prometheus does not allow.
 */
export function prometheus(sources: readonly PrometheusSource[]): string {
  const flat = sources.map(({ stats: { histograms, ...stats }, labels }) => ({
    stats: { ...stats, ...histograms },
    labels,
  }));
  return prometheusText(flat, metrics);
}
