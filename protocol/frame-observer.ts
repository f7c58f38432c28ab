import { isFinal, hasRsv1, opcodeOf } from "./frame-header.js";
import type { FrameSink } from "./frame-parser.js";
import type { ProtocolError } from "./errors.js";

/** A frame as it stands on the wire, but for its mask. */
export interface ObservedFrame {
  /** RFC 6455 5.2; one of the values of `Opcode`. */
  readonly opcode: number;
  readonly isFinal: boolean;
  /** RSV1 is set: the message that begins here is compressed (RFC 7692 6). */
  readonly isCompressed: boolean;
  /** The bytes of the payload on the wire. */
  readonly payloadSize: number;
  /** The first bytes of the payload, unmasked, compressed where the frame is; a copy. */
  readonly excerpt: Buffer;
}

/** Sees the frames of a connection go by. It is to throw nothing. */
export interface FrameObserver {
  /**
   * Whether frames are to be told now. It is asked once for each call of `ProtocolConnection.receive` and once for
   * each frame that is sent: without it nothing else is done.
   */
  readonly isActive: boolean;
  /** The most bytes of a payload that an excerpt holds; 0 for empty ones. */
  readonly excerptSize: number;
  /**
   * `"in"`: a whole frame has come, before anything that it means is told; one that is refused by its header is not
   * told. `"out"`: a frame was made and waits for the wire; it is told once, though `takeBack` or `takeUnsent` may
   * keep it from leaving.
   */
  onFrame(direction: "in" | "out", frame: ObservedFrame): void;
}

function describe(first: number, payloadSize: number, excerpt: Buffer): ObservedFrame {
  return {
    opcode: opcodeOf(first),
    isFinal: isFinal(first),
    isCompressed: hasRsv1(first),
    payloadSize,
    excerpt,
  };
}

/** Tells of a frame that was written. */
export function observeWritten(observer: FrameObserver, first: number, payload: string | Uint8Array): void {
  if (!observer.isActive) return;
  const size = typeof payload === "string" ? Buffer.byteLength(payload) : payload.length;
  observer.onFrame("out", describe(first, size, excerptOf(payload, observer.excerptSize)));
}

function excerptOf(payload: string | Uint8Array, size: number): Buffer {
  // One character more than bytes are asked for, so that no pair of surrogates is cut in two.
  const bytes = typeof payload === "string" ? Buffer.from(payload.slice(0, size + 1)) : payload;
  return Buffer.from(bytes.subarray(0, size));
}

/** Stands before the sink of received frames while an observer is active. */
export class ObservingSink implements FrameSink {
  readonly #observer: FrameObserver;
  readonly #sink: FrameSink;
  #first = 0;
  #payloadSize = 0;
  /** That of the frame that is being received; `undefined` in one that has begun unobserved. */
  #excerpt: Buffer | undefined;
  #excerptLength = 0;

  constructor(observer: FrameObserver, sink: FrameSink) {
    this.#observer = observer;
    this.#sink = sink;
  }

  /** Where the frames of the next read are to go. */
  activeSink(): FrameSink {
    if (this.#observer.isActive) return this;
    this.#excerpt = undefined;
    return this.#sink;
  }

  onFrameHeader(first: number, payloadSize: number): void {
    this.#first = first;
    this.#payloadSize = payloadSize;
    this.#excerpt = Buffer.alloc(Math.min(payloadSize, this.#observer.excerptSize));
    this.#excerptLength = 0;
    this.#sink.onFrameHeader(first, payloadSize);
  }

  onFramePayload(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    const excerpt = this.#excerpt;
    if (excerpt !== undefined) {
      this.#excerptLength += bytes.copy(excerpt, this.#excerptLength, start, end);
      if (isLast) this.#report(excerpt);
    }
    this.#sink.onFramePayload(bytes, start, end, isLast);
  }

  #report(excerpt: Buffer): void {
    this.#excerpt = undefined;
    this.#observer.onFrame("in", describe(this.#first, this.#payloadSize, excerpt));
  }

  onFrameError(error: ProtocolError): void {
    this.#sink.onFrameError(error);
  }
}
