// The statistics of a client: counters, gauges and histograms over all its connections. This module does not measure
// anything itself: the client reports counts and durations.
import { Histogram, type HistogramSnapshot } from "./histogram.js";

/** The names of the durations in `stats().histograms`. */
export type DurationName =
  "latencyMs" | "dnsMs" | "tcpMs" | "proxyMs" | "tlsMs" | "httpMs" | "inboxMs" | "sendMs" | "recoveryMs";

const durationNames: readonly DurationName[] = [
  ...(["latencyMs", "dnsMs", "tcpMs", "proxyMs", "tlsMs", "httpMs"] as const),
  ...(["inboxMs", "sendMs", "recoveryMs"] as const),
];

/** The statistics of a client over all its connections. A plain, frozen snapshot. */
export interface Stats {
  /** Messages that `send`, `sendRaw` and `trySend` accepted and that were passed to a connection. */
  readonly messagesSent: number;
  /** Complete messages that were received. */
  readonly messagesReceived: number;
  /** Bytes of sent messages, before compression. */
  readonly payloadBytesSent: number;
  /** Bytes of received messages, after decompression. */
  readonly payloadBytesReceived: number;
  /** Bytes on the wire after the handshake, including framing. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Payload bytes per byte on the wire; `undefined` before the first byte. */
  readonly compressionRatioSent: number | undefined;
  readonly compressionRatioReceived: number | undefined;
  /**
   * Messages, in both directions, that were accepted and not delivered. The event `dropped` is emitted for each of
   * these messages.
   */
  readonly messagesDropped: number;
  /** Received messages that wait to be read. */
  readonly messagesWaiting: number;
  /** Received messages that wait for missing messages, or for the end of an overlap. */
  readonly messagesHeld: number;
  /** Messages in the outbox: messages that wait for a connection, and messages that are not acknowledged. */
  readonly outboxMessages: number;
  readonly outboxBytes: number;
  /** Bytes that the kernel has not accepted yet, including framing. */
  readonly bufferedAmount: number;
  /** Attempts to connect. */
  readonly attemptCount: number;
  /** Connections that were opened. */
  readonly connectCount: number;
  /** Connections that were opened after a connection was lost, or after a rotation had closed the old connection. */
  readonly reconnectCount: number;
  /** Connections that were replaced by a rotation. */
  readonly rotationCount: number;
  /** Received messages that were removed because they had been delivered before. */
  readonly duplicateCount: number;
  /**
   * `gapCount`: reported gaps. `recoveredCount`: missing messages that arrived later and were delivered. `resetCount`:
   * streams that continued without their missing messages.
   */
  readonly gapCount: number;
  readonly recoveredCount: number;
  readonly resetCount: number;
  /** Milliseconds since the current connection was opened; 0 without a connection. */
  readonly uptimeMs: number;
  /** Total time in milliseconds without a connection, since the first loss. */
  readonly downtimeMs: number;
  /** The last round-trip time in milliseconds, from a ping to its pong; `undefined` before the first pong. */
  readonly latencyMs: number | undefined;
  /** Distributions of durations in milliseconds, frozen. A distribution is `undefined` before its first sample. */
  readonly histograms: Readonly<Record<DurationName, HistogramSnapshot | undefined>>;
}

/** Values that are read when a snapshot is taken. */
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

/** The counters of one connection. */
export interface ConnectionCounts {
  readonly messagesAccepted: number;
  readonly payloadBytesSent: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

const noCounts: ConnectionCounts = {
  messagesAccepted: 0,
  payloadBytesSent: 0,
  bytesSent: 0,
  bytesReceived: 0,
};

/** Collects the counts and durations of one client. A histogram takes memory only after its first sample. */
export class Statistics {
  messagesReceived = 0;
  payloadBytesReceived = 0;
  messagesDropped = 0;
  attemptCount = 0;
  connectCount = 0;
  reconnectCount = 0;
  rotationCount = 0;
  /** The sums of the counters of all ended connections. */
  #ended = noCounts;
  /**
   * A duration with only one sample is stored as a number instead of a histogram, because most phases of a handshake
   * happen once.
   */
  readonly #histograms: { [Name in DurationName]?: Histogram | number } = {};

  /** @param duration - In milliseconds. */
  record(name: DurationName, duration: number): void {
    const known = this.#histograms[name];
    if (known instanceof Histogram) known.record(duration);
    else this.#histograms[name] = known === undefined ? duration : new Histogram([known, duration]);
  }

  /** A connection has ended: adds its counters to the sums. */
  add(connection: ConnectionCounts): void {
    this.#ended = sumOf(this.#ended, connection);
  }

  /** @param connections - The counters of the open connections. */
  snapshot(connections: readonly ConnectionCounts[], gauges: Gauges): Stats {
    const counts = connections.reduce(sumOf, this.#ended);
    const { messagesAccepted, payloadBytesSent, bytesSent, bytesReceived } = counts;
    const { messagesReceived, payloadBytesReceived, messagesDropped } = this;
    const { attemptCount, connectCount, reconnectCount, rotationCount } = this;
    const histograms = this.#snapshotHistograms();
    return Object.freeze({
      messagesSent: messagesAccepted,
      messagesReceived,
      payloadBytesSent,
      payloadBytesReceived,
      bytesSent,
      bytesReceived,
      compressionRatioSent: ratio(payloadBytesSent, bytesSent),
      compressionRatioReceived: ratio(payloadBytesReceived, bytesReceived),
      messagesDropped,
      ...{ attemptCount, connectCount, reconnectCount, rotationCount },
      ...gauges,
      latencyMs: histograms.latencyMs?.last,
      histograms,
    });
  }

  #snapshotHistograms(): Stats["histograms"] {
    const snapshots = durationNames.map((name) => {
      const known = this.#histograms[name];
      const histogram = typeof known === "number" ? new Histogram([known]) : known;
      return [name, histogram?.snapshot()] as const;
    });
    return Object.freeze(Object.fromEntries(snapshots) as Stats["histograms"]);
  }
}

function sumOf(left: ConnectionCounts, right: ConnectionCounts): ConnectionCounts {
  return {
    messagesAccepted: left.messagesAccepted + right.messagesAccepted,
    payloadBytesSent: left.payloadBytesSent + right.payloadBytesSent,
    bytesSent: left.bytesSent + right.bytesSent,
    bytesReceived: left.bytesReceived + right.bytesReceived,
  };
}

function ratio(payload: number, wire: number): number | undefined {
  return wire === 0 ? undefined : payload / wire;
}
