/**
 * The port between a scripted server and its connections, in memory or on sockets. It contains types only.
 */

/** The callbacks of a byte stream. */
export interface ByteStreamHandler {
  onData(bytes: Buffer): void;
  /** The client ended its side of the stream. */
  onEnd(): void;
  /** The connection is closed. This is the last callback. */
  onClose(): void;
}

/** The server's end of one connection, as a byte stream. */
export interface ByteStream {
  /** Set by the owner before the first callback. */
  handler: ByteStreamHandler;
  /**
   * Sends `bytes` so that the client receives them in one read, if the network allows it. `onSent` is called when they
   * were sent.
   */
  write(bytes: Buffer, onSent: () => void): void;
  /** Ends this side of the stream after the written bytes. */
  end(): void;
  /** Resets the connection after the sent bytes. */
  reset(): void;
  /** Stops reading; the kernel still accepts bytes until its buffer is full. */
  stopReading(): void;
  continueReading(): void;
  /** Calls `callback` after `ms` milliseconds. Returns a function that cancels it. */
  wait(ms: number, callback: () => void): () => void;
}
