// Assembles messages from the frames of one connection. It checks the order of fragments, the limits and UTF-8,
// and calls the extension to decompress. It does not answer control frames.
import { isUtf8 } from "node:buffer";
import { CloseCode, isSendableCloseCode } from "./close-codes.js";
import { Opcode } from "./constants.js";
import { ProtocolError } from "./errors.js";
import type { InflatedSink } from "./extensions/permessage-deflate/codec.js";
import type { MessageExtension } from "./extensions/extension.js";
import type { FrameSink } from "./frame-parser.js";
import { hasRsv1, isControl, isFinal, opcodeOf } from "./frame-header.js";
import { LargeText, minLargeTextSize, textBlockSize } from "./text/large-text.js";
import type { Loans } from "./loans.js";
import type { MessageLimits } from "./message-limits.js";
import { PayloadBuffer, type PayloadMemory } from "./payload-buffer.js";
import type { SmallTextSink } from "./text/small-text-batch.js";
import { decodeText, decodeValid, Utf8Validator } from "./text/utf8.js";

/** Receives the messages. */
export interface MessageSink {
  /** @param size - Size of the message in bytes, after decompression. */
  onMessage(data: string | Buffer, size: number): void;
  /**
   * Receives a message as a view of shared memory, while `isLending` is `true`.
   * @returns `false` to decline the view. The message is then passed to {@link onMessage}.
   */
  onBorrowed?(bytes: Buffer, isBinary: boolean): boolean;
}

/** Receives everything that is not a message. */
export interface AssemblerHandler {
  /** @param payload - Only valid during the call. */
  onControl(opcode: number, payload: Buffer): void;
  onMessageError(error: ProtocolError): void;
}

export interface AssemblerMemory extends PayloadMemory {
  /** Memory for data that is not needed after the current call. */
  readonly scratch: Buffer;
  /** The messages that are lent from the scratch memory or from the memory of an extension. */
  readonly loans: Loans;
}

/** The message assembler of one connection. */
export class MessageAssembler implements FrameSink, SmallTextSink, InflatedSink {
  readonly smallTextSink: SmallTextSink = this;
  readonly #messages: MessageSink;
  readonly #handler: AssemblerHandler;
  readonly #limits: MessageLimits;
  readonly #extension: MessageExtension | undefined;
  readonly #memory: AssemblerMemory;
  /** The buffered pieces of an incomplete message; `undefined` if there is none. */
  #pieces: PayloadBuffer | undefined;
  #controlPieces: PayloadBuffer | undefined;
  /** The decoded first part of a large text. */
  #text: LargeText | undefined;
  /** Validates a text that arrives in several pieces. */
  #utf8: Utf8Validator | undefined;

  /** The first header byte of the current frame. */
  #firstByte = 0;
  /** Opcode of the incomplete message; 0 between two messages. */
  #opcode = 0;
  #isCompressed = false;
  /** Sum of the payload sizes in the frame headers of the current message, in bytes on the wire. */
  #wireSize = 0;
  /** Number of frames of the current message whose header has arrived. */
  #fragmentCount = 0;

  /** Whether messages are lent instead of decoded or copied. May be set at any time. */
  isLending = false;

  /**
   * Number of data messages that have started. Together with {@link unfinishedSize} it shows whether input
   * progresses.
   */
  beganCount = 0;

  constructor(
    messages: MessageSink,
    handler: AssemblerHandler,
    limits: MessageLimits,
    extension: MessageExtension | undefined,
    memory: AssemblerMemory,
  ) {
    this.#messages = messages;
    this.#handler = handler;
    this.#limits = limits;
    this.#extension = extension;
    this.#memory = memory;
  }

  /** Whether a data message has started and is incomplete. */
  get isInsideMessage(): boolean {
    return this.#opcode !== 0;
  }

