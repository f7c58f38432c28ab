/** What a client has done so far, over all its connections. A plain, frozen snapshot. */
export interface Stats {
  /** Messages that `send`, `sendRaw` and `trySend` have accepted and that were not withdrawn. */
  readonly messagesSent: number;
  /** Messages that came whole. */
  readonly messagesReceived: number;
  /** Bytes of received messages, after decompression. */
  readonly payloadBytesReceived: number;
  /** Bytes that went over the wire behind the handshake, framing included. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Messages, in either direction, that were taken and not delivered; the event `dropped` tells each. */
  readonly messagesDropped: number;
  /** Received messages that wait to be read. */
  readonly messagesWaiting: number;
  /** Bytes that the kernel has not taken, framing included. */
  readonly bufferedAmount: number;
  /** Connections that were opened. */
  readonly connectCount: number;
  /** Those of them that followed a loss within one life; 0 as long as `reconnect` is not there. */
  readonly reconnectCount: number;
  /** The round trip of the last answered ping in milliseconds. */
  readonly latencyMs: number | undefined;
  /** Milliseconds that the present connection has been open; 0 without one. */
  readonly uptimeMs: number;
}

/** The counters behind {@link Stats} that nobody else keeps. */
export class Counters {
  messagesReceived = 0;
  payloadBytesReceived = 0;
  messagesDropped = 0;
  connectCount = 0;
  latencyMs: number | undefined;
  /** Of connections that have ended. */
  messagesSent = 0;
  bytesSent = 0;
  bytesReceived = 0;
}
