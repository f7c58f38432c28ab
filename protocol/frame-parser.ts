import { BufferView } from "./buffer-view.js";
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
import { maxRunSize, payloadSizeAt, SmallFrameScanner, type SmallFrameSink } from "./small-frame-scanner.js";
import { SmallTextBatch } from "./text/small-text-batch.js";

const wholeText = firstByteOf(Opcode.text, false);
const wholeBinary = firstByteOf(Opcode.binary, false);

/** Where the frames go: a header first, then its payload in one or more pieces, an empty one included. */
export interface FrameSink {
  /** Who takes small whole messages without their frames; left out where each frame is to be told. */
  readonly smallFrameSink?: SmallFrameSink | undefined;
  /** @param first - The first byte of the header, which has passed the checks of `checkHeaderStart`. */
  onFrameHeader(first: number, payloadSize: number): void;
  /** A piece of the payload, unmasked; `bytes` is only lent. */
  onFramePayload(bytes: Buffer, start: number, end: number, isLast: boolean): void;
  /** The bytes break RFC 6455 5; the parser is to be halted. */
  onFrameError(error: ProtocolError): void;
}

/**
 * Takes frames apart, in place, at any split of the input.
 * What needs more than one header to judge (the order of fragments, limits) is its sink's.
 */
export class FrameParser {
  /** May be another one from one call of {@link receive} to the next, inside a frame too. */
  sink: FrameSink;
  readonly #isMaskExpected: boolean;
  /** A header that the end of the input has cut off. */
  #header: Buffer | undefined;
  #headerLength = 0;
  /** From the first message on that may begin a run; a connection that only pings has none. */
  #scanner: SmallFrameScanner | undefined;
  #textBatch: SmallTextBatch | undefined;
  /** How much of the payload of the current frame is still to come. */
  #remaining = 0;
  #maskingKey = 0;
  #isHalted = false;
  /** The first byte that no call of the sink has been given yet; the sink may throw what its user throws. */
  position = 0;

  constructor(sink: FrameSink, role: Role) {
    this.sink = sink;
    this.#isMaskExpected = role === "server";
  }

  /** Makes {@link receive} return before the next frame or piece of one. */
  halt(): void {
    this.#isHalted = true;
  }

  resume(): void {
    this.#isHalted = false;
  }

  /** Another parser that stands at the same byte. */
  fork(sink: FrameSink): FrameParser {
    const fork = new FrameParser(sink, this.#isMaskExpected ? "server" : "client");
    fork.#header = this.#header === undefined ? undefined : Buffer.from(this.#header);
    fork.#headerLength = this.#headerLength;
    fork.#remaining = this.#remaining;
    fork.#maskingKey = this.#maskingKey;
    return fork;
  }

  /** How many bytes of a header wait for the rest of it. */
  get cutHeaderSize(): number {
    return this.#headerLength;
  }

  /** `true` between the header of a frame and the end of its payload. */
  get isInsideFrame(): boolean {
    return this.#remaining > 0;
  }

  /** Parses `bytes` up to `end`, or until it is halted: {@link position} then says how far it came. */
  receive(bytes: Buffer, start: number, end: number): void {
    this.position = start;
    while (this.position < end && !this.#isHalted) {
      if (this.#remaining > 0) this.#parsePayload(bytes, end);
      else if (this.#headerLength > 0) this.#completeHeader(bytes, end);
      else if (!this.#parseRun(bytes, end)) this.#parseHeader(bytes, end);
    }
  }

  /** @returns `false` where no run of small messages begins here. */
  #parseRun(bytes: Buffer, end: number): boolean {
    const { smallFrameSink } = this.sink;
    if (smallFrameSink === undefined || this.#isMaskExpected) return false;
    const first = bytes[this.position];
    if (first === wholeText) return this.#parseTexts(bytes, end, smallFrameSink);
    return first === wholeBinary && !smallFrameSink.isLending && this.#parseBinaries(bytes, end, smallFrameSink);
  }

  #parseTexts(bytes: Buffer, end: number, sink: SmallFrameSink): boolean {
    const start = this.position;
    const scanner = (this.#scanner ??= new SmallFrameScanner());
    const run = (this.#textBatch ??= new SmallTextBatch()).find(scanner, bytes, start, end, sink);
    if (run === undefined) return false;
    const runEnd = scanner.end;
    while (this.position < runEnd && !this.#isHalted) {
      const size = payloadSizeAt(bytes, this.position);
      const payload = this.position + headerSizeFor(size, false);
      this.position = payload + size;
      if (sink.isLending) sink.onLentText(bytes, payload, this.position);
      else sink.onSmallMessage(run.slice(payload - start, this.position - start), size);
    }
    scanner.endRun(this.position);
    return true;
  }

  /** One copy serves all of them, and each gets a view of it: two thirds of what a copy of each costs. */
  #parseBinaries(bytes: Buffer, end: number, sink: SmallFrameSink): boolean {
    const start = this.position;
    const scanner = (this.#scanner ??= new SmallFrameScanner());
    if (!sink.mayTakeRun(maxRunSize) || !scanner.find(bytes, start, end, maxRunSize)) return false;
    const runEnd = scanner.end;
    const { buffer, byteOffset } = sink.copyRun(bytes, start, runEnd);
    while (this.position < runEnd && !this.#isHalted && !sink.isLending) {
      const size = payloadSizeAt(bytes, this.position);
      const payload = this.position + headerSizeFor(size, false);
      this.position = payload + size;
      sink.onSmallMessage(new BufferView(buffer, byteOffset + payload - start, size), size);
    }
    scanner.endRun(this.position);
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

  /** Gathers a header that is cut off, byte by byte; it is refused as soon as two of them tell. */
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

  /** @param bytes - What holds the payload, where that is not what holds the header. */
  #beginFrame(header: Buffer, at: number, end: number, bytes: Buffer = header): void {
    const size = readPayloadSize(header, at);
    if (typeof size !== "number") {
      this.sink.onFrameError(size);
      return;
    }
    if (this.#isMaskExpected) this.#maskingKey = header.readInt32LE(at + headerSizeOf(header[at + 1]!) - 4);
    this.#remaining = size;
    this.sink.onFrameHeader(header[at]!, size);
    // An empty payload is told with its header, for no byte will come that could tell it later.
    if (size === 0 || this.position < end) {
      if (!this.#isHalted) this.#parsePayload(bytes, end);
    }
  }

  #parsePayload(bytes: Buffer, end: number): void {
    const start = this.position;
    const size = Math.min(end - start, this.#remaining);
    this.#remaining -= size;
    this.position = start + size;
    if (this.#isMaskExpected) this.#unmask(bytes, start, size);
    else this.sink.onFramePayload(bytes, start, start + size, this.#remaining === 0);
  }

  /** Unmasks into a copy: what the caller has handed in stays as it is. */
  #unmask(bytes: Buffer, start: number, size: number): void {
    const plain = Buffer.allocUnsafe(size);
    bytes.copy(plain, 0, start, start + size);
    this.#maskingKey = maskBytes(plain, 0, size, this.#maskingKey);
    this.sink.onFramePayload(plain, 0, size, this.#remaining === 0);
  }
}