  /** Number of buffered bytes of incomplete messages and control frames. */
  get unfinishedSize(): number {
    return (this.#text?.size ?? 0) + (this.#pieces?.size ?? 0) + (this.#controlPieces?.size ?? 0);
  }

  /** The first header byte of the frame that arrived last. */
  get firstByte(): number {
    return this.#firstByte;
  }

  /** A copy of the buffered payload of an incomplete control frame. */
  get partialControlPayload(): Buffer {
    return Buffer.from(this.#controlPieces?.lend(this.#memory.scratch) ?? []);
  }

  /** Releases the memory of incomplete messages. They will not be delivered. */
  discard(): void {
    this.#pieces?.clear();
    this.#pieces = undefined;
    this.#controlPieces = undefined;
    this.#text = undefined;
  }

  mayTakeBatch(maxSize: number): boolean {
    const { maxMessageSize, maxFrameSize } = this.#limits;
    return this.#opcode === 0 && maxSize <= maxMessageSize && maxSize <= maxFrameSize;
  }

  onSmallText(text: string, size: number): void {
    this.beganCount++;
    this.#messages.onMessage(text, size);
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
      this.#handler.onMessageError(error);
      return;
    }
    if (this.#opcode === 0) {
      this.#opcode = opcodeOf(first);
      this.#isCompressed = hasRsv1(first);
      this.beganCount++;
    }
    this.#wireSize += payloadSize;
    this.#fragmentCount++;
  }

  /** Checks everything that a header shows, before memory is allocated for the payload. */
  #checkDataFrame(first: number, payloadSize: number): ProtocolError | undefined {
    const isContinuation = opcodeOf(first) === Opcode.continuation;
    // RFC 6455 5.4: fragments of different messages MUST NOT be interleaved.
    if (isContinuation && this.#opcode === 0) {
      return invalid(
        "UNEXPECTED_CONTINUATION",
        "The peer sent a continuation frame, but no message has begun.",
      );
    }
    if (!isContinuation && this.#opcode !== 0) {
      return invalid("EXPECTED_CONTINUATION", "The peer began a message before the last one had ended.");
    }
    // RFC 7692 6: RSV1 belongs to the extension and may only be set on the first frame of a message.
    if (hasRsv1(first) && (isContinuation || this.#extension === undefined)) {
      return invalid("UNEXPECTED_RSV", "The peer set RSV1 on a frame that must not be compressed.");
    }
    const isCompressed = isContinuation ? this.#isCompressed : hasRsv1(first);
    const { maxMessageSize, maxFrameSize, maxFragments } = this.#limits;
    if (this.#fragmentCount >= maxFragments) return tooManyFragments(maxFragments);
    const wireSize = this.#wireSize + payloadSize;
    if (isCompressed) return this.#checkEncodedSize(wireSize, payloadSize);
    if (wireSize > maxMessageSize) return tooBig("message", wireSize, maxMessageSize);
    if (payloadSize > maxFrameSize) return tooBig("frame", payloadSize, maxFrameSize);
    return undefined;
  }

  /** The limits apply to decoded messages. The extension computes how large such a message may be on the wire. */
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
    this.#handler.onMessageError(error);
  }

  onFramePayload(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    if (isControl(this.#firstByte)) {
      this.#handleControl(bytes, start, end, isLast);
      return;
    }
    const isEnd = isLast && isFinal(this.#firstByte);
    // In the common case, the whole message is in one read. It is processed without buffering.
    if (isEnd && this.#wireSize === end - start) this.#handleWhole(bytes, start, end);
    else this.#handlePiece(bytes, start, end, isEnd);
  }

  #handleControl(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    const opcode = opcodeOf(this.#firstByte);
    if (isLast && this.#controlPieces === undefined) {
      this.#handler.onControl(opcode, bytes.subarray(start, end));
      return;
    }
    const pieces = (this.#controlPieces ??= new PayloadBuffer());
    pieces.append(bytes, start, end);
    if (!isLast) return;
    this.#controlPieces = undefined;
    this.#handler.onControl(opcode, pieces.take());
  }

  #handleWhole(bytes: Buffer, start: number, end: number): void {
    const isText = this.#opcode === Opcode.text;
    const isCompressed = this.#isCompressed;
    this.#endMessage();
    if (isCompressed) this.#deliverInflated(this.#inflate(bytes.subarray(start, end), isText), isText);
    else if (isText) this.#deliverText(bytes, start, end, false);
    else if (this.isLending) this.#lendBinary(bytes.subarray(start, end), false);
    else this.#messages.onMessage(this.#memory.slab.copy(bytes, start, end), end - start);
  }

  /**
   * Whether a binary message of this size is lent from the scratch memory. A message that does not fit there is
   * assembled in a buffer of its own from the start, even if it is lent.
   */
  #canLend(size: number): boolean {
    return this.isLending && size <= this.#memory.scratch.length;
  }

  #lendBinary(lent: Buffer, isShared: boolean): void {
    const declined = this.#lend(lent, true, isShared);
    if (declined === undefined) return;
    this.#messages.onMessage(this.#memory.slab.copy(declined, 0, declined.length), declined.length);
  }

  /**
   * Lends a message to the handler. The handler may let other connections receive before it returns.
   *
   * @param isShared - Whether the memory may be overwritten by the next message of any connection. `false` if the
   *   message is in the bytes of the current call of `receive` or in a buffer of its own.
   * @returns The bytes of the message if the handler declined it: `bytes` itself or a copy.
   */
  #lend(bytes: Buffer, isBinary: boolean, isShared: boolean): Buffer | undefined {
    const { loans } = this.#memory;
    if (!isShared) {
      if (this.#messages.onBorrowed!(bytes, isBinary)) return undefined;
      loans.checkRead();
      return bytes;
    }
    const loan = loans.begin(bytes);
    try {
      return this.#messages.onBorrowed!(bytes, isBinary) ? undefined : (loan.copy ?? bytes);
    } finally {
      loans.end(loan);
    }
  }

  /** Returns the scratch memory for writing. Messages that are still lent from it are copied first. */
  #acquireScratch(): Buffer {
    this.#memory.loans.copyActiveLoans();
    return this.#memory.scratch;
  }

