/** Takes the first parts of a message that is inflated, so that it is never in memory as a whole. */
export interface InflatedSink {
  /**
   * @param bytes - Only lent.
   * @throws what `inflate` is to throw, where the message is refused.
   */
  onInflated(bytes: Buffer): void;
}

/** Turns compressed messages of one connection back into their bytes. */
export interface Inflater {
  /**
   * Inflates one whole message: the joined payloads of its frames, without the four bytes that RFC 7692 7.2.2 adds.
   *
   * @param maxSize - The most bytes that may come out.
   * @param isKept - `true` where the caller keeps the result: it is then a buffer of its own.
   *   Otherwise it may be scratch memory that the next call of any codec overwrites.
   * @param sink - May be given the first parts of a large message, in their order; the result is then its last part.
   *   A codec may ignore it.
   * @throws ProtocolError with close code 1007 for corrupt data, 1009 as soon as more than `maxSize` bytes come out.
   *   After it the inflater is of no use but for {@link close}.
   */
  inflate(compressed: Uint8Array, maxSize: number, isKept: boolean, sink?: InflatedSink): Buffer;
  /** The same for a message in pieces, so that they need not be joined. A codec that lacks it is given them joined. */
  inflatePieces?(
    compressed: readonly Uint8Array[],
    maxSize: number,
    isKept: boolean,
    sink?: InflatedSink,
  ): Buffer;
  /** Gives back the native memory that the next message can have made again; what was said before is not forgotten. */
  rest(): void;
  /** Gives native memory back; may be called twice. */
  close(): void;
}

/** Compresses the messages of one connection. */
export interface Deflater {
  /**
   * Compresses one whole message and leaves the last four bytes out (RFC 7692 7.2.1).
   * The result may be scratch memory that the next call of any codec overwrites.
   */
  deflate(payload: Uint8Array): Uint8Array;
  /** Gives native memory back; may be called twice. */
  close(): void;
}

/** The parameters of one direction of permessage-deflate. */
export interface InflaterOptions {
  /** 8 to 15: the base-2 logarithm of the window (RFC 7692 7.1.2). */
  readonly windowBits: number;
  /** Whether a message may refer to those before it (RFC 7692 7.1.1). */
  readonly keepsContext: boolean;
}

export interface DeflaterOptions extends InflaterOptions {
  /** zlib's level, 0 to 9; -1 leaves the choice to the codec, which goes by what the messages hold. */
  readonly level: number;
  /** zlib's memLevel, 1 to 9. */
  readonly memLevel: number;
}

/** Makes codecs; the two fillings of this port differ in speed, not in what they do. */
export interface CodecFactory {
  /** `"handle"` keeps the native handle of a zlib stream, `"dictionary"` stands on Node's public calls alone. */
  readonly name: "handle" | "dictionary";
  inflater(options: InflaterOptions): Inflater;
  deflater(options: DeflaterOptions): Deflater;
  /** How many codecs are made and not closed: 0 when every connection has ended. */
  readonly openCount: number;
}
