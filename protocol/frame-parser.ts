// Splits received bytes into frames. A read can end at any byte of a frame. The parser checks single headers. The sink
// of the parser, not the parser, checks the order of fragments and the size limits.
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
import { bufferView } from "./fast-buffer.js";
import { payloadSizeAt, SmallFrameScanner } from "./small-frame-scanner.js";
import { SmallTextBatch, type SmallTextSink } from "./text/small-text-batch.js";

const textFirstByte = firstByteOf(Opcode.text, false);
const binaryFirstByte = firstByteOf(Opcode.binary, false);

/**
 * Largest payload in bytes of a binary message in a batch. At 30 bytes, messages that are copied together take half the
 * CPU time of messages that are copied one by one. At 1 KiB they take more (`recv-binary-32B`, `recv-binary-1KiB`).
 */
const maxBinaryPayloadSize = 512;

/**
 * Receives each frame: first the header, then the payload in one or more pieces. An empty payload is received as one
 * empty piece.
 */
export interface FrameSink {
  /** Receives small complete messages without their frames. `undefined` if the sink must receive every frame. */
  readonly smallMessageSink?: SmallMessageSink | undefined;
  /** @param first - The first byte of the header. `checkHeaderStart` has accepted this byte. */
  onFrameHeader(first: number, payloadSize: number): void;
  /** Receives a piece of the payload, already unmasked. `bytes` is only valid during the call. */
  onFramePayload(bytes: Buffer, start: number, end: number, isLast: boolean): void;
  /** The received bytes violate RFC 6455 5. The sink must halt the parser. */
  onFrameError(error: ProtocolError): void;
}

/** Receives small complete messages without their frames. */
export interface SmallMessageSink extends SmallTextSink {
  /** Copies the bytes from `start` to `end`. The application may keep the memory of the copy. */
  copyBatch(bytes: Buffer, start: number, end: number): Buffer;
  onSmallBinary(payload: Buffer): void;
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
  /** Created when the first binary message arrives. */
  #binaryScanner: SmallFrameScanner | undefined;
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

  /** Creates a second parser that continues at the byte of the stream at which this parser has stopped. */
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
      else if (!this.#parseBatch(bytes, end)) this.#parseHeader(bytes, end);
    }
  }

  /** @returns `false` if no batch of small messages starts at the current position. */
  #parseBatch(bytes: Buffer, end: number): boolean {
    const { smallMessageSink: sink } = this.sink;
    if (sink === undefined || this.#isMaskExpected) return false;
    const first = bytes[this.position];
    if (first === textFirstByte) return this.#parseTexts(bytes, end, sink);
    return first === binaryFirstByte && !sink.isLending && this.#parseBinaries(bytes, end, sink);
  }

  #parseTexts(bytes: Buffer, end: number, sink: SmallMessageSink): boolean {
    const start = this.position;
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

  /** Copies the whole batch once. Each message is a view of the copy. */
  #parseBinaries(bytes: Buffer, end: number, sink: SmallMessageSink): boolean {
    const start = this.position;
    const scanner = (this.#binaryScanner ??= new SmallFrameScanner());
    if (!sink.mayTakeBatch(maxBinaryPayloadSize)) return false;
    if (!scanner.find(bytes, start, end, maxBinaryPayloadSize)) return false;
    const batchEnd = scanner.end;
    const { buffer, byteOffset } = sink.copyBatch(bytes, start, batchEnd);
    while (this.position < batchEnd && !this.#isHalted && !sink.isLending) {
      const size = payloadSizeAt(bytes, this.position);
      const payload = this.position + headerSizeFor(size, false);
      this.position = payload + size;
      sink.onSmallBinary(bufferView(buffer, byteOffset + payload - start, size));
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

  /** @param bytes - The buffer that contains the payload. Default: the buffer that contains the header. */
  #beginFrame(header: Buffer, at: number, end: number, bytes: Buffer = header): void {
    const size = readPayloadSize(header, at);
    if (typeof size !== "number") {
      this.sink.onFrameError(size);
      return;
    }
    if (this.#isMaskExpected) this.#maskingKey = header.readInt32LE(at + headerSizeOf(header[at + 1]!) - 4);
    this.#remaining = size;
    this.sink.onFrameHeader(header[at]!, size);
    // An empty payload is reported together with its header, because the next byte can arrive much later.
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
    // The bytes belong to the caller and must not change, so the parser copies the bytes and unmasks the copy.
    const plain = Buffer.allocUnsafe(size);
    bytes.copy(plain, 0, start, this.position);
    this.#maskingKey = maskBytes(plain, 0, size, this.#maskingKey);
    this.sink.onFramePayload(plain, 0, size, this.#remaining === 0);
  }
}
