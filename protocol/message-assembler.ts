import { constants, isUtf8 } from "node:buffer";
import { CloseCode, isSendableCloseCode } from "./close-codes.js";
import { Opcode } from "./constants.js";
import { ProtocolError } from "./errors.js";
import type { InflatedSink } from "./extensions/permessage-deflate/codec.js";
import type { MessageExtension } from "./extensions/extension.js";
import type { FrameSink } from "./frame-parser.js";
import { hasRsv1, isControl, isFinal, opcodeOf } from "./frame-header.js";
import { LargeText, minLargeTextSize, textBlockSize } from "./text/large-text.js";
import type { Loans } from "./loans.js";
import { PayloadBuffer, type PayloadMemory } from "./payload-buffer.js";
import type { SmallFrameSink } from "./small-frame-scanner.js";
import { decodeText, decodeValid, Utf8Validator } from "./text/utf8.js";

/** Where the messages go. */
export interface MessageSink {
  /** @param size - The bytes of the message, after decompression. */
  onMessage(data: string | Buffer, size: number): void;
  /**
   * A message where it lies, while `isLending`.
   * @returns `false` where it is wanted for longer: it then comes by {@link onMessage}.
   */
  onBorrowed(bytes: Buffer, isBinary: boolean): boolean;
  /** @param payload - Only lent. */
  onControl(opcode: number, payload: Buffer): void;
  onMessageError(error: ProtocolError): void;
}

export interface MessageLimits {
  /** The most bytes of a message, after decompression. */
  readonly maxMessageSize: number;
  /** The most bytes of a frame's payload, as it stands on the wire. */
  readonly maxFrameSize: number;
}

export interface AssemblerMemory extends PayloadMemory {
  /** For what is gone at the end of the call. */
  readonly scratch: Buffer;
  /** The messages that are lent out of the scratch memory, or out of that of an extension. */
  readonly loans: Loans;
}

const defaultMaxMessageSize = 64 * 1024 * 1024;

/** @throws RangeError for a size that is no whole number from 1 to the longest string. */
export function resolveLimits(given: {
  readonly maxMessageSize?: number | undefined;
  readonly maxFrameSize?: number | undefined;
}): MessageLimits {
  const maxMessageSize = checkSize("maxMessageSize", given.maxMessageSize ?? defaultMaxMessageSize);
  return { maxMessageSize, maxFrameSize: checkSize("maxFrameSize", given.maxFrameSize ?? maxMessageSize) };
}

function checkSize(name: string, size: number): number {
  // A text message larger than the longest string of V8 could not be delivered.
  if (Number.isInteger(size) && size > 0 && size <= constants.MAX_STRING_LENGTH) return size;
  throw new RangeError(
    `${name} is ${size}: it takes a whole number of bytes from 1 to ${constants.MAX_STRING_LENGTH}.`,
  );
}

/** Puts messages together from the frames of one connection: order of fragments, limits, inflation, UTF-8. */
export class MessageAssembler implements FrameSink, SmallFrameSink, InflatedSink {
  readonly smallFrameSink: SmallFrameSink = this;
  readonly #sink: MessageSink;
  readonly #limits: MessageLimits;
  readonly #extension: MessageExtension | undefined;
  readonly #memory: AssemblerMemory;
  /** Of a message that is not whole; `undefined` where none is. */
  #pieces: PayloadBuffer | undefined;
  #controlPieces: PayloadBuffer | undefined;
  /** The first part of a large text, decoded. */
  #text: LargeText | undefined;
  /** Looks at a text that comes in pieces. */
  #utf8: Utf8Validator | undefined;

  /** The first byte of the current frame's header. */
  #firstByte = 0;
  /** Opcode of the message that has begun; 0 between two messages. */
  #opcode = 0;
  #isCompressed = false;
  /** The announced bytes of the message so far, as they stand on the wire. */
  #wireSize = 0;

  /** Messages are lent, not decoded or copied; may be set at any time. */
  isLending = false;

  /** How many data messages have begun: with {@link unfinishedSize} it tells progress from a standstill. */
  beganCount = 0;