  #endMessage(): void {
    this.#opcode = 0;
    this.#wireSize = 0;
    this.#fragmentCount = 0;
  }

  #handlePiece(bytes: Buffer, start: number, end: number, isEnd: boolean): void {
    const isText = this.#opcode === Opcode.text;
    const isCompressed = this.#isCompressed;
    const piece = this.#memory.slab.view(bytes, start, end);
    if (isText && !isCompressed && !(this.#utf8 ??= new Utf8Validator()).push(piece, 0, piece.length)) {
      this.#handler.onMessageError(invalidUtf8());
      return;
    }
    const needsOwnMemory =
      !isText && !isCompressed && isFinal(this.#firstByte) && !this.#canLend(this.#wireSize);
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
   * Whether a text is decoded while it arrives, so that its bytes need not be buffered. ASCII text is decoded as a
   * whole at the end: this is faster, and an ASCII string uses no more memory than its bytes.
   */
  #shouldDecodeEarly(gatheredSize: number): boolean {
    if (this.#text !== undefined) return gatheredSize >= textBlockSize;
    return gatheredSize >= minLargeTextSize && !this.#utf8!.isAscii && !this.isLending;
  }

  /** Decodes the buffered pieces of a text. The validator has already accepted them. */
  #decodePieces(pieces: PayloadBuffer): void {
    this.#text ??= new LargeText();
    for (const view of pieces.views()) this.#text.push(view, 0, view.length);
    pieces.clear();
  }

  #beginPieces(): PayloadBuffer {
    const pieces = new PayloadBuffer(this.#memory);
    // If the frame is not final, the size of the message is unknown.
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
      else this.#handler.onMessageError(invalidUtf8());
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
    if (text === undefined) this.#handler.onMessageError(invalidUtf8());
    // `isLending` was set after decoding had started.
    else if (!this.isLending || !this.#messages.onBorrowed!(Buffer.from(text), false))
      this.#messages.onMessage(text, size);
  }

  /** Delivers a text that is known to be valid UTF-8. */
  #emitText(bytes: Buffer, start: number, end: number, isAscii: boolean, isShared: boolean): void {
    if (!this.isLending) {
      this.#messages.onMessage(decodeValid(bytes, start, end, isAscii), end - start);
      return;
    }
    const declined = this.#lend(bytes.subarray(start, end), false, isShared);
    if (declined === undefined) return;
    this.#messages.onMessage(decodeValid(declined, 0, declined.length, isAscii), declined.length);
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
    if (!this.isLending || !this.#messages.onBorrowed!(bytes, true))
      this.#messages.onMessage(bytes, bytes.length);
  }

  #inflate(compressed: Buffer, isText: boolean): Buffer | ProtocolError {
    // The extension overwrites the memory in which it inflated the previous message.
    this.#memory.loans.copyActiveLoans();
    try {
      const { maxMessageSize } = this.#limits;
      return this.#extension!.decode(
        compressed,
        maxMessageSize,
        this.#needsOwnMemory(isText),
        this.#sinkFor(isText),
      );
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

  /** Returns the receiver of a text that is decoded while it is inflated; `undefined` for other messages. */
  #sinkFor(isText: boolean): InflatedSink | undefined {
    return isText && !this.isLending ? this : undefined;
  }

  /** Called by the extension. */
  onInflated(bytes: Buffer): void {
    this.#text ??= new LargeText();
    if (!this.#text.push(bytes, 0, bytes.length)) throw invalidUtf8();
  }

  #deliverInflated(inflated: Buffer | ProtocolError, isText: boolean): void {
    if (!Buffer.isBuffer(inflated)) {
      this.#text = undefined;
      this.#handler.onMessageError(inflated);
    } else if (this.#text !== undefined) this.#deliverInflatedText(inflated);
    else if (isText) this.#deliverText(inflated, 0, inflated.length, true);
    else if (this.isLending) this.#lendBinary(inflated, true);
    else this.#messages.onMessage(inflated, inflated.length);
  }

  /** @param rest - The end of a text whose first part is already decoded. */
  #deliverInflatedText(rest: Buffer): void {
    if (this.#text!.push(rest, 0, rest.length)) {
      this.#deliverLargeText();
    } else {
      this.#text = undefined;
      this.#handler.onMessageError(invalidUtf8());
    }
  }

  #deliverText(bytes: Buffer, start: number, end: number, isShared: boolean): void {
    if (this.isLending) {
      if (isUtf8(bytes.subarray(start, end))) this.#emitText(bytes, start, end, false, isShared);
      else this.#handler.onMessageError(invalidUtf8());
      return;
    }
    const text = decodeText(bytes, start, end);
    // RFC 6455 8.1: a text message that is not valid UTF-8 fails the connection.
    if (text === undefined) this.#handler.onMessageError(invalidUtf8());
    else this.#messages.onMessage(text, end - start);
  }
}

