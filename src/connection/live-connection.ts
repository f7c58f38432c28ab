import {
  type AgreedExtension,
  type CloseFrame,
  ProtocolConnection,
  type ProtocolError,
  type Resources,
} from "../../protocol/index.js";
import type { Runtime } from "../runtime/runtime.js";
import { rejected, Wait, type WaitOptions } from "../runtime/wait.js";
import type { Transport } from "../transport/transport.js";
import { ClosingClock } from "./closing-clock.js";
import type { ConnectionEnd } from "./connection-end.js";
import { closingTimedOut, forgottenPing, messageStalled } from "./failures.js";
import { MessageWatch } from "./message-watch.js";
import { Pings } from "./pings.js";
import { type MessageOptions, type Sendable, type SendMarks, SendQueue } from "./send-queue.js";
import { SocketWriter } from "./socket-writer.js";

/** After both Closes the peer has so long to end its side (RFC 6455 7.1.1 lets the server go first). */
const maxLingerTime = 1_000;

export interface ConnectionSettings extends SendMarks {
  readonly closeTimeout: number;
  readonly messageTimeout: number;
  readonly maxMessageSize: number;
  readonly maxFrameSize: number;
  readonly compressionThreshold: number;
  readonly autoPong: boolean;
}

/** What an open connection tells. */
export interface LiveHandler {
  onMessage(data: string | Buffer, size: number): void;
  onPing(payload: Buffer): void;
  onPong(payload: Buffer, latencyMs: number | undefined): void;
  /** The first Close frame goes or has come. */
  onClosing(close: CloseFrame, initiatedBy: "us" | "peer"): void;
  onDrain(): void;
  onRefused(error: unknown): void;
  /** What a pause has kept is about to be told, for the end has come: nothing may pause any more. */
  onLastMessages(): void;
  /** The socket is gone. Once, and the last call; {@link LiveConnection.settle} is to be called in answer. */
  onEnd(end: ConnectionEnd): void;
}

export interface LiveContext {
  readonly transport: Transport;
  readonly runtime: Runtime;
  readonly resources: Resources;
  readonly extension: AgreedExtension | undefined;
  readonly settings: ConnectionSettings;
  readonly handler: LiveHandler;
}

/** One open connection: brings transport and protocol together, and sees to its end. */
export class LiveConnection {
  readonly #transport: Transport;
  readonly #runtime: Runtime;
  readonly #settings: ConnectionSettings;
  readonly #handler: LiveHandler;
  readonly #protocol: ProtocolConnection;
  readonly #writer: SocketWriter;
  readonly #queue: SendQueue;
  readonly #watch: MessageWatch;
  readonly #clock: ClosingClock;
  readonly #pings: Pings = new Pings();
  readonly #pingWaits = new Set<Wait<number>>();

  readonly #openedAt: number;
  #lastReceivedAt: number;
  #bytesReceived = 0;
  #pausedAt: number | undefined;
  #pausedMs = 0;
  #initiatedBy: "us" | "peer" | undefined;
  #closeRequest: CloseFrame | undefined;
  #error: Error | undefined;
  /** Nothing more is to be said on either side. */
  #isEnding = false;
  /** Our side of the stream has ended. */
  #hasEnded = false;
  #isGone = false;

