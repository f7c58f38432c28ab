// One WebSocket connection after its opening handshake. It converts received bytes to calls of a handler, and sent
// messages to bytes. It does not open sockets, set timers or read a clock.
import { checkBytes } from "./check-bytes.js";
import { CloseCode } from "./close-codes.js";
import { checkClose, checkCloseCode, type CloseFrame, encodeClose, readClose } from "./close-frame.js";
import { maxControlPayloadSize, Opcode, type Role } from "./constants.js";
import { InvalidStateError, ProtocolError } from "./errors.js";
import type { AgreedExtension, MessageExtension } from "./extensions/extension.js";
import { utf8Bytes } from "./fast-buffer.js";
import type { FrameObserver } from "./frame-observer.js";
import { InputBuffer } from "./input-buffer.js";
import { MessageAssembler, type MessageSink } from "./message-assembler.js";
import { resolveLimits } from "./message-limits.js";
import { OutputBuffer } from "./output-buffer.js";
import { ownOptions } from "./own-options.js";
import type { Resources } from "./resources.js";
import type { Slab } from "./slab.js";

/** Receives the messages and events of a connection, in the order of the received bytes. */
export interface ProtocolHandler {
  /**
   * A complete message arrived. A text message is a string. A binary message is a Buffer, which the handler may keep.
   * @param size - Size of the message in bytes, after decompression.
   */
  onMessage(data: string | Buffer, size: number): void;
  /**
   * A complete message arrived while {@link ProtocolConnection.isLending} is `true`. `bytes` is a view of shared
   * memory. The view is valid until this method returns, or until another connection with the same `Resources` receives
   * bytes. The bytes of a text message are valid UTF-8.
   *
   * @returns `false` to decline the view, for example because the handler needs a string or must keep the bytes. The
   *   message is then usually passed to {@link onMessage}, even if another connection has received bytes in the
   *   meantime. But if these bytes have overwritten the memory that this connection is parsing, the declined message is
   *   lost, and `receive` throws a JetSocketError (`LENT_MESSAGE_OVERWRITTEN`).
   */
  onBorrowed?(bytes: Buffer, isBinary: boolean): boolean;
  /** A ping arrived. With the option `autoPong`, the pong for this ping is already queued. */
  onPing(payload: Buffer): void;
  /** A pong arrived. A peer is also allowed to send a pong without a preceding ping (RFC 6455 5.5.3). */
  onPong(payload: Buffer): void;
  /** The peer's Close frame arrived. No message follows. The code is 1005 if the Close frame contains no code. */
  onClose(code: number, reason: string): void;
  /** The connection is about to fail. The handler may still send: its messages precede the Close frame. */
  onFailing?(): void;
  /** The connection failed (RFC 6455 7.1.7). No message follows. */
  onFailure(error: ProtocolError): void;
  /** The peer has ended its stream. All messages that arrived before the end are already delivered. */
  onEnd(): void;
}

export interface ProtocolConnectionOptions {
  /**
   * The role of this endpoint. A client masks the frames that it sends. A server requires that received frames are
   * masked.
   */
  readonly role: Role;
  /** Receives the messages and events of the connection. */
  readonly handler: ProtocolHandler;
  /** Memory that several connections share. */
  readonly resources: Resources;
  /** The extension that the opening handshake has negotiated. Default: none. */
  readonly extension?: AgreedExtension | undefined;
  /**
   * Maximum size in bytes of a received message, after decompression. Default 64 MiB. A larger message fails the
   * connection with the close code 1009.
   */
  readonly maxMessageSize?: number | undefined;
  /** Maximum payload size in bytes of a received frame. Default: `maxMessageSize`. */
  readonly maxFrameSize?: number | undefined;
  /**
   * Maximum number of frames of a received message, empty ones included. One more frame fails the connection with the
   * close code 1008. Default 131,072.
   */
  readonly maxFragments?: number | undefined;
  /** Messages smaller than this number of bytes are not compressed. Default 128. */
  readonly compressionThreshold?: number | undefined;
  /** Whether pings are answered automatically (RFC 6455 5.5.2). Default `true`. */
  readonly autoPong?: boolean | undefined;
  /**
   * Receives a report of each sent and each received frame. Without an observer, each sent message and each call of
   * `receive` costs one comparison.
   */
  readonly observer?: FrameObserver | undefined;
}

