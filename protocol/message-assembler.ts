// Assembles messages from the frames of one connection. This module checks the order of fragments, the limits and UTF-8.
// It calls the extension to decompress messages. It does not answer control frames.
import { isUtf8 } from "node:buffer";
import { CloseCode, isSendableCloseCode } from "./close-codes.js";
import { Opcode } from "./constants.js";
import { ControlScan, type ControlScanHandler } from "./control-scan.js";
import { ProtocolError } from "./errors.js";
import type { InflatedSink } from "./extensions/permessage-deflate/codec.js";
import type { MessageExtension } from "./extensions/extension.js";
import { utf8Bytes } from "./fast-buffer.js";
import type { FrameSink, SmallMessageSink } from "./frame-parser.js";
import { hasRsv1, isControl, isFinal, opcodeOf, protocolError } from "./frame-header.js";
import { LargeText, minLargeTextSize, textBlockSize } from "./text/large-text.js";
import type { MessageLimits } from "./message-limits.js";
import { PayloadBuffer, type PayloadMemory } from "./payload-buffer.js";
import type { Resources } from "./resources.js";
import { decodeText, decodeValid, Utf8Validator } from "./text/utf8.js";

/** Receives the messages of one connection. */
export interface MessageSink {
  /** @param size - Size of the message in bytes, after decompression. */
  onMessage(data: string | Buffer, size: number): void;
  /**
   * Receives a message as a view of shared memory, while `isLending` is `true`.
   * @returns `false` to decline the view. The message is then passed to {@link onMessage}.
   */
  onBorrowed?(bytes: Buffer, isBinary: boolean): boolean;
}

/** Receives the control frames and the errors of one connection. */
export interface AssemblerHandler {
  /** @param payload - A view of the payload. The view is only valid during the call. */
  onControl(opcode: number, payload: Buffer): void;
  onMessageError(error: ProtocolError): void;
}

type AssemblerMemory = PayloadMemory & Pick<Resources, "scratch" | "loans">;

/** Assembles the messages of one connection. */
export class MessageAssembler implements FrameSink, SmallMessageSink, InflatedSink {
  readonly smallMessageSink: SmallMessageSink = this;
  readonly #messages: MessageSink;
  readonly #handler: AssemblerHandler;
  readonly #limits: MessageLimits;
  readonly #extension: MessageExtension | undefined;
  readonly #memory: AssemblerMemory;
  /** The buffered pieces of an incomplete message. `undefined` if nothing is buffered. */
  #pieces: PayloadBuffer | undefined;
  #controlPieces: PayloadBuffer | undefined;
  /** The decoded first part of a large text. */
  #text: LargeText | undefined;
  /** Validates a text that arrives in several pieces. */
  #utf8: Utf8Validator | undefined;

  /** The first byte of the header of the current frame. */
  #firstByte = 0;
  /** The opcode of the incomplete message. 0 between two messages. */
  #opcode = 0;
  #isCompressed = false;
  /**
   * Sum of the payload sizes in bytes of all frames of the current message so far, before decompression. The sizes are
   * from the frame headers.
   */
  #wireSize = 0;
  /** Number of frames of the current message whose header has arrived. */
  #fragmentCount = 0;

  /**
   * Whether messages are passed to `onBorrowed`. These messages are neither decoded nor copied. May be set at any time.
   */
  isLending = false;

  /** Number of data messages that have begun to arrive. */
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

  /** Whether a data message has begun to arrive and is incomplete. */
  get isInsideMessage(): boolean {
    return this.#opcode !== 0;
  }

