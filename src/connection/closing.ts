// The closing handshake of an open connection (RFC 6455 7.1) and its timeout. This module does not read or write the
// socket.
import {
  CloseCode,
  type CloseFrame,
  type ProtocolConnection,
  type ProtocolError,
} from "../../protocol/index.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Transport } from "../runtime/transport.js";
import { ClosingTimer } from "./closing-timer.js";
import { closingTimedOut } from "./failures.js";

/**
 * Maximum milliseconds from the exchange of both Close frames to the end of the peer's stream. RFC 6455 7.1.1: the
 * server closes the TCP connection first.
 */
const maxLingerTime = 1_000;

export interface ClosingOwner {
  /** True if all accepted messages are framed. Our Close frame may then follow them. */
  readonly isAllFramed: boolean;
  readonly isPaused: boolean;
  /** The first Close frame is sent or has arrived. */
  onCloseStarted(close: CloseFrame, initiatedBy: "us" | "peer"): void;
  /** The protocol has output to write. */
  onQueued(): void;
  /** Called if the closing handshake takes too long. */
  destroyStream(): void;
}

/** Performs the closing handshake of one connection, and records which side started the handshake. */
export class Closing {
  /** Limits the duration of the closing handshake. The connection pauses this timer while reading is paused. */
  readonly timer: ClosingTimer;
  readonly #protocol: ProtocolConnection;
  readonly #transport: Transport;
  readonly #timeout: number;
  readonly #owner: ClosingOwner;
  #initiatedBy: "us" | "peer" | undefined;
  /** The Close frame passed to {@link begin}. */
  #request: CloseFrame | undefined;
  #error: Error | undefined;
  #isEnding = false;
  /** True after we have ended our side of the stream. */
  #hasEnded = false;

  /** @param timeout - The option `closeTimeout`, in milliseconds. */
  constructor(
    protocol: ProtocolConnection,
    transport: Transport,
    runtime: Runtime,
    timeout: number,
    isReferenced: boolean,
    owner: ClosingOwner,
  ) {
    this.#protocol = protocol;
    this.#transport = transport;
    this.#timeout = timeout;
    this.#owner = owner;
    this.timer = new ClosingTimer(runtime, isReferenced, () => this.#onTimerExpired());
  }

  /** `undefined` if neither side has started the closing handshake. */
  get initiatedBy(): "us" | "peer" | undefined {
    return this.#initiatedBy;
  }

  /** True after {@link begin} was called. */
  get isRequested(): boolean {
    return this.#request !== undefined;
  }

  /** The error that broke the connection; `undefined` if there was none. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** True after the closing handshake or a failure. From then on, only queued output is written. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Starts the closing handshake. The Close frame is sent after all accepted messages. With the code 1005 it is empty. */
  begin(close: CloseFrame): void {
    this.#request = close;
    this.timer.start(this.#timeout);
    if (this.#owner.isPaused) this.timer.pause();
    this.#reportStart(close, "us");
    this.sendCloseIfReady();
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

  /** Records the reason for which the stream is destroyed. Only the first error is kept. */
  recordError(error: Error): void {
    this.#error ??= error;
  }

  /** Stops the timer. The owner destroys the stream without a closing handshake. */
  terminate(): void {
    this.#initiatedBy ??= "us";
    this.timer.stop();
  }

  /** Sends the requested Close frame if all accepted messages are framed. */
  sendCloseIfReady(): void {
    const isReady = this.#owner.isAllFramed && this.#protocol.state === "open";
    if (this.#request === undefined || !isReady) return;
    const { code, reason } = this.#request;
    this.#protocol.close(code === CloseCode.noStatus ? undefined : code, reason);
    this.#owner.onQueued();
  }

  /**
   * Ends our side of the stream after the output is written, because this client sends no further frames (RFC 6455
   * 7.1.1).
   */
  #endWhenWritten(): void {
    this.#isEnding = true;
    if (!this.timer.isRunning) this.timer.start(this.#timeout);
    this.#owner.onQueued();
    this.endIfWritten();
  }

  /** Ends our side of the stream if {@link isEnding} is true and all output is written. */
  endIfWritten(): void {
    if (!this.#isEnding || this.#hasEnded || this.#protocol.bufferedSize > 0) return;
    this.#hasEnded = true;
    this.#transport.end();
    this.timer.startLinger(maxLingerTime);
  }

  #onTimerExpired(): void {
    if (!this.#hasEnded) this.recordError(closingTimedOut(this.#timeout, this.#isEnding));
    this.#owner.destroyStream();
  }
}
