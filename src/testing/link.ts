/** What a link tells. */
export interface LinkHandler {
  onData(bytes: Buffer): void;
  /** The client has ended its side. */
  onEnd(): void;
  /** The connection is gone, whoever ended it. The last call. */
  onClose(): void;
}

/** The server's end of one byte stream: in memory or on a socket. */
export interface Link {
  /** Set by whoever takes the link, before anything comes. */
  handler: LinkHandler;
  /** Sends `bytes` in one read of the client's, as far as the network allows; `onSent` is called when they have left. */
  write(bytes: Buffer, onSent: () => void): void;
  /** Ends this side behind what was written. */
  end(): void;
  /** Breaks the connection behind what was sent. */
  reset(): void;
  /** Takes nothing more but what the kernel takes. */
  stopReading(): void;
  continueReading(): void;
  /** Calls `callback` after `ms` milliseconds; gives what undoes that. */
  wait(ms: number, callback: () => void): () => void;
}
