import { checkBytes } from "./check-bytes.js";
import { CloseCode } from "./close-codes.js";
import { checkClose, checkCloseCode, type CloseFrame, encodeClose, readClose } from "./close-frame.js";
import { maxControlPayloadSize, Opcode, type Role } from "./constants.js";
import { ControlScan } from "./control-scan.js";
import { InvalidStateError, ProtocolError } from "./errors.js";
import type { AgreedExtension, MessageExtension } from "./extensions/extension.js";
import type { FrameObserver } from "./frame-observer.js";
import { InputBuffer } from "./input-buffer.js";
import { MessageAssembler, resolveLimits } from "./message-assembler.js";
import { OutputBuffer } from "./output-buffer.js";
import { ownOptions } from "./own-options.js";
import type { Resources } from "./resources.js";
import type { Slab } from "./slab.js";

/** What a connection tells, in the order of the bytes. */
export interface ProtocolHandler {
  /**
   * A whole message: a string for text, a Buffer of the receiver's own for binary.
   * @param size - Its bytes, after decompression.
   */
  onMessage(data: string | Buffer, size: number): void;
  /**
   * A message while {@link ProtocolConnection.isLending}, text and binary alike: its bytes where they lie. They are valid until this
   * returns, or another connection on the same `Resources` receives. Text is not decoded, but known to be UTF-8.
   *
   * @returns `false` where this message is wanted as a string, or to be kept: it then comes by {@link onMessage}, also
   *   where another connection has received meanwhile. Only where that one was given bytes in the same memory as this
   *   one's read, the message is lost, and `receive` throws a JetSocketError (`LENT_MESSAGE_OVERWRITTEN`).
   */
  onBorrowed?(bytes: Buffer, isBinary: boolean): boolean;
  /** A ping came; with `autoPong` it has been answered. */
  onPing(payload: Buffer): void;
  onPong(payload: Buffer): void;
  /** The peer's Close came: the last of what it has to say. 1005 stands for a Close without a code. */
  onClose(code: number, reason: string): void;
  /** The connection has failed (RFC 6455 7.1.7); nothing is delivered after this. */
  onFailure(error: ProtocolError): void;
  /** The peer's stream has ended, and all that came before it has been told. */
  onEnd(): void;
}

export interface ProtocolConnectionOptions {
  /** Which end this is: a client masks, a server expects masks. */
  readonly role: Role;
  readonly handler: ProtocolHandler;
  readonly resources: Resources;
  /** What the opening handshake agreed on. */
  readonly extension?: AgreedExtension | undefined;
  /** The most bytes of a received message, after decompression. Default 64 MiB; more fails the connection with 1009. */
  readonly maxMessageSize?: number | undefined;
  /** The most bytes of a received frame. Default: `maxMessageSize`. */
  readonly maxFrameSize?: number | undefined;
  /** Messages below this many bytes go uncompressed. Default 128. */
  readonly compressionThreshold?: number | undefined;
  /** Answers pings by itself (RFC 6455 5.5.2). Default `true`. */
  readonly autoPong?: boolean | undefined;
  /** Is told of frames. Without one, looking for it costs one comparison per message sent and per call of `receive`. */
  readonly observer?: FrameObserver | undefined;
}

/** `open`, then `closing` from our Close on, `closed` from the peer's on, or `failed`. */
export type ProtocolState = "open" | "closing" | "closed" | "failed";

export interface SendOptions {
  /** Compresses this message or not, whatever its size; without the extension it changes nothing. */
  readonly compress?: boolean | undefined;
}

const defaultCompressionThreshold = 128;

/**
 * One WebSocket connection behind its opening handshake, without a socket, a timer or a clock.
 *
 * Bytes go in by {@link receive} and {@link receiveEnd}, which never throw of their own accord, and come out of
 * {@link take}; what they mean is told by calls to the handler. How the input is split makes no difference.
 * After a failure and after the peer's Close all further input is discarded.
 */