  constructor(context: LiveContext) {
    const { transport, runtime, settings, handler } = context;
    this.#transport = transport;
    this.#runtime = runtime;
    this.#settings = settings;
    this.#handler = handler;
    this.#openedAt = runtime.now();
    this.#lastReceivedAt = this.#openedAt;
    this.#protocol = new ProtocolConnection({
      role: "client",
      resources: context.resources,
      extension: context.extension,
      ...settings,
      handler: {
        onMessage: (data, size) => handler.onMessage(data, size),
        onPing: (payload) => handler.onPing(payload),
        onPong: (payload) => this.#receivePong(payload),
        onClose: (code, reason) => this.#receiveClose({ code, reason }),
        onFailure: (error) => this.#receiveFailure(error),
        onEnd: () => this.#receiveEnd(),
      },
    });
    this.#writer = new SocketWriter(this.#protocol, transport, runtime, (wasRefused) =>
      this.#onProgress(wasRefused),
    );
    this.#queue = new SendQueue(this.#protocol, runtime, settings, {
      onFramed: () => this.#writer.wake(),
      onDrain: () => handler.onDrain(),
      onRefused: (error) => {
        handler.onRefused(error);
        // Our Close may have waited for the message that was withdrawn.
        this.#sendCloseWhenDue();
      },
    });
    this.#watch = new MessageWatch(this.#protocol, runtime, settings.messageTimeout, () =>
      this.fail(messageStalled(settings.messageTimeout)),
    );
    this.#clock = new ClosingClock(runtime, () => this.#onClockExpired());
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  get bytesSent(): number {
    return this.#writer.bytesWritten;
  }

  get bufferedAmount(): number {
    return this.#queue.bufferedAmount;
  }

  /** Messages accepted to be sent. */
  get messagesAccepted(): number {
    return this.#queue.acceptedCount;
  }

  /** `true` from the first Close, or the first sign of the end, on: nothing is sent any more. */
  get isClosing(): boolean {
    return this.#initiatedBy !== undefined || this.#isGone;
  }

  /** Bytes have come. */
  receive(bytes: Buffer, start: number, end: number): void {
    const now = this.#runtime.now();
    this.#lastReceivedAt = now;
    this.#bytesReceived += end - start;
    this.#protocol.receive(bytes, start, end);
    if (!this.#isPaused) this.#watch.look(now);
    this.#writer.wake();
  }

  /** The peer has ended its side of the stream. */
  streamEnded(): void {
    this.#protocol.receiveEnd();
  }

  send(data: Sendable, options: MessageOptions | undefined): Promise<void> {
    return this.#queue.send(data, options);
  }

  trySend(data: Sendable, options: MessageOptions | undefined): boolean | undefined {
    return this.#queue.trySend(data, options);
  }

  flush(options: WaitOptions | undefined): Promise<void> {
    return this.#queue.flush(options);
  }

  /** Resolves with the milliseconds until the ping's own pong. */
  ping(payload: Uint8Array, options: WaitOptions | undefined): Promise<number> {
    if (options?.signal?.aborted === true) {
      this.#handler.onRefused(options.signal.reason);
      return rejected(options.signal.reason);
    }
    const position = this.#protocol.ping(payload);
    const wait: Wait<number> = new Wait(this.#runtime, "ping", options, (reason) => {
      this.#pingWaits.delete(wait);
      this.#handler.onRefused(reason);
    });
    this.#pingWaits.add(wait);
    this.#pings.add(payload, this.#runtime.now(), position, (latency) => {
      this.#pingWaits.delete(wait);
      if (latency === undefined) wait.reject(forgottenPing());
      else wait.resolve(latency);
    });
    this.#writer.wake();
    return wait.promise;
  }

  pong(payload: Uint8Array): void {
    this.#protocol.pong(payload);
    this.#writer.wake();
  }

  pause(): void {
    if (this.#isPaused || this.#isGone) return;
    this.#pausedAt = this.#runtime.now();
    this.#protocol.pause();
    this.#transport.pause();
    this.#watch.stop();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#endPause();
    this.#protocol.resume();
    this.#writer.wake();
    this.#goOnReading();
  }

  /** What was kept may have paused it again. */
  #goOnReading(): void {
    if (this.#isPaused) return;
    this.#transport.resume();
    this.#watch.look(this.#runtime.now());
  }

  get #isPaused(): boolean {
    return this.#pausedAt !== undefined;
  }

  #endPause(): void {
    if (this.#pausedAt !== undefined) this.#pausedMs += this.#runtime.now() - this.#pausedAt;
    this.#pausedAt = undefined;
  }

  /** Starts the closing handshake, behind all that was accepted. */
  close(close: CloseFrame): void {
    if (this.isClosing) return;
    this.#initiatedBy = "us";
    this.#closeRequest = close;
    this.#clock.start(this.#settings.closeTimeout);
    this.#handler.onClosing(close, "us");
    this.#sendCloseWhenDue();
  }

  /** Fails the connection with the close code of `error`. */
  fail(error: ProtocolError): void {
    this.#protocol.fail(error);
    this.#writer.wake();
  }

  /** Drops the connection without a closing handshake; what is not told by now never will be. */
  terminate(): void {
    this.#initiatedBy ??= "us";
    this.#protocol.abandon();
    this.#drop();
  }

  /** What is not with the kernel by now is unsent. */
  #drop(): void {
    this.#writer.stop();
    this.#transport.destroy();
  }

  ref(): void {
    this.#transport.ref();
    this.#clock.ref();
  }

  unref(): void {
    this.#transport.unref();
    this.#clock.unref();
  }

  #receivePong(payload: Buffer): void {
    this.#handler.onPong(payload, this.#pings.answer(payload, this.#lastReceivedAt));
  }

  #receiveClose(close: CloseFrame): void {
    if (this.#initiatedBy === undefined) {
      this.#initiatedBy = "peer";
      this.#handler.onClosing(close, "peer");
    }
    this.#endWhenWritten();
  }

  #receiveFailure(error: ProtocolError): void {
    this.#error ??= error;
    if (this.#initiatedBy === undefined) {
      this.#initiatedBy = "us";
      this.#handler.onClosing({ code: error.closeCode, reason: "" }, "us");
    }
    this.#endWhenWritten();
  }

  /** The end of the peer's stream: expected behind its Close, a loss before it. */
  #receiveEnd(): void {
    if (this.#isEnding) this.#endIfWritten();
    else this.#drop();
  }

  #onProgress(wasRefused: boolean): void {
    if (wasRefused) this.#clock.progress();
    this.#queue.pump();
    this.#sendCloseWhenDue();
    this.#endIfWritten();
  }

  #sendCloseWhenDue(): void {
    if (this.#closeRequest === undefined || !this.#queue.isEmpty || this.#protocol.state !== "open") return;
    const { code, reason } = this.#closeRequest;
    this.#protocol.close(code, reason);
    this.#writer.wake();
  }

  /** RFC 6455 7.1.1: nothing more is to be said on either side; our side of the stream ends behind our Close. */
  #endWhenWritten(): void {
    this.#isEnding = true;
    if (!this.#clock.isRunning) this.#clock.start(this.#settings.closeTimeout);
    this.#watch.stop();
    this.#writer.wake();
    this.#endIfWritten();
  }

  #endIfWritten(): void {
    if (!this.#isEnding || this.#hasEnded || this.#protocol.bufferedSize > 0) return;
    this.#hasEnded = true;
    this.#transport.end();
    this.#clock.startLast(maxLingerTime);
  }

  #onClockExpired(): void {
    if (!this.#hasEnded) this.#error ??= closingTimedOut(this.#settings.closeTimeout, this.#isEnding);
    this.#drop();
  }

  /** The stream is gone. */
  streamClosed(error: Error | undefined): void {
    this.#writer.stop();
    this.#handler.onLastMessages();
    this.#endPause();
    this.#protocol.resume();
    this.#isGone = true;
    this.#clock.stop();
    this.#watch.stop();
    this.#handler.onEnd(this.#takeEnd(error));
  }

  #takeEnd(error: Error | undefined): ConnectionEnd {
    const { closeReceived, handedCount } = this.#protocol;
    // Nothing stands behind our Close: while bytes wait it is not with the kernel, or not all of it.
    const closeSent = this.#protocol.bufferedSize === 0 ? this.#protocol.closeSent : undefined;
    const isClosed = closeReceived !== undefined && closeSent !== undefined;
    const end: ConnectionEnd = {
      initiatedBy: this.#initiatedBy ?? "network",
      phase: this.#closeRequest === undefined && closeReceived === undefined ? "open" : "closing",
      closeSent,
      closeReceived,
      // A reset behind both Closes takes nothing away.
      error: this.#error ?? (isClosed ? undefined : error),
      openedAt: this.#openedAt,
      endedAt: this.#runtime.now(),
      lastReceivedAt: this.#lastReceivedAt,
      lastSentAt: this.#writer.lastWrittenAt ?? this.#openedAt,
      pausedMs: this.#pausedMs,
      unsent: [...this.#protocol.takeUnsent(), ...this.#queue.unframed],
      uncertainCount: handedCount - this.#pings.confirmedCount,
      unansweredPings: this.#pings.unanswered,
    };
    this.#protocol.abandon();
    return end;
  }

  /** Rejects everything that still waits on this connection. */
  settle(error: unknown): void {
    this.#queue.end(error);
    for (const wait of this.#pingWaits) wait.reject(error);
    this.#pingWaits.clear();
  }
}