  constructor(
    sink: MessageSink,
    limits: MessageLimits,
    extension: MessageExtension | undefined,
    memory: AssemblerMemory,
  ) {
    this.#sink = sink;
    this.#limits = limits;
    this.#extension = extension;
    this.#memory = memory;
  }

  /** `true` from the first header of a fragmented or cut-off message to its last byte. */
  get isInsideMessage(): boolean {
    return this.#opcode !== 0;
  }

  /** How many bytes of an unfinished message or control frame are here. */
  get unfinishedSize(): number {
    return (this.#text?.size ?? 0) + (this.#pieces?.size ?? 0) + (this.#controlPieces?.size ?? 0);
  }

  /** The first header byte of the frame that came last. */
  get firstByte(): number {
    return this.#firstByte;
  }

  /** A copy of what is here of a control frame that is not whole. */
  get partialControlPayload(): Buffer {
    return Buffer.from(this.#controlPieces?.lend(this.#memory.scratch) ?? []);
  }

  /** Gives back the memory of what is not whole: its rest will not be told. */
  discard(): void {
    this.#pieces?.clear();
    this.#pieces = undefined;
    this.#controlPieces = undefined;
    this.#text = undefined;
  }

  mayTakeRun(maxSize: number): boolean {
    const { maxMessageSize, maxFrameSize } = this.#limits;
    return this.#opcode === 0 && maxSize <= maxMessageSize && maxSize <= maxFrameSize;
  }

  copyRun(bytes: Buffer, start: number, end: number): Buffer {
    return this.#memory.slab.copy(bytes, start, end);
  }

  onSmallMessage(data: string | Buffer, size: number): void {
    this.beganCount++;
    this.#sink.onMessage(data, size);
  }

  onLentText(bytes: Buffer, start: number, end: number): void {
    this.beganCount++;
    this.#emitText(bytes, start, end, true, false);
  }

  onFrameHeader(first: number, payloadSize: number): void {
    this.#firstByte = first;
    if (isControl(first)) return;
    const error = this.#checkDataFrame(first, payloadSize);
    if (error !== undefined) {
      this.#sink.onMessageError(error);
      return;
    }
    if (this.#opcode === 0) {
      this.#opcode = opcodeOf(first);
      this.#isCompressed = hasRsv1(first);
      this.beganCount++;
    }
    this.#wireSize += payloadSize;
  }

  /** Everything that a header tells is judged here, before its payload takes memory. */
  #checkDataFrame(first: number, payloadSize: number): ProtocolError | undefined {
    const isContinuation = opcodeOf(first) === Opcode.continuation;
    // RFC 6455 5.4: the fragments of one message MUST NOT be interleaved with those of another.
    if (isContinuation && this.#opcode === 0) {
      return invalid(
        "UNEXPECTED_CONTINUATION",
        "The peer sent a continuation frame, but no message has begun.",
      );
    }
    if (!isContinuation && this.#opcode !== 0) {
      return invalid("EXPECTED_CONTINUATION", "The peer began a message before the last one had ended.");
    }
    // RFC 7692 6: RSV1 is the extension's, and stands on the first frame of a message alone.
    if (hasRsv1(first) && (isContinuation || this.#extension === undefined)) {
      return invalid("UNEXPECTED_RSV", "The peer set RSV1 where no extension allows it.");
    }
    const isCompressed = isContinuation ? this.#isCompressed : hasRsv1(first);
    const { maxMessageSize, maxFrameSize } = this.#limits;
    const wireSize = this.#wireSize + payloadSize;
    if (isCompressed) return this.#checkEncodedSize(wireSize, payloadSize);
    if (wireSize > maxMessageSize) return tooBig("message", wireSize, maxMessageSize);
    if (payloadSize > maxFrameSize) return tooBig("frame", payloadSize, maxFrameSize);
    return undefined;
  }

  /**
   * The limits are those of decoded messages: how much a message of that size may take on the wire is up to the
   * extension.
   */
  #checkEncodedSize(wireSize: number, payloadSize: number): ProtocolError | undefined {
    const { maxMessageSize, maxFrameSize } = this.#limits;
    const maxWireSize = this.#extension!.maxEncodedSize(maxMessageSize);
    if (wireSize > maxWireSize)
      return tooBigEncoded("message", wireSize, maxWireSize, `maxMessageSize (${maxMessageSize})`);
    const maxPayloadSize = this.#extension!.maxEncodedSize(maxFrameSize);
    if (payloadSize > maxPayloadSize)
      return tooBigEncoded("frame", payloadSize, maxPayloadSize, `maxFrameSize (${maxFrameSize})`);
    return undefined;
  }

  onFrameError(error: ProtocolError): void {
    this.#sink.onMessageError(error);
  }

  onFramePayload(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    if (isControl(this.#firstByte)) {
      this.#handleControl(bytes, start, end, isLast);
      return;
    }
    const isEnd = isLast && isFinal(this.#firstByte);
    // A message whole in one read, the common case, is read where it lies.
    if (isEnd && this.#wireSize === end - start) this.#handleWhole(bytes, start, end);
    else this.#handlePiece(bytes, start, end, isEnd);
  }

  #handleControl(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    const opcode = opcodeOf(this.#firstByte);
    if (isLast && this.#controlPieces === undefined) {
      this.#sink.onControl(opcode, bytes.subarray(start, end));
      return;
    }
    const pieces = (this.#controlPieces ??= new PayloadBuffer());
    pieces.append(bytes, start, end);
    if (!isLast) return;
    this.#controlPieces = undefined;
    this.#sink.onControl(opcode, pieces.take());
  }

  #handleWhole(bytes: Buffer, start: number, end: number): void {
    const isText = this.#opcode === Opcode.text;
    const isCompressed = this.#isCompressed;
    this.#endMessage();
    if (isCompressed) this.#deliverInflated(this.#inflate(bytes.subarray(start, end), isText), isText);
    else if (isText) this.#deliverText(bytes, start, end, false);
    else if (this.isLending) this.#lendBinary(bytes.subarray(start, end), false);
    else this.#sink.onMessage(this.#memory.slab.copy(bytes, start, end), end - start);
  }

  /** What does not fit into the scratch memory is put together in memory of its own at once, lent or not. */
  #canLend(size: number): boolean {
    return this.isLending && size <= this.#memory.scratch.length;
  }

  #lendBinary(lent: Buffer, isShared: boolean): void {
    const declined = this.#lend(lent, true, isShared);
    if (declined === undefined) return;
    this.#sink.onMessage(this.#memory.slab.copy(declined, 0, declined.length), declined.length);
  }

  /**
   * Lends a message to the handler, which may let other connections receive before it returns.
   *
   * @param isShared - It lies in memory that the next message of any connection may be written to, and not in the
   *   bytes of the current call of `receive` or in memory of its own.
   * @returns The bytes of the message where the handler has declined it: the given ones, or a copy.
   */
  #lend(bytes: Buffer, isBinary: boolean, isShared: boolean): Buffer | undefined {
    const { loans } = this.#memory;
    if (!isShared) {
      if (this.#sink.onBorrowed(bytes, isBinary)) return undefined;
      loans.checkRead();
      return bytes;
    }
    const loan = loans.begin(bytes);
    try {
      return this.#sink.onBorrowed(bytes, isBinary) ? undefined : (loan.copy ?? bytes);
    } finally {
      loans.end(loan);
    }
  }

  /** The scratch memory, to be written to. */
  #acquireScratch(): Buffer {
    this.#memory.loans.copyActiveLoans();
    return this.#memory.scratch;
  }

