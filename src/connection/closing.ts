// The closing handshake of an open connection (RFC 6455 7.1) and its timeout. It does not read or write the socket.
import type { CloseFrame, ProtocolConnection, ProtocolError } from "../../protocol/index.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Transport } from "../runtime/transport.js";
import { ClosingTimer } from "./closing-timer.js";
import { closingTimedOut } from "./failures.js";

/**
 * Milliseconds that the peer has to end its side of the stream after both Close frames. RFC 6455 7.1.1: the server
 * closes the TCP connection first.
 */
const maxLingerTime = 1_000;

export interface ClosingOwner {
  /** True when all accepted messages are framed, so that our Close frame may follow them. */
  readonly isAllFramed: boolean;
  readonly isPaused: boolean;
  /** The first Close frame is sent or has arrived. */
  onCloseStarted(close: CloseFrame, initiatedBy: "us" | "peer"): void;
  /** The protocol has output. */
  onQueued(): void;
  /** The closing handshake took too long: the owner must destroy the stream. */
  onCloseTimeout(): void;
}

export interface ClosingContext {
  readonly protocol: ProtocolConnection;
  readonly transport: Transport;
  readonly runtime: Runtime;
  readonly closeTimeout: number;
  readonly isReferenced: boolean;
}

/** Performs the closing handshake of one connection and records which side started it. */
export class Closing {
  readonly #protocol: ProtocolConnection;
  readonly #transport: Transport;
  readonly #timeout: number;
  readonly #owner: ClosingOwner;
  readonly #timer: ClosingTimer;
  #initiatedBy: "us" | "peer" | undefined;
  /** The Close frame passed to `close()`. */
  #request: CloseFrame | undefined;
  #error: Error | undefined;
  /** True once neither side has anything to send, except the queued output. */
  #isEnding = false;
  /** True after we have ended our side of the stream. */
  #hasEnded = false;

  constructor(
    { protocol, transport, runtime, closeTimeout, isReferenced }: ClosingContext,
    owner: ClosingOwner,
  ) {
    this.#protocol = protocol;
    this.#transport = transport;
    this.#timeout = closeTimeout;
    this.#owner = owner;
    this.#timer = new ClosingTimer(runtime, isReferenced, () => this.#onTimerExpired());
  }

  /** `undefined` if neither side has started the closing handshake. */
  get initiatedBy(): "us" | "peer" | undefined {
    return this.#initiatedBy;
  }

  /** True after `close()` was called. */
  get isRequested(): boolean {
    return this.#request !== undefined;
  }

  /** The error that broke the connection, if any. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** True once neither side has anything to send, except the queued output. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Starts the closing handshake. The Close frame is sent after all accepted messages. */
  begin(close: CloseFrame): void {
    this.#initiatedBy = "us";
    this.#request = close;
    this.#timer.start(this.#timeout);
    if (this.#owner.isPaused) this.#timer.pause();
    this.#owner.onCloseStarted(close, "us");
    this.sendCloseIfReady();
  }

  /** The client itself closes: a pause of reading no longer stops the timer. */
  makeFinal(): void {
    this.#timer.makeFinal();
  }

  /** The peer's Close frame has arrived. */
  onClose(close: CloseFrame): void {
    this.#reportStart(close, "peer");
    this.#endWhenWritten();
  }

  /** The protocol has failed the connection (RFC 6455 7.1.7) and has queued a Close frame. */
  onFailure(error: ProtocolError): void {
    this.recordError(error);
    this.#reportStart({ code: error.closeCode, reason: "" }, "us");
    this.#endWhenWritten();
  }

  #reportStart(close: CloseFrame, initiatedBy: "us" | "peer"): void {
    if (this.#initiatedBy !== undefined) return;
    this.#initiatedBy = initiatedBy;
    this.#owner.onCloseStarted(close, initiatedBy);
  }

  /** Records why the stream is destroyed. Only the first error is kept. */
  recordError(error: Error): void {
    this.#error ??= error;
  }

  /** The caller destroys the stream without a closing handshake. */
  terminate(): void {
    this.#initiatedBy ??= "us";
    this.#timer.stop();
  }

  /** The kernel has accepted bytes of a write that it had refused before. */
  onWriteProgress(): void {
    this.#timer.progress();
  }

  /** Sends our Close frame once all accepted messages are framed. */
  sendCloseIfReady(): void {
    const isReady = this.#owner.isAllFramed && this.#protocol.state === "open";
    if (this.#request === undefined || !isReady) return;
    this.#protocol.close(this.#request.code, this.#request.reason);
    this.#owner.onQueued();
  }

  /** RFC 6455 7.1.1: both sides are done. Ends our side of the stream when our Close frame is written. */
  #endWhenWritten(): void {
    this.#isEnding = true;
    if (!this.#timer.isRunning) this.#timer.start(this.#timeout);
    this.#owner.onQueued();
    this.endIfWritten();
  }

  endIfWritten(): void {
    if (!this.#isEnding || this.#hasEnded || this.#protocol.bufferedSize > 0) return;
    this.#hasEnded = true;
    this.#transport.end();
    this.#timer.startLinger(maxLingerTime);
  }

  #onTimerExpired(): void {
    if (!this.#hasEnded) this.recordError(closingTimedOut(this.#timeout, this.#isEnding));
    this.#owner.onCloseTimeout();
  }

  /** Reading is paused, so the peer's Close cannot arrive: stops the timer. */
  pause(): void {
    this.#timer.pause();
  }

  resume(): void {
    this.#timer.resume();
  }

  /** The stream is closed: clears the timer. */
  stop(): void {
    this.#timer.stop();
  }

  ref(): void {
    this.#timer.ref();
  }

  unref(): void {
    this.#timer.unref();
  }
}