export class ProtocolConnection {
  readonly #handler: ProtocolHandler;
  readonly #extension: MessageExtension | undefined;
  readonly #compressionThreshold: number;
  readonly #isPongAutomatic: boolean;
  readonly #slab: Slab;
  readonly #inputBuffer: InputBuffer;
  readonly #assembler: MessageAssembler;
  readonly #output: OutputBuffer;

  /** {@link endPaused} was called: control frames are told already, and nothing is answered. */
  #isEndedPaused = false;
  #state: ProtocolState = "open";
  #closeSent: CloseFrame | undefined;
  #closeReceived: CloseFrame | undefined;

  /** @throws RangeError for a `maxMessageSize` or `maxFrameSize` that is no whole number from 1 to the longest string. */
  constructor(given: ProtocolConnectionOptions) {
    const options = ownOptions(given);
    const limits = resolveLimits(options);
    this.#handler = options.handler;
    this.#extension = options.extension?.open(options.resources);
    this.#compressionThreshold = options.compressionThreshold ?? defaultCompressionThreshold;
    this.#isPongAutomatic = options.autoPong ?? true;
    this.#output = new OutputBuffer(options.role, options.resources, options.observer);
    this.#slab = options.resources.slab;
    this.#assembler = new MessageAssembler(this, limits, this.#extension, options.resources);
    const { role, observer } = options;
    const { spare, loans } = options.resources;
    this.#inputBuffer = new InputBuffer({ role, sink: this.#assembler, spare, loans, observer }, this.#handler);
  }

  get state(): ProtocolState {
    return this.#state;
  }

  /** Our Close, once it was given to be sent. */
  get closeSent(): CloseFrame | undefined {
    return this.#closeSent;
  }

  /** The peer's Close, once it has come. */
  get closeReceived(): CloseFrame | undefined {
    return this.#closeReceived;
  }

  /**
   * Messages go to `onBorrowed` of the handler, where it has that, and are neither decoded nor copied. Default `false`; may be set at
   * any time, from inside the handler too.
   */
  get isLending(): boolean {
    return this.#assembler.isLending;
  }

  set isLending(isLending: boolean) {
    this.#assembler.isLending = isLending && this.#handler.onBorrowed !== undefined;
  }

  /** The extension as both ends agreed on it; empty where there is none. */
  get extensions(): string {
    return this.#extension?.header ?? "";
  }

  /** A message or a frame has begun to come and is not whole, and the rest of it is not to be discarded. */
  get isInsideMessage(): boolean {
    if (this.#isDiscarding()) return false;
    return this.#assembler.isInsideMessage || this.#inputBuffer.isInsideFrame;
  }

  /** How many messages have begun to come. */
  get beganCount(): number {
    return this.#assembler.beganCount;
  }

  /** How many bytes of what is not whole are here. */
  get unfinishedSize(): number {
    return this.#assembler.unfinishedSize + this.#inputBuffer.cutHeaderSize;
  }

  /**
   * Takes the bytes from `start` to `end`. They are not changed, and not needed any more when the call returns.
   * It throws only what the handler throws, and an error for a lent message that was overwritten (see `onBorrowed`).
   * What came behind is kept, and told by the next call of this method, of {@link receiveEnd} or of {@link resume}.
   * @throws TypeError for what is no Uint8Array.
   */
  receive(bytes: Uint8Array, start: number = 0, end: number = bytes.length): void {
    checkBytes(bytes);
    this.#inputBuffer.receive(bytes, start, end);
  }

  /** The peer's stream has ended. `onEnd` comes once, when all that was received before it has been told. */
  receiveEnd(): void {
    this.#inputBuffer.receiveEnd();
  }

  /** Stops before the next frame, from inside the handler too; what comes meanwhile is kept. */
  pause(): void {
    this.#inputBuffer.pause();
  }

  /** Goes on where {@link pause} has stopped: what was kept is told inside this call. */
  resume(): void {
    this.#inputBuffer.resume();
  }

  /** Bytes wait for the end of a pause. */
  get isKeeping(): boolean {
    return this.#inputBuffer.isKeeping;
  }

  /**
   * The stream is gone while {@link pause} keeps the last bytes. Tells now what the control frames among them say, in their order
   * and up to the peer's Close, and the first frame that breaks RFC 6455 5 as a failure. Messages stay undecoded: {@link resume}
   * tells them, as far as no new pause stops it, then `onEnd`. A message that turns out to be wrong is told by `onFailure` then.
   */
  endPaused(): void {
    this.#isEndedPaused = true;
    const handler = {
      onScannedControl: (opcode: number, payload: Buffer) => this.#onScannedControl(opcode, payload),
      onScanFailed: (error: ProtocolError) => this.#onScanFailed(error),
    };
    this.#inputBuffer.scan(new ControlScan(handler, this.#assembler.firstByte, this.#assembler.partialControlPayload));
    this.#inputBuffer.receiveEnd();
  }

  /** @returns `false` where nothing after this frame counts. */
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

  /** What was kept ends here: by the peer's Close, or by an error that is told unless the scan has found it. */
  #endScanned(error?: ProtocolError): void {
    const isReported = this.#isDiscarding();
    this.#discard(this.#state === "failed" || error !== undefined ? "failed" : "closed");
    if (error !== undefined && !isReported) this.#handler.onFailure(error);
  }

