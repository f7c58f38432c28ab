/**
 * The interface between a scripted server and its connections, in memory or on sockets. It contains types only.
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
  /** The owner of the stream sets the handler before the first callback. */
  handler: ByteStreamHandler;
  /**
   * Sends `bytes`. If the network allows it, the client receives the bytes in one read. `onSent` is called after the
   * bytes were sent.
   */
  write(bytes: Buffer, onSent: () => void): void;
  /** Ends this side of the stream after the bytes that were written before. */
  end(): void;
  /** Resets the connection after the bytes that were sent before. */
  reset(): void;
  /** Stops reading. The kernel still accepts bytes until its buffer is full. */
  stopReading(): void;
  goOnReading(): void;
  /** Calls `callback` after `ms` milliseconds. Returns a function that cancels it. */
  wait(ms: number, callback: () => void): () => void;
}