  #endMessage(): void {
    this.#opcode = 0;
    this.#wireSize = 0;
  }

  #handlePiece(bytes: Buffer, start: number, end: number, isEnd: boolean): void {
    const isText = this.#opcode === Opcode.text;
    const isCompressed = this.#isCompressed;
    const piece = this.#memory.slab.view(bytes, start, end);
    if (isText && !isCompressed && !(this.#utf8 ??= new Utf8Validator()).push(piece, 0, piece.length)) {
      this.#sink.onMessageError(invalidUtf8());
      return;
    }
    const needsOwnMemory = !isText && !isCompressed && isFinal(this.#firstByte) && !this.#canLend(this.#wireSize);
    const pieces = (this.#pieces ??= this.#beginPieces());
    if (isText && !isCompressed && this.#shouldDecodeEarly(pieces.size + piece.length)) {
      this.#decodePieces(pieces);
      this.#text!.push(bytes, start, end);
    } else {
      pieces.append(piece, 0, piece.length, needsOwnMemory ? this.#wireSize : undefined);
    }
    if (!isEnd) return;
    this.#endMessage();
    this.#pieces = undefined;
    if (isCompressed) this.#finishCompressed(pieces, isText);
    else if (isText) this.#finishText(pieces);
    else this.#finishBinary(pieces);
  }

  /**
   * Whether a text is decoded as far as it has arrived, so that its bytes need not be kept. ASCII is decoded fastest
   * at once, and takes no more memory as a string.
   */
  #shouldDecodeEarly(gatheredSize: number): boolean {
    if (this.#text !== undefined) return gatheredSize >= textBlockSize;
    return gatheredSize >= minLargeTextSize && !this.#utf8!.isAscii && !this.isLending;
  }

  /** Decodes what was gathered of a text; the validator has found it to be UTF-8. */
  #decodePieces(pieces: PayloadBuffer): void {
    this.#text ??= new LargeText();
    for (const view of pieces.views()) this.#text.push(view, 0, view.length);
    pieces.clear();
  }

  #beginPieces(): PayloadBuffer {
    const pieces = new PayloadBuffer(this.#memory);
    // The size of a message that may have more frames is not known.
    if (this.isLending && isFinal(this.#firstByte)) pieces.gatherInSpare(this.#wireSize);
    return pieces;
  }

  #finishCompressed(pieces: PayloadBuffer, isText: boolean): void {
    const isLarge = pieces.size > this.#memory.scratch.length && this.#extension!.decodePieces !== undefined;
    const inflated = isLarge
      ? this.#inflatePieces(pieces.views(), isText)
      : this.#inflate(pieces.lend(this.#acquireScratch()), isText);
    pieces.clear();
    this.#deliverInflated(inflated, isText);
  }

  #finishText(pieces: PayloadBuffer): void {
    const { isAscii, isWhole } = this.#utf8!;
    this.#utf8 = undefined;
    try {
      if (isWhole && this.#text !== undefined) this.#finishLargeText(pieces);
      else if (isWhole) this.#emitText(pieces.lend(this.#acquireScratch()), 0, pieces.size, isAscii, true);
      else this.#sink.onMessageError(invalidUtf8());
    } finally {
      pieces.clear();
    }
  }

  #finishLargeText(pieces: PayloadBuffer): void {
    this.#decodePieces(pieces);
    this.#deliverLargeText();
  }

  #deliverLargeText(): void {
    const { size } = this.#text!;
    const text = this.#text!.finish();
    this.#text = undefined;
    if (text === undefined) this.#sink.onMessageError(invalidUtf8());
    // It began to be decoded before messages were lent.
    else if (!this.isLending || !this.#sink.onBorrowed(Buffer.from(text), false))
      this.#sink.onMessage(text, size);
  }

  /** Delivers what is known to be UTF-8. */
  #emitText(bytes: Buffer, start: number, end: number, isAscii: boolean, isShared: boolean): void {
    if (!this.isLending) {
      this.#sink.onMessage(decodeValid(bytes, start, end, isAscii), end - start);
      return;
    }
    const declined = this.#lend(bytes.subarray(start, end), false, isShared);
    if (declined === undefined) return;
    this.#sink.onMessage(decodeValid(declined, 0, declined.length, isAscii), declined.length);
  }

  #finishBinary(pieces: PayloadBuffer): void {
    if (this.#canLend(pieces.size)) {
      try {
        this.#lendBinary(pieces.lend(this.#acquireScratch()), true);
      } finally {
        pieces.clear();
      }
      return;
    }
    const bytes = pieces.take();
    if (!this.isLending || !this.#sink.onBorrowed(bytes, true)) this.#sink.onMessage(bytes, bytes.length);
  }

  #inflate(compressed: Buffer, isText: boolean): Buffer | ProtocolError {
    // What the last message was inflated to lies where this one goes.
    this.#memory.loans.copyActiveLoans();
    try {
      const { maxMessageSize } = this.#limits;
      return this.#extension!.decode(compressed, maxMessageSize, this.#needsOwnMemory(isText), this.#sinkFor(isText));
    } catch (error) {
      return toProtocolError(error);
    }
  }

  #inflatePieces(compressed: readonly Buffer[], isText: boolean): Buffer | ProtocolError {
    this.#memory.loans.copyActiveLoans();
    try {
      const { maxMessageSize } = this.#limits;
      const sink = this.#sinkFor(isText);
      return this.#extension!.decodePieces!(compressed, maxMessageSize, this.#needsOwnMemory(isText), sink);
    } catch (error) {
      return toProtocolError(error);
    }
  }

  #needsOwnMemory(isText: boolean): boolean {
    return !isText && !this.isLending;
  }

  /** A large text is decoded while it is inflated. */
  #sinkFor(isText: boolean): InflatedSink | undefined {
    return isText && !this.isLending ? this : undefined;
  }

  /** Called by its extension. */
  onInflated(bytes: Buffer): void {
    this.#text ??= new LargeText();
    if (!this.#text.push(bytes, 0, bytes.length)) throw invalidUtf8();
  }

  #deliverInflated(inflated: Buffer | ProtocolError, isText: boolean): void {
    if (!Buffer.isBuffer(inflated)) {
      this.#text = undefined;
      this.#sink.onMessageError(inflated);
    } else if (this.#text !== undefined) this.#deliverInflatedText(inflated);
    else if (isText) this.#deliverText(inflated, 0, inflated.length, true);
    else if (this.isLending) this.#lendBinary(inflated, true);
    else this.#sink.onMessage(inflated, inflated.length);
  }

  /** @param rest - The end of a text of which the first part is decoded. */
  #deliverInflatedText(rest: Buffer): void {
    if (this.#text!.push(rest, 0, rest.length)) {
      this.#deliverLargeText();
    } else {
      this.#text = undefined;
      this.#sink.onMessageError(invalidUtf8());
    }
  }

  #deliverText(bytes: Buffer, start: number, end: number, isShared: boolean): void {
    if (this.isLending) {
      if (isUtf8(bytes.subarray(start, end))) this.#emitText(bytes, start, end, false, isShared);
      else this.#sink.onMessageError(invalidUtf8());
      return;
    }
    const text = decodeText(bytes, start, end);
    // RFC 6455 8.1: text that is not UTF-8 fails the connection.
    if (text === undefined) this.#sink.onMessageError(invalidUtf8());
    else this.#sink.onMessage(text, end - start);
  }
}

