// Splits received bytes into frames. A read may end at any byte of a frame. The parser checks single headers. It does
// not check the order of fragments or the size limits: the sink of the parser does.
import { maxFrameHeaderSize, Opcode, type Role } from "./constants.js";
import type { ProtocolError } from "./errors.js";
import {
  checkHeaderStart,
  firstByteOf,
  headerSizeFor,
  headerSizeOf,
  readPayloadSize,
} from "./frame-header.js";
import { maskBytes } from "./mask.js";
import { payloadSizeAt } from "./small-frame-scanner.js";
import { SmallTextBatch, type SmallTextSink } from "./text/small-text-batch.js";

const textFirstByte = firstByteOf(Opcode.text, false);

/**
 * Receives each frame: first the header, then the payload in one or more pieces. An empty payload is received as one
 * empty piece.
 */
export interface FrameSink {
  /** Receives small complete texts without their frames. `undefined` if the sink must receive every frame. */
  readonly smallTextSink?: SmallTextSink | undefined;
  /** @param first - The first byte of the header. `checkHeaderStart` has accepted this byte. */
  onFrameHeader(first: number, payloadSize: number): void;
  /** Receives a piece of the payload, already unmasked. `bytes` is only valid during the call. */
  onFramePayload(bytes: Buffer, start: number, end: number, isLast: boolean): void;
  /** The received bytes violate RFC 6455 5. The sink must halt the parser. */
  onFrameError(error: ProtocolError): void;
}

/** Parses the frames of one connection. */
export class FrameParser {
  /** The sink may be replaced between two calls of {@link receive}, even inside a frame. */
  sink: FrameSink;
  readonly #isMaskExpected: boolean;
  /** The first bytes of a header that is not complete yet. */
  #header: Buffer | undefined;
  #headerLength = 0;
  /** Created when the first text arrives, because many connections receive no text. */
  #textBatch: SmallTextBatch | undefined;
  /** Number of payload bytes of the current frame that have not arrived yet. */
  #remaining = 0;
  #maskingKey = 0;
  #isHalted = false;
  /**
   * Offset of the first byte that was not passed to the sink. The offset is also correct after the sink has thrown an
   * error.
   */
  position = 0;

  constructor(sink: FrameSink, role: Role) {
    this.sink = sink;
    this.#isMaskExpected = role === "server";
  }

  /** Makes {@link receive} return before the next frame or the next piece of a payload. */
  halt(): void {
    this.#isHalted = true;
  }

  resume(): void {
    this.#isHalted = false;
  }

  /** Creates a second parser that continues at the same byte of the stream. */
  fork(sink: FrameSink): FrameParser {
    const fork = new FrameParser(sink, this.#isMaskExpected ? "server" : "client");
    fork.#header = this.#header === undefined ? undefined : Buffer.from(this.#header);
    fork.#headerLength = this.#headerLength;
    fork.#remaining = this.#remaining;
    fork.#maskingKey = this.#maskingKey;
    return fork;
  }

  /** Number of buffered bytes of an incomplete header. */
  get partialHeaderSize(): number {
    return this.#headerLength;
  }

  /** `true` if the header of a frame is complete and its payload is incomplete. */
  get isInsideFrame(): boolean {
    return this.#remaining > 0;
  }

  /**
   * Parses the bytes from `start` to `end`. Stops earlier if the sink halts the parser. Afterwards, {@link position} is
   * the end of the parsed bytes.
   */
  receive(bytes: Buffer, start: number, end: number): void {
    this.position = start;
    while (this.position < end && !this.#isHalted) {
      if (this.#remaining > 0) this.#parsePayload(bytes, end);
      else if (this.#headerLength > 0) this.#completeHeader(bytes, end);
      else if (!this.#parseTexts(bytes, end)) this.#parseHeader(bytes, end);
    }
  }

  /** @returns `false` if no batch of small texts starts here. */
  #parseTexts(bytes: Buffer, end: number): boolean {
    const { smallTextSink: sink } = this.sink;
    const start = this.position;
    if (sink === undefined || this.#isMaskExpected || bytes[start] !== textFirstByte) return false;
    const batch = (this.#textBatch ??= new SmallTextBatch());
    const text = batch.find(bytes, start, end, sink);
    if (text === undefined) return false;
    const { scanner } = batch;
    const batchEnd = scanner.end;
    while (this.position < batchEnd && !this.#isHalted) {
      const size = payloadSizeAt(bytes, this.position);
      const payload = this.position + headerSizeFor(size, false);
      this.position = payload + size;
      if (sink.isLending) sink.onLentText(bytes, payload, this.position);
      else sink.onSmallText(text.slice(payload - start, this.position - start), size);
    }
    scanner.endBatch(this.position);
    return true;
  }

  #parseHeader(bytes: Buffer, end: number): void {
    const at = this.position;
    const available = end - at;
    if (available < 2 || available < headerSizeOf(bytes[at + 1]!)) {
      this.#completeHeader(bytes, end);
      return;
    }
    const error = checkHeaderStart(bytes[at]!, bytes[at + 1]!, this.#isMaskExpected);
    if (error === undefined) {
      this.position = at + headerSizeOf(bytes[at + 1]!);
      this.#beginFrame(bytes, at, end);
    } else {
      this.sink.onFrameError(error);
    }
  }

  /** Collects an incomplete header byte by byte. Checks the first two bytes as soon as both bytes have arrived. */
  #completeHeader(bytes: Buffer, end: number): void {
    const header = (this.#header ??= Buffer.alloc(maxFrameHeaderSize));
    while (this.position < end) {
      header[this.#headerLength++] = bytes[this.position++]!;
      if (this.#headerLength === 2) {
        const error = checkHeaderStart(header[0]!, header[1]!, this.#isMaskExpected);
        if (error !== undefined) {
          this.sink.onFrameError(error);
          return;
        }
      }
      if (this.#headerLength >= 2 && this.#headerLength === headerSizeOf(header[1]!)) {
        this.#headerLength = 0;
        this.#beginFrame(header, 0, end, bytes);
        return;
      }
    }
  }

  /** @param bytes - The buffer that contains the payload. By default, the header is in the same buffer. */
  #beginFrame(header: Buffer, at: number, end: number, bytes: Buffer = header): void {
    const size = readPayloadSize(header, at);
    if (typeof size !== "number") {
      this.sink.onFrameError(size);
      return;
    }
    if (this.#isMaskExpected) this.#maskingKey = header.readInt32LE(at + headerSizeOf(header[at + 1]!) - 4);
    this.#remaining = size;
    this.sink.onFrameHeader(header[at]!, size);
    // An empty payload is reported together with its header. The next byte may arrive much later.
    if (!this.#isHalted && (size === 0 || this.position < end)) this.#parsePayload(bytes, end);
  }

  #parsePayload(bytes: Buffer, end: number): void {
    const start = this.position;
    const size = Math.min(end - start, this.#remaining);
    this.#remaining -= size;
    this.position = start + size;
    if (!this.#isMaskExpected) {
      this.sink.onFramePayload(bytes, start, this.position, this.#remaining === 0);
      return;
    }
    // The bytes belong to the caller and must not change, so a copy is unmasked.
    const plain = Buffer.allocUnsafe(size);
    bytes.copy(plain, 0, start, this.position);
    this.#maskingKey = maskBytes(plain, 0, size, this.#maskingKey);
    this.sink.onFramePayload(plain, 0, size, this.#remaining === 0);
  }
}
