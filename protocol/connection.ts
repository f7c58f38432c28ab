// One WebSocket connection after its opening handshake: received bytes become calls of a handler, and messages become
// bytes to write. It does not open a socket, set a timer or read a clock.
import { checkBytes } from "./check-bytes.js";
import { CloseCode } from "./close-codes.js";
import { checkClose, checkCloseCode, type CloseFrame, encodeClose, readClose } from "./close-frame.js";
import { maxControlPayloadSize, Opcode, type Role } from "./constants.js";
import { ControlScan } from "./control-scan.js";
import { InvalidStateError, ProtocolError } from "./errors.js";
import type { AgreedExtension, MessageExtension } from "./extensions/extension.js";
import type { FrameObserver } from "./frame-observer.js";
import { InputBuffer } from "./input-buffer.js";
import { MessageAssembler, type MessageSink } from "./message-assembler.js";
import { resolveLimits } from "./message-limits.js";
import { OutputBuffer } from "./output-buffer.js";
import { ownOptions } from "./own-options.js";
import type { Resources } from "./resources.js";
import type { Slab } from "./slab.js";

/** The events of a connection, called in the order of the received bytes. */
export interface ProtocolHandler {
  /**
   * A complete message: a string for text, a Buffer that the handler may keep for binary.
   * @param size - Size of the message in bytes, after decompression.
   */
  onMessage(data: string | Buffer, size: number): void;
  /**
   * A complete message, text or binary, while {@link ProtocolConnection.isLending} is `true`. `bytes` is a view of
   * shared memory. It is valid until this method returns or until another connection with the same `Resources`
   * receives. Text is not decoded, but it is known to be valid UTF-8.
   *
   * @returns `false` to decline the view, for example because the handler needs a string or must keep the bytes. The
   *   message is then delivered by {@link onMessage}, even if another connection received in the meantime. One case
   *   is an error: if the other connection received bytes in the same memory as the current read, the message is lost
   *   and `receive` throws a JetSocketError (`LENT_MESSAGE_OVERWRITTEN`).
   */
  onBorrowed?(bytes: Buffer, isBinary: boolean): boolean;
  /** A ping arrived. With `autoPong`, the pong is already queued. */
  onPing(payload: Buffer): void;
  /** A pong arrived, as an answer to a ping or without one. */
  onPong(payload: Buffer): void;
  /** The peer's Close frame arrived. No message follows. The code 1005 means a Close frame without a code. */
  onClose(code: number, reason: string): void;
  /** The connection failed (RFC 6455 7.1.7). No message follows. */
  onFailure(error: ProtocolError): void;
  /** The peer's stream ended, and everything that arrived before the end was delivered. */
  onEnd(): void;
}

export interface ProtocolConnectionOptions {
  /** The role of this end: a client masks its frames, a server requires masked frames. */
  readonly role: Role;
  /** Receives the messages and events of the connection. */
  readonly handler: ProtocolHandler;
  /** Memory that several connections share. */
  readonly resources: Resources;
  /** The extension that the opening handshake agreed on, if any. */
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
   * Receives each frame. Without an observer, the cost is one comparison per sent message and per call of `receive`.
   */
  readonly observer?: FrameObserver | undefined;
}

/**
 * `open`; `closing` after this end sent its Close frame; `closed` after the peer's Close frame arrived or after
 * `abandon()`; `failed` after a failure.
 */
export type ProtocolState = "open" | "closing" | "closed" | "failed";

export interface SendOptions {
  /** Whether to compress this message, regardless of its size. Has no effect without an extension. */
  readonly compress?: boolean | undefined;
}

/** Receives the events of a connection other than messages. */
type EventHandler = Omit<ProtocolHandler, keyof MessageSink>;

type EventOptions = Omit<ProtocolConnectionOptions, "handler"> & { readonly handler: EventHandler };

const defaultCompressionThreshold = 128;

/**
 * One WebSocket connection after its opening handshake.
 *
 * The caller passes received bytes to {@link receive} and {@link receiveEnd}, and writes the bytes that {@link take}
 * returns. Messages and events are delivered by calls of the handler. How the received bytes are split into reads makes
 * no difference. After a failure or the peer's Close frame, all further input is discarded.
 */
