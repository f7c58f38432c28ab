import { isControl, opcodeOf } from "./frame-header.js";
import type { FrameParser, FrameSink } from "./frame-parser.js";
import type { ProtocolError } from "./errors.js";

export interface ControlScanHandler {
  /** @returns `false` where nothing after this frame counts. */
  onScannedControl(opcode: number, payload: Buffer): boolean;
  onScanFailed(error: ProtocolError): void;
}

/** Finds the control frames among bytes whose messages are decoded later: it looks at headers and inflates nothing. */
export class ControlScan implements FrameSink {
  readonly #handler: ControlScanHandler;
  #first: number;
  #payload: Buffer;
  #parser: FrameParser | undefined;
  #isOver = false;

  /**
   * @param first - The first header byte of a frame that has begun before the bytes.
   * @param begun - What is known of its payload, where it is a control frame.
   */
  constructor(handler: ControlScanHandler, first: number, partialPayload: Buffer) {
    this.#handler = handler;
    this.#first = first;
    this.#payload = partialPayload;
  }

  /** @param parser - Stands where the first of the pieces begins; it is used up. */
  run(parser: FrameParser, pieces: Iterable<Buffer>): void {
    this.#parser = parser;
    parser.sink = this;
    for (const piece of pieces) {
      if (this.#isOver) return;
      parser.receive(piece, 0, piece.length);
    }
  }

  #end(): void {
    this.#isOver = true;
    this.#parser!.halt();
  }

  onFrameHeader(first: number): void {
    this.#first = first;
    this.#payload = emptyBuffer;
  }

  onFramePayload(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    if (!isControl(this.#first)) return;
    // RFC 6455 5.5: a control frame has at most 125 bytes of payload.
    this.#payload = Buffer.concat([this.#payload, bytes.subarray(start, end)]);
    if (!isLast) return;
    if (!this.#handler.onScannedControl(opcodeOf(this.#first), this.#payload)) this.#end();
  }

  onFrameError(error: ProtocolError): void {
    this.#end();
    this.#handler.onScanFailed(error);
  }
}

const emptyBuffer: Buffer = Buffer.alloc(0);
