// Reports the frames of a connection to an observer, for diagnostics. This module does not change the frames.
import { isFinal, hasRsv1, opcodeOf } from "./frame-header.js";
import type { FrameSink } from "./frame-parser.js";
import type { ProtocolError } from "./errors.js";
import { utf8Bytes } from "./fast-buffer.js";

/** A frame as it is on the wire, but with an unmasked payload. */
export interface ObservedFrame {
  /** One of the values of `Opcode` (RFC 6455 5.2). */
  readonly opcode: number;
  readonly isFinal: boolean;
  /** Whether RSV1 is set. RFC 7692 6: RSV1 marks the first frame of a compressed message. */
  readonly isCompressed: boolean;
  /** Size of the payload on the wire, in bytes. */
  readonly payloadSize: number;
  /**
   * A copy of the first bytes of the unmasked payload. If the message is compressed, these bytes are compressed too.
   */
  readonly excerpt: Buffer;
}

/** Receives the frames of a connection. Its methods must not throw. */
export interface FrameObserver {
  /**
   * Whether frames are reported. This property is read once per call of `ProtocolConnection.receive` and once per sent
   * frame. While the property is `false`, the observer causes no other work.
   */
  readonly isActive: boolean;
  /** Maximum size of an excerpt in bytes. With 0, all excerpts are empty. */
  readonly excerptSize: number;
  /**
   * `"in"`: a complete frame arrived. The call precedes the events that the frame causes. A frame with an invalid
   * header is not reported.
   *
   * `"out"`: a frame was queued. It is reported once, even if `takeBack` or `takeUnsent` later removes the frame from
   * the queue.
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
  // The slice may end inside a surrogate pair. The last code unit of the slice is then encoded as invalid bytes. The
  // slice has `size + 1` code units, and each code unit is encoded as at least one byte. Therefore the invalid bytes
  // follow the first `size` bytes, and are cut off.
  const bytes = typeof payload === "string" ? utf8Bytes(payload.slice(0, size + 1)) : payload;
  return Buffer.from(bytes.subarray(0, size));
}

/** Reports received frames to an observer and forwards them to the sink of the connection. */
export class ObservingSink implements FrameSink {
  readonly #observer: FrameObserver;
  readonly #sink: FrameSink;
  #first = 0;
  #payloadSize = 0;
  /** Excerpt of the current frame. `undefined` if the observer was inactive when the frame began. */
  #excerpt: Buffer | undefined;
  #excerptLength = 0;

  constructor(observer: FrameObserver, sink: FrameSink) {
    this.#observer = observer;
    this.#sink = sink;
  }

  /** Returns the sink for the next read: this object if the observer is active, else the sink of the connection. */
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
      if (isLast) {
        this.#excerpt = undefined;
        this.#observer.onFrame("in", describe(this.#first, this.#payloadSize, excerpt));
      }
    }
    this.#sink.onFramePayload(bytes, start, end, isLast);
  }

  onFrameError(error: ProtocolError): void {
    this.#sink.onFrameError(error);
  }
}
