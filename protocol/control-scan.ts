// Finds the control frames in buffered bytes whose messages are decoded later. It reads frame headers only and does not
// decompress or validate messages.
import { isControl, opcodeOf } from "./frame-header.js";
import type { FrameParser, FrameSink } from "./frame-parser.js";
import type { ProtocolError } from "./errors.js";

export interface ControlScanHandler {
  /** @returns `false` to end the scan, because no later frame matters. */
  onScannedControl(opcode: number, payload: Buffer): boolean;
  onScanFailed(error: ProtocolError): void;
}

/** Passes each control frame in a sequence of buffers to its handler. */
export class ControlScan implements FrameSink {
  readonly #handler: ControlScanHandler;
  #first: number;
  #payload: Buffer;
  #parser: FrameParser | undefined;
  #isOver = false;

  /**
   * @param firstByte - First header byte of the frame that was incomplete before these buffers, if any.
   * @param partialPayload - The part of its payload that has arrived, if it is a control frame.
   */
  constructor(handler: ControlScanHandler, first: number, partialPayload: Buffer) {
    this.#handler = handler;
    this.#first = first;
    this.#payload = partialPayload;
  }

  /** @param parser - Its position must be the start of the first buffer. It cannot be used again. */
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
    // The concatenated payload stays small: a control frame has at most 125 bytes of payload (RFC 6455 5.5).
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
