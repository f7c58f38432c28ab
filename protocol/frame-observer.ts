// Reports the frames of a connection to an observer, for diagnostics. It does not change them.
import { isFinal, hasRsv1, opcodeOf } from "./frame-header.js";
import type { FrameSink } from "./frame-parser.js";
import type { ProtocolError } from "./errors.js";

/** A frame as it is on the wire, except that the payload is unmasked. */
export interface ObservedFrame {
  /** One of the values of `Opcode` (RFC 6455 5.2). */
  readonly opcode: number;
  readonly isFinal: boolean;
  /** Whether RSV1 is set, that is, whether this frame starts a compressed message (RFC 7692 6). */
  readonly isCompressed: boolean;
  /** Size of the payload on the wire, in bytes. */
  readonly payloadSize: number;
  /** A copy of the first bytes of the payload: unmasked, and still compressed if the message is. */
  readonly excerpt: Buffer;
}

/** Receives the frames of a connection. Its methods must not throw. */
export interface FrameObserver {
  /**
   * Whether frames are reported. It is read once per call of `ProtocolConnection.receive` and once per sent frame.
   * While it is `false`, no other work is done.
   */
  readonly isActive: boolean;
  /** Maximum size in bytes of an excerpt; 0 for no excerpts. */
  readonly excerptSize: number;
  /**
   * `"in"`: a complete frame arrived. The call precedes the events that the frame causes. A frame that is rejected
   * because of its header is not reported.
   *
   * `"out"`: a frame was queued. It is reported once, even if `takeBack` or `takeUnsent` later removes it from the
   * queue.
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

/** Reports a frame that was queued for sending. */
export function observeWritten(observer: FrameObserver, first: number, payload: string | Uint8Array): void {
  if (!observer.isActive) return;
  const size = typeof payload === "string" ? Buffer.byteLength(payload) : payload.length;
  observer.onFrame("out", describe(first, size, excerptOf(payload, observer.excerptSize)));
}

function excerptOf(payload: string | Uint8Array, size: number): Buffer {
  // One more character than the number of bytes, so that the last surrogate pair is not split.
  const bytes = typeof payload === "string" ? Buffer.from(payload.slice(0, size + 1)) : payload;
  return Buffer.from(bytes.subarray(0, size));
}

/** Forwards received frames to another sink and reports them to the observer. */
export class ObservingSink implements FrameSink {
  readonly #observer: FrameObserver;
  readonly #sink: FrameSink;
  #first = 0;
  #payloadSize = 0;
  /** Excerpt of the current frame; `undefined` if the frame began while the observer was inactive. */
  #excerpt: Buffer | undefined;
  #excerptLength = 0;

  constructor(observer: FrameObserver, sink: FrameSink) {
    this.#observer = observer;
    this.#sink = sink;
  }

  /** Returns the sink for the next read: this object while the observer is active, else the original sink. */
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