/** An extension of another author may throw any value, or an error with a close code that may not be sent. */
function toProtocolError(error: unknown): ProtocolError {
  if (error instanceof ProtocolError && isSendableCloseCode(error.closeCode)) return error;
  return new ProtocolError("The extension failed on a message of the peer. The cause is its error.", {
    code: "EXTENSION_FAILED",
    closeCode: CloseCode.internalError,
    cause: error,
  });
}

function invalid(code: string, message: string): ProtocolError {
  return new ProtocolError(message, { code, closeCode: CloseCode.protocolError });
}

function invalidUtf8(): ProtocolError {
  return new ProtocolError("The peer sent a text message that is not valid UTF-8.", {
    code: "INVALID_UTF8",
    closeCode: CloseCode.invalidPayload,
  });
}

function tooBig(what: string, size: number, limit: number): ProtocolError {
  return exceeded(`The peer announced a ${what} of ${size} bytes; at most ${limit} are taken.`);
}

/**
 * What is announced is the size on the wire. The size of the message, which may be smaller or larger, is not known
 * yet.
 */
function tooBigEncoded(what: string, wireSize: number, limit: number, option: string): ProtocolError {
  return exceeded(
    `The peer announced a compressed ${what} that takes ${wireSize} bytes on the wire; ` +
      `at most ${limit} are accepted on the wire, which is the bound for ${option}.`,
  );
}

function exceeded(what: string): ProtocolError {
  const advice =
    "Raise maxMessageSize (and maxFrameSize, where it is set) if messages of this size are expected.";
  return new ProtocolError(`${what} ${advice}`, {
    code: "MESSAGE_TOO_BIG",
    closeCode: CloseCode.messageTooBig,
  });
}
