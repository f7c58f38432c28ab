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

  /**
   * @param first - The first header byte of a frame that has begun before the bytes.
   * @param begun - What is known of its payload, where it is a control frame.
   */
  constructor(handler: ControlScanHandler, first: number, begun: Buffer) {
    this.#handler = handler;
    this.#first = first;
    this.#payload = begun;
  }

  /** @param parser - Stands where the bytes begin; it is used up. */
  run(parser: FrameParser, bytes: Buffer): void {
    this.#parser = parser;
    parser.sink = this;
    parser.receive(bytes, 0, bytes.length);
  }

  onFrameHeader(first: number): void {
    this.#first = first;
    this.#payload = nothing;
  }

  onFramePayload(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    if (!isControl(this.#first)) return;
    // RFC 6455 5.5: a control frame has at most 125 bytes of payload.
    this.#payload = Buffer.concat([this.#payload, bytes.subarray(start, end)]);
    if (!isLast) return;
    if (!this.#handler.onScannedControl(opcodeOf(this.#first), this.#payload)) this.#parser!.halt();
  }

  onFrameError(error: ProtocolError): void {
    this.#parser!.halt();
    this.#handler.onScanFailed(error);
  }
}

const nothing: Buffer = Buffer.alloc(0);