/**
 * The state of a connection.
 *
 * - `open`: messages can be sent.
 * - `closing`: this endpoint has queued its Close frame.
 * - `closed`: the peer's Close frame has arrived, or `abandon()` was called.
 * - `failed`: the connection has failed (RFC 6455 7.1.7).
 */
export type ProtocolState = "open" | "closing" | "closed" | "failed";

export interface SendOptions {
  /**
   * Whether to compress this message. Default: messages of at least `compressionThreshold` bytes are compressed. Has no
   * effect without an extension.
   */
  readonly compress?: boolean | undefined;
}

/** Receives the events of a connection, but not the messages. */
type EventHandler = Omit<ProtocolHandler, keyof MessageSink>;

type EventOptions = Omit<ProtocolConnectionOptions, "handler"> & { readonly handler: EventHandler };

const defaultCompressionThreshold = 128;

/**
 * One WebSocket connection after its opening handshake.
 *
 * The caller passes received bytes to {@link receive} and {@link receiveEnd}, and writes the bytes that {@link take}
 * returns. Messages and events are delivered by calls of the handler. The received bytes can be divided into calls of
 * {@link receive} in any way. After a failure or after the peer's Close frame, all further input is discarded.
 */
export class ProtocolConnection {
  /** @internal The caller may call `input.receive` instead of {@link receive}. This saves one call per read. */
  readonly input: InputBuffer;
  readonly #handler: EventHandler;
  readonly #messages: MessageSink;
  readonly #extension: MessageExtension | undefined;
  readonly #compressionThreshold: number;
  readonly #isPongAutomatic: boolean;
  readonly #slab: Slab;
  readonly #assembler: MessageAssembler;
  readonly #output: OutputBuffer;

  /**
   * `true` after {@link endPaused}. That method has already delivered all control frames. Control frames that are
   * parsed later are neither delivered again nor answered.
   */
  #isEndedPaused = false;
  #state: ProtocolState = "open";
  #closeSent: CloseFrame | undefined;
  #closeReceived: CloseFrame | undefined;

