import type { CloseFrame, ProtocolConnection, ProtocolError } from "../../protocol/index.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Transport } from "../runtime/transport.js";
import { ClosingTimer } from "./closing-timer.js";
import { closingTimedOut } from "./failures.js";

/** After both Closes the peer has so long to end its side (RFC 6455 7.1.1 lets the server go first). */
const maxLingerTime = 1_000;

export interface ClosingOwner {
  /** Nothing that was accepted waits to be framed: our Close may follow. */
  readonly isAllFramed: boolean;
  readonly isPaused: boolean;
  /** The first Close goes or has come. */
  onCloseStarted(close: CloseFrame, initiatedBy: "us" | "peer"): void;
  /** The protocol has output. */
  onQueued(): void;
  /** Time is up: the stream is to be dropped. */
  onCloseTimeout(): void;
}

export interface ClosingContext {
  readonly protocol: ProtocolConnection;
  readonly transport: Transport;
  readonly runtime: Runtime;
  readonly closeTimeout: number;
  readonly isReferenced: boolean;
}

/** The end of one connection, from the first word of it on: the closing handshake, its time, and who began. */
export class Closing {
  readonly #protocol: ProtocolConnection;
  readonly #transport: Transport;
  readonly #timeout: number;
  readonly #owner: ClosingOwner;
  readonly #timer: ClosingTimer;
  #initiatedBy: "us" | "peer" | undefined;
  /** What `close()` was called with. */
  #request: CloseFrame | undefined;
  #error: Error | undefined;
  /** Nothing more is to be said on either side. */
  #isEnding = false;
  /** Our side of the stream has ended. */
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

  /** `undefined` while it was neither end, but something on the way. */
  get initiatedBy(): "us" | "peer" | undefined {
    return this.#initiatedBy;
  }

  /** The end was asked for by `close()`. */
  get isRequested(): boolean {
    return this.#request !== undefined;
  }

  /** What broke the connection, if something did. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Nothing more is to be said on either side. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Starts the closing handshake, behind all that was accepted. */
  begin(close: CloseFrame): void {
    this.#initiatedBy = "us";
    this.#request = close;
    this.#timer.start(this.#timeout);
    if (this.#owner.isPaused) this.#timer.pause();
    this.#owner.onCloseStarted(close, "us");
    this.sendCloseIfReady();
  }

  /** The client itself ends: no pause holds the clock any more. */
  makeFinal(): void {
    this.#timer.makeFinal();
  }

  /** The peer's Close has come. */
  onClose(close: CloseFrame): void {
    this.#reportStart(close, "peer");
    this.#endWhenWritten();
  }

  /** The connection has failed (RFC 6455 7.1.7): its Close is under way. */
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

  /** The stream is dropped for `error`, unless another has come first. */
  recordError(error: Error): void {
    this.#error ??= error;
  }

  /** We drop the stream, without a closing handshake. */
  terminate(): void {
    this.#initiatedBy ??= "us";
    this.#timer.stop();
  }

  /** A write has gone on that the kernel had refused. */
  onWriteProgress(): void {
    this.#timer.progress();
  }

  sendCloseIfReady(): void {
    const isDue = this.#owner.isAllFramed && this.#protocol.state === "open";
    if (this.#request === undefined || !isDue) return;
    this.#protocol.close(this.#request.code, this.#request.reason);
    this.#owner.onQueued();
  }

  /** RFC 6455 7.1.1: nothing more is to be said on either side; our side of the stream ends behind our Close. */
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

  /** Our own back-pressure keeps us from reading the peer's Close: its time stands still. */
  pause(): void {
    this.#timer.pause();
  }

  resume(): void {
    this.#timer.resume();
  }

  /** The stream is gone. */
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