  /** Number of buffered bytes of incomplete messages and control frames. */
  get unfinishedSize(): number {
    return (this.#text?.size ?? 0) + (this.#pieces?.size ?? 0) + (this.#controlPieces?.size ?? 0);
  }

  /** Creates a scan of the bytes that are not parsed yet. The scan can begin inside a control frame. */
  createScan(handler: ControlScanHandler): ControlScan {
    const partialPayload = this.#controlPieces?.lend(this.#memory.scratch) ?? [];
    return new ControlScan(handler, this.#firstByte, Buffer.from(partialPayload));
  }

  /** Discards incomplete messages, and releases the memory of these messages. */
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

  copyBatch(bytes: Buffer, start: number, end: number): Buffer {
    return this.#memory.slab.copy(bytes, start, end);
  }

  onSmallBinary(payload: Buffer): void {
    this.beganCount++;
    this.#messages.onMessage(payload, payload.length);
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

  /** Checks the header of a data frame before memory is allocated for the payload. */
  #checkDataFrame(first: number, payloadSize: number): ProtocolError | undefined {
    const isContinuation = opcodeOf(first) === Opcode.continuation;
    // RFC 6455 5.4: fragments of different messages MUST NOT be interleaved.
    if (isContinuation && this.#opcode === 0) {
      return protocolError(
        "UNEXPECTED_CONTINUATION",
        "The peer sent a continuation frame, but no message has begun.",
      );
    }
    if (!isContinuation && this.#opcode !== 0) {
      return protocolError(
        "EXPECTED_CONTINUATION",
        "The peer began a message before the last one had ended.",
      );
    }
    // RFC 7692 6: RSV1 marks a compressed message. Only the first frame of the message may have RSV1 set.
    if (hasRsv1(first) && (isContinuation || this.#extension === undefined)) {
      return protocolError("UNEXPECTED_RSV", "The peer set RSV1 on a frame that must not be compressed.");
    }
    const isCompressed = isContinuation ? this.#isCompressed : hasRsv1(first);
    const { maxMessageSize, maxFrameSize, maxFragments } = this.#limits;
    if (this.#fragmentCount >= maxFragments) return tooManyFragments(maxFragments);
    // The limits apply to decompressed messages. The extension computes the limit for the compressed size.
    const extension = isCompressed ? this.#extension : undefined;
    const wireSize = this.#wireSize + payloadSize;
    const maxWireSize = extension?.maxEncodedSize(maxMessageSize) ?? maxMessageSize;
    if (wireSize > maxWireSize)
      return tooBig("message", wireSize, maxWireSize, isCompressed && `maxMessageSize (${maxMessageSize})`);
    const maxPayloadSize = extension?.maxEncodedSize(maxFrameSize) ?? maxFrameSize;
    if (payloadSize > maxPayloadSize)
      return tooBig("frame", payloadSize, maxPayloadSize, isCompressed && `maxFrameSize (${maxFrameSize})`);
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
    // Most messages arrive completely in one read. A complete message is processed without buffering.
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
   * Whether a binary message of `size` bytes is lent from the scratch memory. A message that does not fit into the
   * scratch memory is assembled in a buffer of its own.
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
   * Lends a message to the handler. The handler may call `receive` of another connection before the handler returns.
   * Such a call may overwrite the lent memory.
   *
   * @param isShared - `true` if the next message of any connection can overwrite the memory of this message. `false` if
   *   the message is a view of the bytes that were passed to the current call of `receive`, or has a buffer of its own.
   * @returns The bytes of a message that the handler has declined: `bytes` itself or a copy. `undefined` if the handler
   *   has accepted the message.
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

  /** Returns the scratch memory for writing. Before that, copies the messages that are lent from the scratch memory. */
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
   * Whether a text is decoded while it arrives. Otherwise, the text is buffered and decoded at the end.
   *
   * ASCII text is always buffered: decoding a whole text by one call takes less time than decoding its parts.
   */
  #shouldDecodeEarly(gatheredSize: number): boolean {
    if (this.#text !== undefined) return gatheredSize >= textBlockSize;
    return gatheredSize >= minLargeTextSize && !this.#utf8!.isAscii && !this.isLending;
  }

  /** Decodes the buffered pieces of a text. The validator has already accepted these pieces. */
  #decodePieces(pieces: PayloadBuffer): void {
    this.#text ??= new LargeText();
    for (const view of pieces.views()) this.#text.push(view, 0, view.length);
    pieces.clear();
  }

  #beginPieces(): PayloadBuffer {
    const pieces = new PayloadBuffer(this.#memory);
    // Only the last frame of a message shows the size of the whole message.
    if (this.isLending && isFinal(this.#firstByte)) pieces.gatherInSpare(this.#wireSize);
    return pieces;
  }

  #finishCompressed(pieces: PayloadBuffer, isText: boolean): void {
    const isLarge = pieces.size > this.#memory.scratch.length && this.#extension!.decodePieces !== undefined;
    const inflated = isLarge
      ? this.#inflate(pieces.views(), isText)
      : this.#inflate(pieces.lend(this.#acquireScratch()), isText);
    pieces.clear();
    this.#deliverInflated(inflated, isText);
  }

  #finishText(pieces: PayloadBuffer): void {
    const { isAscii, isWhole } = this.#utf8!;
    this.#utf8 = undefined;
    try {
      if (!isWhole) this.#handler.onMessageError(invalidUtf8());
      else if (this.#text === undefined)
        this.#emitText(pieces.lend(this.#acquireScratch()), 0, pieces.size, isAscii, true);
      else {
        this.#decodePieces(pieces);
        this.#deliverLargeText();
      }
    } finally {
      pieces.clear();
    }
  }

  #deliverLargeText(): void {
    const { size } = this.#text!;
    const text = this.#text!.finish();
    this.#text = undefined;
    if (text === undefined) this.#handler.onMessageError(invalidUtf8());
    // If `isLending` was set to `true` after the decoding of a text had begun, the decoded text is encoded again.
    else if (!this.isLending || !this.#messages.onBorrowed!(utf8Bytes(text), false))
      this.#messages.onMessage(text, size);
  }

  /** Delivers a text whose bytes are valid UTF-8. */
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

  /**
   * @returns The inflated message. If {@link onInflated} has received the parts of a large text, the result is only the
   *   last part.
   */
  #inflate(compressed: Buffer | readonly Buffer[], isText: boolean): Buffer | ProtocolError {
    // The extension overwrites the memory of its previous result. Before that, messages that are lent from this memory
    // are copied.
    this.#memory.loans.copyActiveLoans();
    const extension = this.#extension!;
    const { maxMessageSize } = this.#limits;
    const isKept = !isText && !this.isLending;
    const sink = isText && !this.isLending ? this : undefined;
    try {
      const inflated = Buffer.isBuffer(compressed)
        ? extension.decode(compressed, maxMessageSize, isKept, sink)
        : extension.decodePieces!(compressed, maxMessageSize, isKept, sink);
      if (this.#text !== undefined) this.onInflated(inflated);
      return inflated;
    } catch (error) {
      return toProtocolError(error);
    }
  }

  /** Decodes the next part of a large text. The extension calls this method while it inflates the text. */
  onInflated(bytes: Buffer): void {
    this.#text ??= new LargeText();
    if (!this.#text.push(bytes, 0, bytes.length)) throw invalidUtf8();
  }

  #deliverInflated(inflated: Buffer | ProtocolError, isText: boolean): void {
    if (!Buffer.isBuffer(inflated)) {
      this.#text = undefined;
      this.#handler.onMessageError(inflated);
    } else if (this.#text !== undefined) this.#deliverLargeText();
    else if (isText) this.#deliverText(inflated, 0, inflated.length, true);
    else if (this.isLending) this.#lendBinary(inflated, true);
    else this.#messages.onMessage(inflated, inflated.length);
  }

  #deliverText(bytes: Buffer, start: number, end: number, isShared: boolean): void {
    if (this.isLending && isUtf8(bytes.subarray(start, end))) {
      this.#emitText(bytes, start, end, false, isShared);
      return;
    }
    const text = decodeText(bytes, start, end);
    // RFC 6455 8.1: a text message that is not valid UTF-8 fails the connection.
    if (text === undefined) this.#handler.onMessageError(invalidUtf8());
    else this.#messages.onMessage(text, end - start);
  }
}

/** A third-party extension can throw any value, and its errors can have a close code that must not be sent. */
function toProtocolError(error: unknown): ProtocolError {
  if (error instanceof ProtocolError && isSendableCloseCode(error.closeCode)) return error;
  return new ProtocolError("The extension failed to decode a message. Its error is the cause of this one.", {
    code: "EXTENSION_FAILED",
    closeCode: CloseCode.internalError,
    cause: error,
  });
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

/** @param option - For a compressed message: name and value of the option that determines `limit`. */
function tooBig(what: string, size: number, limit: number, option: string | false): ProtocolError {
  const problem =
    option === false
      ? `The peer announced a ${what} of ${size} bytes; at most ${limit} are accepted.`
      : `The peer announced a compressed ${what} that takes ${size} bytes on the wire; ` +
        `at most ${limit} are accepted on the wire, which is the bound for ${option}.`;
  return new ProtocolError(
    `${problem} Raise maxMessageSize (and maxFrameSize, if it is set) if messages of this size are expected.`,
    { code: "MESSAGE_TOO_BIG", closeCode: CloseCode.messageTooBig },
  );
}