  /**
   * @internal The connection passes messages directly to `messages`, and all other events to `given.handler`. If the
   *   handler received the messages and forwarded them, each message would need one more call.
   */
  constructor(given: EventOptions, messages: MessageSink);
  /**
   * @throws RangeError if `maxMessageSize` or `maxFrameSize` is not a whole number from 1 to the maximum string length,
   *   or if `maxFragments` is not a whole number of at least 1.
   */
  constructor(given: ProtocolConnectionOptions);
  constructor(given: EventOptions, messages: MessageSink = (given as ProtocolConnectionOptions).handler) {
    const options = ownOptions(given);
    const limits = resolveLimits(options);
    const { role, resources, observer } = options;
    this.#handler = options.handler;
    this.#extension = options.extension?.open(resources);
    this.#compressionThreshold = options.compressionThreshold ?? defaultCompressionThreshold;
    this.#isPongAutomatic = options.autoPong ?? true;
    this.#output = new OutputBuffer(role, resources, observer);
    this.#slab = resources.slab;
    this.#messages = messages;
    this.#assembler = new MessageAssembler(messages, this, limits, this.#extension, resources);
    this.input = new InputBuffer(role, this.#assembler, resources, this.#handler, observer);
  }

  get state(): ProtocolState {
    return this.#state;
  }

  /** The Close frame of this endpoint. `undefined` until this Close frame is queued. */
  get closeSent(): CloseFrame | undefined {
    return this.#closeSent;
  }

  /** The Close frame of the peer. `undefined` until this Close frame arrives. */
  get closeReceived(): CloseFrame | undefined {
    return this.#closeReceived;
  }

  /**
   * Whether messages are passed to the handler's `onBorrowed`. These messages are neither decoded nor copied. Stays
   * `false` if the handler has no method `onBorrowed`. Default `false`. May be set at any time, also during a call of
   * the handler.
   */
  get isLending(): boolean {
    return this.#assembler.isLending;
  }

  set isLending(isLending: boolean) {
    this.#assembler.isLending = isLending && this.#messages.onBorrowed !== undefined;
  }

  /** The negotiated extension as the value of a Sec-WebSocket-Extensions header. Empty without an extension. */
  get extensions(): string {
    return this.#extension?.header ?? "";
  }

  /** Whether a message or a frame has arrived only in part. Always `false` in the states `closed` and `failed`. */
  get isInsideMessage(): boolean {
    if (this.#isDiscarding()) return false;
    return this.#assembler.isInsideMessage || this.input.isInsideFrame;
  }

  /** Number of data messages that have begun to arrive. A message begins with the header of its first frame. */
  get beganCount(): number {
    return this.#assembler.beganCount;
  }

  /** Number of buffered bytes that belong to an incomplete header, control frame or message. */
  get unfinishedSize(): number {
    return this.#assembler.unfinishedSize + this.input.partialHeaderSize;
  }

  /**
   * Processes the received bytes from `start` to `end`, and does not change these bytes. The caller may reuse the
   * memory of `bytes` when the call returns.
   *
   * The method throws if the handler throws, or if a lent message was overwritten (see `onBorrowed`). The unprocessed
   * bytes are then buffered. The next call of this method, of {@link receiveEnd} or of {@link resume} processes the
   * buffered bytes.
   * @throws TypeError if `bytes` is not a Uint8Array.
   */
  receive(bytes: Uint8Array, start: number = 0, end: number = bytes.length): void {
    checkBytes(bytes);
    this.input.receive(bytes, start, end);
  }

  /**
   * Reports that the peer has ended its stream. `onEnd` of the handler is called once, after all received bytes were
   * processed.
   */
  receiveEnd(): void {
    this.input.receiveEnd();
  }

  /**
   * Stops the delivery of messages and events before the next frame. The handler may call this method. Received bytes
   * are buffered during the pause.
   */
  pause(): void {
    this.input.pause();
  }

  /** Ends a pause: processes the buffered bytes and delivers the messages in these bytes. */
  resume(): void {
    this.input.resume();
  }

  /** Whether received bytes are buffered and not processed yet, for example because of {@link pause}. */
  get isKeeping(): boolean {
    return this.input.isKeeping;
  }

  /**
   * Reports that the stream was closed during a pause, while received bytes are still buffered.
   *
   * This call delivers the buffered control frames in order, up to the peer's Close frame. If a frame violates RFC 6455
   * section 5, the call reports a failure. The messages stay buffered: {@link resume} delivers them, and then calls
   * `onEnd`. For an invalid message, {@link resume} calls `onFailure`.
   */
  endPaused(): void {
    this.#isEndedPaused = true;
    const handler = {
      onScannedControl: (opcode: number, payload: Buffer) => this.#onScannedControl(opcode, payload),
      onScanFailed: (error: ProtocolError) => this.#onScanFailed(error),
    };
    this.input.scan(this.#assembler.createScan(handler));
    this.input.receiveEnd();
  }

  /** @returns `false` for a Close frame, because frames after a Close frame are ignored. */
  #onScannedControl(opcode: number, payload: Buffer): boolean {
    if (opcode === Opcode.pong) this.#handler.onPong(payload);
    else if (opcode === Opcode.ping) this.#handler.onPing(payload);
    else {
      const close = readClose(payload);
      if (close instanceof ProtocolError) this.#onScanFailed(close);
      else {
        this.#closeReceived = close;
        this.#state = "closed";
        this.#handler.onClose(close.code, close.reason);
      }
      return false;
    }
    return true;
  }

  #onScanFailed(error: ProtocolError): void {
    this.#state = "failed";
    this.#handler.onFailure(error);
  }

  /**
   * Stops processing the buffered bytes. Reports `error`, unless {@link endPaused} has already reported a failure or a
   * Close frame.
   */
  #endScanned(error?: ProtocolError): void {
    const isReported = this.#isDiscarding();
    this.#discard(this.#state === "failed" || error !== undefined ? "failed" : "closed");
    if (error !== undefined && !isReported) this.#handler.onFailure(error);
  }