  #isDiscarding(): boolean {
    return this.#state === "failed" || this.#state === "closed";
  }

  // The class is a MessageSink for its assembler, and does not declare it: the declarations that are published leave out what is
  // marked as internal, and a class that declares an interface must declare its methods.

  /** @internal Called by its assembler, as the three behind it. */
  onMessage(data: string | Buffer, size: number): void {
    this.#handler.onMessage(data, size);
  }

  /** @internal */
  onBorrowed(bytes: Buffer, isBinary: boolean): boolean {
    return this.#handler.onBorrowed!(bytes, isBinary);
  }

  /** @internal */
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
    // RFC 6455 5.5.2: a ping is answered; 5.5.1: nothing goes behind our own Close.
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
    // RFC 6455 5.5.1: the answer echoes the code; an empty Close is answered by an empty one.
    if (this.#closeSent === undefined) this.#sendClose({ code: close.code, reason: "" });
    this.#discard("closed");
    this.#handler.onClose(close.code, close.reason);
  }

  /** Sends a text message. Strings that hold lone surrogates go out with U+FFFD in their place, as UTF-8 wants it. */
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
   * Sends a binary message. The bytes are copied: the caller may use them again when the call returns.
   * @throws TypeError for what is no Uint8Array.
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
   * Sends a ping of at most 125 bytes.
   * @returns How many messages stand before it on the wire for sure: its pong shows that the peer has read them.
   */
  ping(payload: Uint8Array = emptyPayload): number {
    this.#requireOpen();
    checkControlPayload(payload);
    return this.#output.writePing(payload);
  }

  /** Sends a pong of at most 125 bytes, asked for or not (RFC 6455 5.5.3). */
  pong(payload: Uint8Array = emptyPayload): void {
    this.#requireOpen();
    checkControlPayload(payload);
    this.#output.writePong(payload);
  }

  /**
   * Starts the closing handshake (RFC 6455 7.1.2), behind everything sent before. A second call does nothing.
   * @param code - 1000-1003, 1007-1014 or 3000-4999. Left out, the Close frame is empty, and `reason` is too.
   * @throws RangeError for another code, or a reason of more than 123 bytes; TypeError for a reason that is not a string.
   */
  close(code?: number, reason: string = ""): void {
    if (code !== undefined) checkClose(code, reason);
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#sendClose({ code: code ?? CloseCode.noStatus, reason: code === undefined ? "" : reason });
  }

  /**
   * Fails the connection (RFC 6455 7.1.7): sends a Close with the code of `error` behind everything accepted before,
   * tells `onFailure`, and discards all further input. Does nothing on a second call, or behind the peer's Close.
   *
   * @param error - Its `closeCode` is 1000-1003, 1007-1014 or 3000-4999; 1005 sends an empty Close.
   * @throws RangeError for another close code; the connection stays as it is.
   */
  fail(error: ProtocolError): void {
    const { closeCode } = error;
    // RFC 6455 7.4.1: 1005 is never on the wire, and stands for a Close without a code.
    if (closeCode !== CloseCode.noStatus) checkCloseCode(closeCode);
    if (this.#isDiscarding()) return;
    if (this.#closeSent === undefined) this.#sendClose({ code: closeCode, reason: "" });
    this.#discard("failed");
    this.#handler.onFailure(error);
  }

  /**
   * The stream is gone: nothing more is reported, and all memory shared with other connections is returned.
   * Messages that were not sent can still be taken by {@link takeUnsent} or {@link takeBack}.
   * What {@link take} gave last stays as it is until {@link written} is called, which is due once the stream is closed.
   */
  abandon(): void {
    this.#discard(this.#state === "failed" ? "failed" : "closed");
    this.#inputBuffer.suppressEnd();
    this.#output.abandon();
  }

  /** Gives back the memory of a direction of the extension that was not used since the last call; it is made again when it is needed. */
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
    this.#inputBuffer.discard();
    this.#assembler.discard();
    this.#extension?.close();
  }

  #requireOpen(): void {
    if (this.#state === "open") return;
    const message = `Nothing can be sent: the connection is ${this.#state}. Open a new one to send more.`;
    throw new InvalidStateError(message, this.#state);
  }

  /**
   * The next bytes to write, which stay as they are until {@link written} is called.
   * @param maxSize - At most so many, or 64 KiB if that is more: a small piece shows a slow peer's progress, a large one costs less.
   */
  take(maxSize: number = 0): Buffer | undefined {
    return this.#output.take(maxSize);
  }

  /**
   * The kernel has finished with what {@link take} gave last, because it has sent the bytes or because the stream is
   * closed. Their memory is used again. Does nothing where nothing was taken.
   */
  written(): void {
    this.#output.written();
  }

  /** `true` where {@link take} has something to give. */
  get hasOutput(): boolean {
    return this.#output.isReady;
  }

  /** The bytes given to be sent that {@link written} has not told of, framing included. */
  get bufferedSize(): number {
    return this.#output.size;
  }

  /**
   * The bytes of memory that waiting messages take besides {@link bufferedSize}: a compressed message is also kept as
   * it was given until its frame is handed out.
   */
  get originalSize(): number {
    return this.#output.originalSize;
  }

  /** The bytes of all messages that were given to be sent, before compression. */
  get payloadSize(): number {
    return this.#output.payloadSize;
  }

  /** How many messages were given to be sent. */
  get framedCount(): number {
    return this.#output.framedCount;
  }

  /** How many of them were handed out by {@link take}, in whole or in part. */
  get handedCount(): number {
    return this.#output.handedCount;
  }

  /** How many of them the kernel has, to their last byte: {@link written} was called behind it. */
  get writtenCount(): number {
    return this.#output.writtenCount;
  }

  /** Drops what waits to be taken, and gives the messages of which not a byte was handed out, in their order. */
  takeUnsent(): (string | Buffer)[] {
    return this.#output.takeUnsent();
  }

  /**
   * Takes back the messages of which not a byte was handed out, in their order, while the connection lives.
   * The rest of a message that is half out, control frames and a Close go on, and more may be sent.
   *
   * {@link framedCount} falls by the messages taken back and counts on from there. What was derived from it before
   * is too high where it now exceeds it (the position that {@link ping} gave, the target of one who waits for
   * {@link writtenCount}): the smaller of the two is right.
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
