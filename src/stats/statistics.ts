import { zeroBytes } from "../../protocol/index.js";
import { Histogram, type HistogramSnapshot } from "./histogram.js";

/** A list of more samples than these takes more than a histogram. */
const maxListedSamples = 8;

/** The durations of which `stats().histograms` has a distribution. */
export type DurationName =
  "latencyMs" | "dnsMs" | "tcpMs" | "proxyMs" | "tlsMs" | "httpMs" | "inboxMs" | "sendMs" | "recoveryMs";

/** What a client has done so far, over all its connections. A plain, frozen snapshot. */
export interface Stats {
  /** Messages that `send`, `sendRaw` and `trySend` have accepted and that a connection has taken. */
  readonly messagesSent: number;
  /** Messages that came whole. */
  readonly messagesReceived: number;
  /** Bytes of sent messages, before compression. */
  readonly payloadBytesSent: number;
  /** Bytes of received messages, after decompression. */
  readonly payloadBytesReceived: number;
  /** Bytes that went over the wire behind the handshake, framing included. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Payload bytes for each byte on the wire; `undefined` before the first. */
  readonly compressionRatioSent: number | undefined;
  readonly compressionRatioReceived: number | undefined;
  /** Messages, in either direction, that were taken and not delivered; the event `dropped` tells each. */
  readonly messagesDropped: number;
  /** Received messages that wait to be read. */
  readonly messagesWaiting: number;
  /** Received messages that wait behind missing ones, or for the end of an overlap. */
  readonly messagesHeld: number;
  /** Messages in the outbox: those that wait for a connection, and those that are not acknowledged. */
  readonly outboxMessages: number;
  readonly outboxBytes: number;
  /** Bytes that the kernel has not taken, framing included. */
  readonly bufferedAmount: number;
  /** Attempts to connect. */
  readonly attemptCount: number;
  /** Connections that were opened. */
  readonly connectCount: number;
  /** Those of them that followed a loss, or a rotation that closed before it opened. */
  readonly reconnectCount: number;
  /** Connections that were replaced on purpose. */
  readonly rotationCount: number;
  /** Received messages that were removed because they had been delivered before. */
  readonly duplicateCount: number;
  /** Gaps that were told; messages that were delivered into them; streams that went on without. */
  readonly gapCount: number;
  readonly recoveredCount: number;
  readonly resetCount: number;
  /** Milliseconds that the present connection has been open; 0 without one. */
  readonly uptimeMs: number;
  /** Milliseconds without a connection, from the first loss on. */
  readonly downtimeMs: number;
  /** The last round trip in milliseconds: from a ping to its own pong. `undefined` before the first. */
  readonly latencyMs: number | undefined;
  /** Distributions of durations in milliseconds; each is `undefined` before its first sample. Frozen. */
  readonly histograms: Readonly<Record<DurationName, HistogramSnapshot | undefined>>;
}

/** What is known only at the moment of a snapshot. */
export type Gauges = Pick<
  Stats,
  | "messagesWaiting"
  | "messagesHeld"
  | "outboxMessages"
  | "outboxBytes"
  | "bufferedAmount"
  | "duplicateCount"
  | "gapCount"
  | "recoveredCount"
  | "resetCount"
  | "uptimeMs"
  | "downtimeMs"
>;

/** What one connection counts by itself. */
export interface ConnectionCounts {
  readonly messagesAccepted: number;
  readonly payloadBytesSent: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

/** Counts, and measures durations; a histogram takes memory when it gets its first sample. */
export class Statistics {
  messagesReceived = 0;
  payloadBytesReceived: number = zeroBytes;
  messagesDropped = 0;
  attemptCount = 0;
  connectCount = 0;
  reconnectCount = 0;
  rotationCount = 0;
  /** Of the connections that have ended, from the first one on. */
  #ended: ConnectionCounts | undefined;
  /**
   * One sample is kept as it is: most steps of an opening come once. So are the next few, in a list: an idle connection has no more of
   * its pings for a while.
   */
  readonly #histograms: { [Name in DurationName]?: Histogram | readonly number[] | number } = {};

  /** @param duration - In milliseconds. */
  record(name: DurationName, duration: number): void {
    const known = this.#histograms[name];
    if (known instanceof Histogram) known.record(duration);
    else if (known === undefined) this.#histograms[name] = duration;
    else if (typeof known === "number") this.#histograms[name] = [known, duration];
    else this.#histograms[name] = joined(known, duration);
  }

  /** A connection has ended: its counts are kept here from now on. */
  add(connection: ConnectionCounts): void {
    const counts = this.#ended === undefined ? [connection] : [this.#ended, connection];
    this.#ended = {
      messagesAccepted: total(counts, "messagesAccepted"),
      payloadBytesSent: total(counts, "payloadBytesSent"),
      bytesSent: total(counts, "bytesSent"),
      bytesReceived: total(counts, "bytesReceived"),
    };
  }

  /** @param links - The connections that are open. */
  snapshot(connections: readonly ConnectionCounts[], gauges: Gauges): Stats {
    const counts = this.#ended === undefined ? connections : [this.#ended, ...connections];
    const payloadBytesSent = total(counts, "payloadBytesSent");
    const payloadBytesReceived = this.payloadBytesReceived + 0;
    const bytesSent = total(counts, "bytesSent");
    const bytesReceived = total(counts, "bytesReceived");
    const histograms = this.#takeHistograms();
    return Object.freeze({
      messagesSent: total(counts, "messagesAccepted"),
      messagesReceived: this.messagesReceived,
      payloadBytesSent,
      payloadBytesReceived,
      bytesSent,
      bytesReceived,
      compressionRatioSent: ratio(payloadBytesSent, bytesSent),
      compressionRatioReceived: ratio(payloadBytesReceived, bytesReceived),
      messagesDropped: this.messagesDropped,
      attemptCount: this.attemptCount,
      connectCount: this.connectCount,
      reconnectCount: this.reconnectCount,
      rotationCount: this.rotationCount,
      ...gauges,
      latencyMs: histograms.latencyMs?.last,
      histograms,
    });
  }

  #takeHistograms(): Stats["histograms"] {
    const of = (name: DurationName): HistogramSnapshot | undefined => {
      const known = this.#histograms[name];
      if (known === undefined) return undefined;
      return (known instanceof Histogram ? known : histogramOf([known].flat())).snapshot();
    };
    return Object.freeze({
      latencyMs: of("latencyMs"),
      dnsMs: of("dnsMs"),
      tcpMs: of("tcpMs"),
      proxyMs: of("proxyMs"),
      tlsMs: of("tlsMs"),
      httpMs: of("httpMs"),
      inboxMs: of("inboxMs"),
      sendMs: of("sendMs"),
      recoveryMs: of("recoveryMs"),
    });
  }
}

/** Neither by `push` nor by a spread, which make room for sixteen more. */
function joined(samples: readonly number[], sample: number): Histogram | readonly number[] {
  return samples.length < maxListedSamples ? samples.concat(sample) : histogramOf([...samples, sample]);
}

function total(counts: readonly ConnectionCounts[], name: keyof ConnectionCounts): number {
  return counts.reduce((sum, one) => sum + one[name], 0);
}

function histogramOf(samples: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const sample of samples) histogram.record(sample);
  return histogram;
}

function ratio(payload: number, wire: number): number | undefined {
  return wire === 0 ? undefined : payload / wire;
}