  #isDiscarding(): boolean {
    return this.#state === "failed" || this.#state === "closed";
  }

  // This class has the methods of AssemblerHandler, but does not declare `implements AssemblerHandler`. The published
  // type declarations do not contain @internal methods. With `implements`, these declarations would not compile.

  /** @internal Called by the message assembler when a frame or a message is invalid. */
  onMessageError(error: ProtocolError): void {
    if (this.#isEndedPaused) this.#endScanned(error);
    else this.fail(error);
  }

  /** @internal Called by the message assembler for each control frame. `lent` is valid only during the call. */
  onControl(opcode: number, lent: Buffer): void {
    if (this.#isEndedPaused) {
      if (opcode === Opcode.close) this.#endScanned();
      return;
    }
    if (opcode === Opcode.close) {
      this.#receiveClose(lent);
      return;
    }
    const payload = this.#slab.allocate(lent.length);
    payload.set(lent);
    if (opcode === Opcode.pong) {
      this.#handler.onPong(payload);
      return;
    }
    // RFC 6455 5.5.2: a ping is answered by a pong. RFC 6455 5.5.1: after its Close frame, this endpoint must not send
    // another frame.
    if (this.#isPongAutomatic && this.#state === "open") this.#output.writePong(payload);
    this.#handler.onPing(payload);
  }

  #receiveClose(payload: Buffer): void {
    const close = readClose(payload);
    if (close instanceof ProtocolError) {
      this.fail(close);
      return;
    }
    this.#closeReceived = close;
    // RFC 6455 5.5.1: the answer to a Close frame repeats its code. The answer to an empty Close frame is empty.
    if (this.#closeSent === undefined) this.#sendClose({ code: close.code, reason: "" });
    this.#discard("closed");
    this.#handler.onClose(close.code, close.reason);
  }

  /** Sends a text message. A lone surrogate is sent as U+FFFD, because UTF-8 cannot encode lone surrogates. */
  text(text: string, options?: SendOptions): void {
    this.#requireOpen();
    const encoder = this.#encoderFor(text, options);
    if (encoder === undefined) this.#output.writeText(text);
    else this.#output.writeEncoded(Opcode.text, encoder.encode(utf8Bytes(text)), text);
  }

  /**
   * Sends a binary message. The bytes are copied, so the caller may change them when the call returns.
   * @throws TypeError if `bytes` is not a Uint8Array.
   */
  binary(bytes: Uint8Array, options?: SendOptions): void {
    this.#requireOpen();
    checkBytes(bytes);
    const encoder = this.#encoderFor(bytes, options);
    if (encoder === undefined) this.#output.writeBinary(bytes);
    else this.#output.writeEncoded(Opcode.binary, encoder.encode(bytes), Buffer.from(bytes));
  }

  /** Returns the extension if the extension must encode this message, otherwise `undefined`. */
  #encoderFor(message: string | Uint8Array, options?: SendOptions): MessageExtension | undefined {
    if (this.#extension === undefined) return undefined;
    const isEncoded = options?.compress ?? Buffer.byteLength(message) >= this.#compressionThreshold;
    return isEncoded ? this.#extension : undefined;
  }

  /**
   * Sends a ping with a payload of at most 125 bytes.
   * @returns The number of messages that certainly precede the ping on the wire. When the pong for this ping arrives,
   *   the peer has read these messages.
   */
  ping(payload: Uint8Array = emptyPayload): number {
    this.#requireOpen();
    checkControlPayload(payload);
    return this.#output.writePing(payload);
  }

  /** Sends a pong with a payload of at most 125 bytes. No preceding ping is necessary (RFC 6455 5.5.3). */
  pong(payload: Uint8Array = emptyPayload): void {
    this.#requireOpen();
    checkControlPayload(payload);
    this.#output.writePong(payload);
  }

  /**
   * Starts the closing handshake (RFC 6455 7.1.2). The Close frame is sent after all frames that are already queued. A
   * second call has no effect.
   * @param code - The allowed codes are 1000-1003, 1007-1014 and 3000-4999. Without a code, the Close frame is empty,
   *   and `reason` is ignored.
   * @throws RangeError if the code is not allowed, or if the reason is longer than 123 bytes in UTF-8.
   * @throws TypeError if the reason is not a string.
   */
  close(code?: number, reason: string = ""): void {
    if (code !== undefined) checkClose(code, reason);
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#sendClose({ code: code ?? CloseCode.noStatus, reason: code === undefined ? "" : reason });
  }

  /**
   * Fails the connection (RFC 6455 7.1.7): queues a Close frame with the close code of `error`, calls `onFailure`, and
   * discards all further input. No Close frame is queued if this endpoint has already queued one. Has no effect after
   * an earlier failure or after the peer's Close frame.
   *
   * @param error - The allowed close codes are 1000-1003, 1005, 1007-1014 and 3000-4999. For 1005, the Close frame is
   *   empty.
   * @throws RangeError if the close code of `error` is not allowed. The connection then stays unchanged.
   */
  fail(error: ProtocolError): void {
    const { closeCode } = error;
    // RFC 6455 7.4.1: a Close frame must not contain the code 1005. For 1005, an empty Close frame is sent.
    if (closeCode !== CloseCode.noStatus) checkCloseCode(closeCode);
    if (this.#isDiscarding()) return;
    this.#handler.onFailing?.();
    // The handler may have abandoned the connection.
    if (this.#isDiscarding()) return;
    if (this.#closeSent === undefined) this.#sendClose({ code: closeCode, reason: "" });
    this.#discard("failed");
    this.#handler.onFailure(error);
  }

  /**
   * Ends the connection, because its stream is closed. No event follows. All memory borrowed from `resources` is
   * returned. {@link takeUnsent} and {@link takeBack} still return the messages that were not sent.
   *
   * Call {@link written} after this method. {@link written} releases the bytes that {@link take} returned last. The
   * bytes stay unchanged until then.
   */
  abandon(): void {
    this.#discard(this.#state === "failed" ? "failed" : "closed");
    this.input.suppressEnd();
    this.#output.abandon();
  }

  /**
   * Releases the memory that the extension uses for sending, if no message was sent since the last call of this method.
   * The memory for receiving is released in the same way. The next message allocates the memory again.
   */
  releaseUnused(): void {
    this.#extension?.releaseUnused();
  }

  #sendClose(close: CloseFrame): void {
    this.#closeSent = close;
    this.#output.writeClose(encodeClose(close));
  }

  #discard(state: "closed" | "failed"): void {
    this.#state = state;
    this.input.discard();
    this.#assembler.discard();
    this.#extension?.close();
  }

  #requireOpen(): void {
    if (this.#state === "open") return;
    const message = `Nothing can be sent: the connection is ${this.#state}. Open a new one to send more.`;
    throw new InvalidStateError(message, this.#state);
  }

  /**
   * Returns the next bytes to write. The bytes stay unchanged until {@link written} is called. Returns `undefined` if
   * nothing is queued, or if {@link written} was not called for the last bytes.
   * @param maxSize - Maximum number of bytes to return. If `maxSize` is below 64 KiB, up to 64 KiB can still be
   *   returned. Small writes show the progress of a slow peer. Large writes need less CPU time.
   */
  take(maxSize: number = 0): Buffer | undefined {
    return this.#output.take(maxSize);
  }

  /**
   * Releases the bytes that {@link take} returned last. Call this method when the stream has accepted the bytes, or
   * when the stream is closed. Has no effect if all bytes are already released.
   */
  written(): void {
    this.#output.written();
  }

  /** `true` if the next call of {@link take} returns bytes. */
  get hasOutput(): boolean {
    return this.#output.isReady;
  }

  /** Number of bytes, including frame headers, that are queued or not yet released by {@link written}. */
  get bufferedSize(): number {
    return this.#output.size;
  }

  /**
   * Memory in bytes that queued messages use in addition to {@link bufferedSize}. The uncompressed form of a compressed
   * message is kept until {@link take} returns its frame.
   */
  get originalSize(): number {
    return this.#output.originalSize;
  }

  /** Total size in bytes of all messages queued so far, before compression. */
  get payloadSize(): number {
    return this.#output.payloadSize;
  }

  /** Number of messages queued so far. */
  get framedCount(): number {
    return this.#output.framedCount;
  }

  /** Number of messages that {@link take} has returned, in whole or in part. */
  get handedCount(): number {
    return this.#output.handedCount;
  }

  /** Number of messages that {@link written} has completely released. */
  get writtenCount(): number {
    return this.#output.writtenCount;
  }

  /**
   * Discards all queued frames. Returns the completely unsent messages in the order in which they were queued. A
   * message is completely unsent if {@link take} has returned none of its bytes.
   */
  takeUnsent(): (string | Buffer)[] {
    return this.#output.takeUnsent();
  }

  /**
   * Removes the completely unsent messages, and returns them in the order in which they were queued. A message is
   * completely unsent if {@link take} has returned none of its bytes. The rest of a partly sent message and all control
   * frames stay queued. New messages can be queued afterwards.
   *
   * {@link framedCount} decreases by the number of returned messages. The caller may have stored a number of messages,
   * for example a result of {@link ping}, or a number that {@link writtenCount} must reach. If the stored number is
   * larger than the new {@link framedCount}, the caller must replace the stored number by {@link framedCount}.
   */
  takeBack(): (string | Buffer)[] {
    this.#extension?.restartEncoding();
    return this.#output.takeBack();
  }
}

const emptyPayload = new Uint8Array(0);

function checkControlPayload(payload: Uint8Array): void {
  checkBytes(payload);
  if (payload.length <= maxControlPayloadSize) return;
  throw new RangeError(
    `A ping or pong carries at most ${maxControlPayloadSize} bytes, not ${payload.length}.`,
  );
}
