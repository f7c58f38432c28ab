// Finds the control frames in buffered bytes. The messages in these bytes are decoded later: this module does not
// decompress or validate them.
import { isControl, opcodeOf } from "./frame-header.js";
import type { FrameParser, FrameSink } from "./frame-parser.js";
import type { ProtocolError } from "./errors.js";

export interface ControlScanHandler {
  /** @returns `false` to end the scan. */
  onScannedControl(opcode: number, payload: Buffer): boolean;
  onScanFailed(error: ProtocolError): void;
}

/** Passes each control frame in a sequence of buffers to a handler. */
export class ControlScan implements FrameSink {
  readonly #handler: ControlScanHandler;
  #first: number;
  #payload: Buffer;
  #parser: FrameParser | undefined;

  /**
   * @param first - If the buffers begin in the middle of a frame: the first header byte of this frame. Otherwise
   *   ignored.
   * @param partialPayload - If the buffers begin in the middle of a control frame: the part of its payload that
   *   precedes the buffers.
   */
  constructor(handler: ControlScanHandler, first: number, partialPayload: Buffer) {
    this.#handler = handler;
    this.#first = first;
    this.#payload = partialPayload;
  }

  /**
   * @param parser - The sink of the parser must be this scan. The parser must be at the start of the first buffer. The
   *   parser cannot be used again.
   */
  run(parser: FrameParser, pieces: Iterable<Buffer>): void {
    this.#parser = parser;
    for (const piece of pieces) parser.receive(piece, 0, piece.length);
  }

  onFrameHeader(first: number): void {
    this.#first = first;
    this.#payload = Buffer.alloc(0);
  }

  onFramePayload(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    if (!isControl(this.#first)) return;
    // RFC 6455 5.5: a control frame has at most 125 bytes of payload, so this copy is small.
    this.#payload = Buffer.concat([this.#payload, bytes.subarray(start, end)]);
    if (isLast && !this.#handler.onScannedControl(opcodeOf(this.#first), this.#payload)) this.#parser!.halt();
  }

  onFrameError(error: ProtocolError): void {
    this.#parser!.halt();
    this.#handler.onScanFailed(error);
  }
}
