// The interfaces of the codecs that compress and decompress the messages of permessage-deflate (RFC 7692 7.2).

/** Receives the first parts of a message while it is inflated, so that the memory never contains the whole message. */
export interface InflatedSink {
  /**
   * @param bytes - A part of the message. The bytes are valid only during this call.
   * @throws any error to refuse the message. `inflate` then throws the same error.
   */
  onInflated(bytes: Buffer): void;
}

/** Decompresses the messages of one connection. */
export interface Inflater {
  /**
   * Inflates one whole message: the joined payloads of its frames, without the four bytes that RFC 7692 7.2.2 appends.
   *
   * @param maxSize - Largest size of the result in bytes.
   * @param isKept - `true` if the caller keeps the result. If `false`, the next call of any codec can overwrite the
   *   result.
   * @param sink - Receives the first parts of a large message, in order. The result is then the last part of the
   *   message. A codec may ignore the sink.
   * @throws ProtocolError with close code 1007 for corrupt data, or 1009 as soon as the output exceeds `maxSize` bytes.
   *   After an error, only {@link close} may be called.
   */
  inflate(compressed: Uint8Array, maxSize: number, isKept: boolean, sink?: InflatedSink): Buffer;
  /**
   * Inflates a message that lies in several pieces of memory. Without this method, the caller joins the pieces and
   * calls {@link inflate}.
   */
  inflatePieces?(
    pieces: readonly Uint8Array[],
    maxSize: number,
    isKept: boolean,
    sink?: InflatedSink,
  ): Buffer;
  /** Frees native memory, but keeps the context of earlier messages. The next message allocates the memory again. */
  rest(): void;
  /** Frees native memory. Further calls have no effect. */
  close(): void;
}

/** Compresses the messages of one connection. */
export interface Deflater {
  /**
   * Compresses one whole message, and removes the last four bytes of the compressed message (RFC 7692 7.2.1). The next
   * call of any codec can overwrite the result.
   */
  deflate(payload: Uint8Array): Uint8Array;
  /** Frees native memory. Further calls have no effect. */
  close(): void;
}

/** The parameters of one direction of permessage-deflate. */
export interface InflaterOptions {
  /** The base-2 logarithm of the window size in bytes: 8 to 15 (RFC 7692 7.1.2). */
  readonly windowBits: number;
  /** `true` if a message may refer to earlier messages: context takeover (RFC 7692 7.1.1). */
  readonly keepsContext: boolean;
}

export interface DeflaterOptions extends InflaterOptions {
  /** zlib's compression level: 0 to 9, or -1 for zlib's default level. */
  readonly level: number;
  /** zlib's memLevel: 1 to 9. */
  readonly memLevel: number;
}

/** Creates codecs. The two backends `"handle"` and `"dictionary"` differ in speed, not in their results. */
export interface CodecFactory {
  /**
   * `"handle"` reuses the native handle of a zlib stream. `"dictionary"` only calls public functions of `node:zlib`.
   */
  readonly name: "handle" | "dictionary";
  inflater(options: InflaterOptions): Inflater;
  deflater(options: DeflaterOptions): Deflater;
  /** Number of codecs that were created and not closed. It is 0 when all connections have ended. */
  readonly openCount: number;
}

/**
 * One implementation of the codecs. Each call creates a new codec. The codec factory, not the backend, shares codecs
 * between connections.
 */
export type CodecBackend = Pick<CodecFactory, "name" | "inflater" | "deflater">;