/** A third-party extension may throw any value, including an error whose close code may not be sent. */
function toProtocolError(error: unknown): ProtocolError {
  if (error instanceof ProtocolError && isSendableCloseCode(error.closeCode)) return error;
  return new ProtocolError(
    "The extension failed to decode a message of the peer. Its error is the cause of this one.",
    {
      code: "EXTENSION_FAILED",
      closeCode: CloseCode.internalError,
      cause: error,
    },
  );
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

/** RFC 6455 7.4.1: 1008 is the generic code. 1009 does not fit, because the message may be small. */
function tooManyFragments(limit: number): ProtocolError {
  return new ProtocolError(
    `The peer sent a message of more than ${limit} fragments. Raise maxFragments if such messages are expected.`,
    { code: "TOO_MANY_FRAGMENTS", closeCode: CloseCode.policyViolation },
  );
}

function tooBig(what: string, size: number, limit: number): ProtocolError {
  return exceeded(`The peer announced a ${what} of ${size} bytes; at most ${limit} are accepted.`);
}

/** The header contains the size on the wire. The decompressed size, smaller or larger, is not known yet. */
function tooBigEncoded(what: string, wireSize: number, limit: number, option: string): ProtocolError {
  return exceeded(
    `The peer announced a compressed ${what} that takes ${wireSize} bytes on the wire; ` +
      `at most ${limit} are accepted on the wire, which is the bound for ${option}.`,
  );
}

function exceeded(what: string): ProtocolError {
  const advice =
    "Raise maxMessageSize (and maxFrameSize, if it is set) if messages of this size are expected.";
  return new ProtocolError(`${what} ${advice}`, {
    code: "MESSAGE_TOO_BIG",
    closeCode: CloseCode.messageTooBig,
  });
}