export class ProtocolConnection {
  /** @internal Received bytes may be passed to it directly, which saves a call per read. */
  readonly input: InputBuffer;
  readonly #handler: EventHandler;
  readonly #messages: MessageSink;
  readonly #extension: MessageExtension | undefined;
  readonly #compressionThreshold: number;
  readonly #isPongAutomatic: boolean;
  readonly #slab: Slab;
  readonly #assembler: MessageAssembler;
  readonly #output: OutputBuffer;

  /** {@link endPaused} was called: control frames are already delivered, and nothing is answered any more. */
  #isEndedPaused = false;
  #state: ProtocolState = "open";
  #closeSent: CloseFrame | undefined;
  #closeReceived: CloseFrame | undefined;

  /** @internal Passes messages to `messages`, which saves a call per message. */
  constructor(given: EventOptions, messages: MessageSink);
  /**
   * @throws RangeError if `maxMessageSize` or `maxFrameSize` is not a whole number from 1 to the maximum string length,
   *   or if `maxFragments` is not a whole number of at least 1.
   */
  constructor(given: ProtocolConnectionOptions);
  constructor(given: EventOptions, messages: MessageSink = (given as ProtocolConnectionOptions).handler) {
    const options = ownOptions(given);
    const limits = resolveLimits(options);
    this.#handler = options.handler;
    this.#extension = options.extension?.open(options.resources);
    this.#compressionThreshold = options.compressionThreshold ?? defaultCompressionThreshold;
    this.#isPongAutomatic = options.autoPong ?? true;
    this.#output = new OutputBuffer(options.role, options.resources, options.observer);
    this.#slab = options.resources.slab;
    this.#messages = messages;
    this.#assembler = new MessageAssembler(messages, this, limits, this.#extension, options.resources);
    const { role, observer } = options;
    const { spare, loans } = options.resources;
    this.input = new InputBuffer({ role, sink: this.#assembler, spare, loans, observer }, this.#handler);
  }

  get state(): ProtocolState {
    return this.#state;
  }

  /** The Close frame of this end, from the moment it was queued. */
  get closeSent(): CloseFrame | undefined {
    return this.#closeSent;
  }

  /** The peer's Close frame, from the moment it arrived. */
  get closeReceived(): CloseFrame | undefined {
    return this.#closeReceived;
  }

  /**
   * Whether messages are passed to the handler's `onBorrowed`, without decoding or copying them. Stays `false` if the
   * handler has no `onBorrowed`. Default `false`. May be set at any time, also inside a handler.
   */
  get isLending(): boolean {
    return this.#assembler.isLending;
  }

  set isLending(isLending: boolean) {
    this.#assembler.isLending = isLending && this.#messages.onBorrowed !== undefined;
  }

  /** The negotiated extension in the form of the Sec-WebSocket-Extensions header; empty without an extension. */
  get extensions(): string {
    return this.#extension?.header ?? "";
  }

  /** Whether a message or a frame has arrived in part. `false` once further input is discarded. */
  get isInsideMessage(): boolean {
    if (this.#isDiscarding()) return false;
    return this.#assembler.isInsideMessage || this.input.isInsideFrame;
  }

  /** Number of data messages whose first header has arrived. */
  get beganCount(): number {
    return this.#assembler.beganCount;
  }

  /** Number of buffered bytes that belong to an incomplete header, control frame or message. */
  get unfinishedSize(): number {
    return this.#assembler.unfinishedSize + this.input.partialHeaderSize;
  }

  /**
   * Processes the received bytes from `start` to `end`. They are not changed, and the caller may reuse the memory when
   * the call returns.
   *
   * The method throws if the handler throws, or if a lent message was overwritten (see `onBorrowed`). The bytes that
   * follow the failed call are buffered. The next call of this method, of {@link receiveEnd} or of {@link resume}
   * processes them.
   * @throws TypeError if `bytes` is not a Uint8Array.
   */
  receive(bytes: Uint8Array, start: number = 0, end: number = bytes.length): void {
    checkBytes(bytes);
    this.input.receive(bytes, start, end);
  }

  /**
   * Reports the end of the peer's stream. `onEnd` is called once, after everything received before it was delivered.
   */
  receiveEnd(): void {
    this.input.receiveEnd();
  }

  /**
   * Stops delivery before the next frame, also when called inside a handler. Bytes that arrive meanwhile are
   * buffered.
   */
  pause(): void {
    this.input.pause();
  }

  /** Continues after {@link pause}. Buffered bytes are processed inside this call. */
  resume(): void {
    this.input.resume();
  }

  /** Whether received bytes are buffered and not processed yet, for example because of {@link pause}. */
  get isKeeping(): boolean {
    return this.input.isKeeping;
  }

  /**
   * Reports that the stream closed during a pause, while received bytes are still buffered.
   *
   * The control frames among these bytes are delivered now, in order, up to the peer's Close frame. The first frame
   * that violates RFC 6455 5 is reported as a failure. Messages are not decoded yet: {@link resume} delivers them,
   * then `onEnd`. If a message turns out to be invalid, `onFailure` is called at that time.
   */
  endPaused(): void {
    this.#isEndedPaused = true;
    const handler = {
      onScannedControl: (opcode: number, payload: Buffer) => this.#onScannedControl(opcode, payload),
      onScanFailed: (error: ProtocolError) => this.#onScanFailed(error),
    };
    this.input.scan(
      new ControlScan(handler, this.#assembler.firstByte, this.#assembler.partialControlPayload),
    );
    this.input.receiveEnd();
  }

  /** @returns `false` if no later frame matters. */
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
   * Stops processing the buffered bytes. Reports `error` unless the scan of the control frames has ended the
   * connection.
   */
  #endScanned(error?: ProtocolError): void {
    const isReported = this.#isDiscarding();
    this.#discard(this.#state === "failed" || error !== undefined ? "failed" : "closed");
    if (error !== undefined && !isReported) this.#handler.onFailure(error);
  }

  #isDiscarding(): boolean {
    return this.#state === "failed" || this.#state === "closed";
  }

  // The class implements AssemblerHandler without declaring it. Members marked @internal are removed from the published type
  // declarations, and a class that declares an interface must also declare the interface's methods.

  /** @internal Called by the assembler, like the method below. */
  onMessageError(error: ProtocolError): void {
    if (this.#isEndedPaused) this.#endScanned(error);
    else this.fail(error);
  }

  /** @internal */
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
    // RFC 6455 5.5.2: a ping must be answered. RFC 6455 5.5.1: no frame may follow our Close frame.
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
    // RFC 6455 5.5.1: the answer repeats the code. An empty Close frame is answered with an empty one.
    if (this.#closeSent === undefined) this.#sendClose({ code: close.code, reason: "" });
    this.#discard("closed");
    this.#handler.onClose(close.code, close.reason);
  }

  /** Sends a text message. A lone surrogate in the string is sent as U+FFFD, because UTF-8 cannot encode it. */
  text(text: string, options?: SendOptions): void {
    this.#requireOpen();
    const extension = this.#extension;
    if (extension === undefined || !(options?.compress ?? this.#reachesThreshold(Buffer.byteLength(text)))) {
      this.#output.writeText(text);
    } else {
      this.#output.writeEncoded(Opcode.text, extension.encode(Buffer.from(text)), text);
    }
  }

  /**
   * Sends a binary message. The bytes are copied, so the caller may change them when the call returns.
   * @throws TypeError if `bytes` is not a Uint8Array.
   */
  binary(bytes: Uint8Array, options?: SendOptions): void {
    this.#requireOpen();
    checkBytes(bytes);
    const extension = this.#extension;
    if (extension === undefined || !(options?.compress ?? this.#reachesThreshold(bytes.length))) {
      this.#output.writeBinary(bytes);
    } else {
      this.#output.writeEncoded(Opcode.binary, extension.encode(bytes), Buffer.from(bytes));
    }
  }

  #reachesThreshold(size: number): boolean {
    return size >= this.#compressionThreshold;
  }

  /**
   * Sends a ping with a payload of at most 125 bytes.
   * @returns Number of messages that certainly precede the ping on the wire. When its pong arrives, the peer has read
   *   these messages.
   */
  ping(payload: Uint8Array = emptyPayload): number {
    this.#requireOpen();
    checkControlPayload(payload);
    return this.#output.writePing(payload);
  }

  /** Sends a pong with a payload of at most 125 bytes, with or without a preceding ping (RFC 6455 5.5.3). */
  pong(payload: Uint8Array = emptyPayload): void {
    this.#requireOpen();
    checkControlPayload(payload);
    this.#output.writePong(payload);
  }

  /**
   * Starts the closing handshake (RFC 6455 7.1.2). The Close frame is sent after everything queued before. A second
   * call has no effect.
   * @param code - 1000-1003, 1007-1014 or 3000-4999. Without a code, the Close frame is empty and `reason` is ignored.
   * @throws RangeError if the code is not allowed or the reason is longer than 123 bytes; TypeError if the reason is
   *   not a string.
   */
  close(code?: number, reason: string = ""): void {
    if (code !== undefined) checkClose(code, reason);
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#sendClose({ code: code ?? CloseCode.noStatus, reason: code === undefined ? "" : reason });
  }

  /**
   * Fails the connection (RFC 6455 7.1.7). Queues a Close frame with the close code of `error` after everything queued
   * before, calls `onFailure`, and discards all further input. A second call, or a call after the peer's Close frame,
   * has no effect.
   *
   * @param error - Its `closeCode` must be 1000-1003, 1007-1014 or 3000-4999. The code 1005 sends an empty Close frame.
   * @throws RangeError if the close code is not allowed. The connection does not change then.
   */
  fail(error: ProtocolError): void {
    const { closeCode } = error;
    // RFC 6455 7.4.1: 1005 must not be sent; it stands for a Close frame without a code.
    if (closeCode !== CloseCode.noStatus) checkCloseCode(closeCode);
    if (this.#isDiscarding()) return;
    if (this.#closeSent === undefined) this.#sendClose({ code: closeCode, reason: "" });
    this.#discard("failed");
    this.#handler.onFailure(error);
  }

  /**
   * Ends the connection because its stream is closed. No event follows, and all memory shared with other connections is
   * released. Messages that were not sent are still available from {@link takeUnsent} or {@link takeBack}.
   *
   * The bytes that {@link take} returned last stay unchanged until {@link written} is called. Call it once the stream
   * is closed.
   */
  abandon(): void {
    this.#discard(this.#state === "failed" ? "failed" : "closed");
    this.input.suppressEnd();
    this.#output.abandon();
  }

  /**
   * Releases memory of the extension that was not used since the last call, separately for sending and receiving. The
   * extension allocates it again when needed.
   */
  releaseUnused(): void {
    this.#extension?.releaseUnused();
  }

  #sendClose(close: CloseFrame): void {
    const payload = encodeClose(close);
    this.#closeSent = close;
    this.#output.writeClose(payload);
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
   * Returns the next bytes to write, or `undefined`. They stay unchanged until {@link written} is called.
   * @param maxSize - Maximum number of bytes to return; at least 64 KiB. Small pieces show the progress of a slow peer,
   *   large pieces cost less time.
   */
  take(maxSize: number = 0): Buffer | undefined {
    return this.#output.take(maxSize);
  }

  /**
   * Releases the bytes that {@link take} returned last. Call it when the stream has accepted them or when the stream is
   * closed. Has no effect if {@link take} returned nothing.
   */
  written(): void {
    this.#output.written();
  }

  /** Whether {@link take} has bytes to return. */
  get hasOutput(): boolean {
    return this.#output.isReady;
  }

  /** Number of queued bytes, including frame headers, up to the call of {@link written} that releases them. */
  get bufferedSize(): number {
    return this.#output.size;
  }

  /**
   * Bytes of memory that queued messages use in addition to {@link bufferedSize}. The original of a compressed
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

  /** Number of messages that {@link take} has returned so far, completely or in part. */
  get handedCount(): number {
    return this.#output.handedCount;
  }

  /** Number of messages written completely so far: {@link written} was called after their last byte was taken. */
  get writtenCount(): number {
    return this.#output.writtenCount;
  }

  /** Discards all queued frames. Returns, in order, the messages of which {@link take} has not returned any byte. */
  takeUnsent(): (string | Buffer)[] {
    return this.#output.takeUnsent();
  }

  /**
   * Removes, from an open connection, the messages of which {@link take} has not returned any byte, and returns them in
   * order. The rest of a partly sent message, control frames and a Close frame stay queued. More messages may be sent.
   *
   * {@link framedCount} decreases by the number of returned messages. A position derived from it earlier can then be
   * too high, such as the result of {@link ping} or a target for {@link writtenCount}. In that case, use the smaller
   * of the position and the new {@link framedCount}.
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
