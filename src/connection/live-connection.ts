import {
  type CloseFrame,
  ProtocolConnection,
  type ProtocolError,
  type ProtocolHandler,
} from "../../protocol/index.js";
import type { Runtime } from "../runtime/runtime.js";
import type { WaitOptions } from "../runtime/wait.js";
import type { Transport } from "../transport/transport.js";
import { ClosingClock } from "./closing-clock.js";
import type { ConnectionEnd } from "./connection-end.js";
import { closingTimedOut, messageStalled } from "./failures.js";
import type { ConnectionSettings, LiveContext, LiveHandler } from "./live-handler.js";
import type { UnsentMessage } from "./message-tokens.js";
import { MessageWatch } from "./message-watch.js";
import { PauseClock } from "./pause-clock.js";
import { PingExchange, type PingExchangeHandler } from "./ping-exchange.js";
import { type MessageOptions, SendQueue, type SendQueueHandler } from "./send-queue.js";
import type { Sendable } from "./pending-message.js";
import { SocketWriter } from "./socket-writer.js";

/** After both Closes the peer has so long to end its side (RFC 6455 7.1.1 lets the server go first). */
const maxLingerTime = 1_000;

/**
 * One open connection: brings transport and protocol together, and sees to its end. Thousands of them may be idle: what
 * one does not need yet is not made, and its parts are given itself rather than a handful of functions each.
 */
export class LiveConnection implements ProtocolHandler, SendQueueHandler, PingExchangeHandler {
  readonly #transport: Transport;
  readonly #runtime: Runtime;
  readonly #settings: ConnectionSettings;
  readonly #handler: LiveHandler;
  readonly #protocol: ProtocolConnection;
  readonly #writer: SocketWriter;
  readonly #queue: SendQueue;
  readonly #pings: PingExchange;
  /** From the first message on that comes in pieces. */
  #watch: MessageWatch | undefined;
  /** From the closing handshake on. */
  #clock: ClosingClock | undefined;
  /** From the first pause on. */
  #pauses: PauseClock | undefined;
  #isReferenced = true;

  readonly #openedAt: number;
  #lastReceivedAt: number;
  #bytesReceived = 0;
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
      handler: this,
      resources: context.resources,
      extension: context.extension,
      maxMessageSize: settings.maxMessageSize,
      maxFrameSize: settings.maxFrameSize,
      compressionThreshold: settings.compressionThreshold,
      autoPong: settings.autoPong,
      observer: context.observer,
    });
    this.#writer = new SocketWriter(this.#protocol, transport, runtime, (wasRefused) =>
      this.#onProgress(wasRefused),
    );
    this.#queue = new SendQueue(this.#protocol, runtime, settings, this);
    this.#pings = new PingExchange(this.#protocol, runtime, settings.maxBufferedAmount, this);
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  get bytesSent(): number {
    return this.#writer.bytesWritten;
  }

  /** The bytes of sent messages, before compression. */
  get payloadBytesSent(): number {
    return this.#protocol.payloadSize;
  }

  get bufferedAmount(): number {
    return this.#queue.bufferedAmount;
  }

  get openedAt(): number {
    return this.#openedAt;
  }

  /** When the last bytes came. */
  get lastReceivedAt(): number {
    return this.#lastReceivedAt;
  }

  /** When the peer last gave a sign of life: bytes that came, or bytes taken of a write that the kernel had refused. */
  get lastLifeAt(): number {
    return Math.max(this.#lastReceivedAt, this.#writer.lastProgressAt ?? -Infinity);
  }

  /** Since when a write waits for the kernel without progress. */
  get stuckSince(): number | undefined {
    return this.#writer.stuckSince;
  }

  /** How many pings the peer has answered. */
  get answeredPings(): number {
    return this.#pings.answeredCount;
  }

  get isPaused(): boolean {
    return this.#pauses !== undefined && this.#pauses.isPaused;
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
    if (this.#watch !== undefined || this.#protocol.isInsideMessage) this.#watchMessage(now);
    this.#writer.wake();
  }

  #watchMessage(now: number): void {
    if (this.isPaused) return;
    const { messageTimeout } = this.#settings;
    this.#watch ??= new MessageWatch(this.#protocol, this.#runtime, messageTimeout, () =>
      this.fail(messageStalled(messageTimeout)),
    );
    this.#watch.look(now);
  }

  /** The peer has ended its side of the stream. */
  streamEnded(): void {
    this.#protocol.receiveEnd();
  }

  /** @param token - What the message is known by where it comes back unsent, for an owner that keeps such messages. */
  send(data: Sendable, options: MessageOptions | undefined, token?: unknown): Promise<void> {
    return this.#queue.send(data, options, token);
  }

  /** Sends a message that was accepted long ago. */
  give(data: Sendable, options: MessageOptions | undefined, token: unknown): void {
    this.#queue.give(data, options, token);
  }

  trySend(data: Sendable, options: MessageOptions | undefined, token?: unknown): boolean | undefined {
    return this.#queue.trySend(data, options, token);
  }

  flush(options: WaitOptions | undefined): Promise<void> {
    return this.#queue.flush(options);
  }

  /** Resolves with the milliseconds until the ping's own pong. */
  ping(payload: Uint8Array, options: WaitOptions | undefined): Promise<number> {
    return this.#pings.call(payload, options);
  }

  /** Sends a ping for which nobody waits. */
  beat(payload: Uint8Array): void {
    this.#pings.beat(payload);
  }

  /** What waits was above the mark, and has not fallen to the low one. */
  get owesDrain(): boolean {
    return this.#queue.owesDrain;
  }

  /** Takes back all messages of which not a byte has left; the rest of a message that is half out goes on. */
  takeBack(): UnsentMessage[] {
    const framed = this.#protocol.takeBack();
    const unsent = this.#queue.takeUnsent(framed, this.#protocol.framedCount + framed.length);
    this.#queue.letGo();
    this.#pings.limit(this.#protocol.framedCount);
    return unsent;
  }

  pong(payload: Uint8Array): void {
    this.#protocol.pong(payload);
    this.#writer.wake();
  }

  pause(): void {
    if (this.isPaused || this.#isGone) return;
    this.#pauses ??= new PauseClock();
    this.#pauses.begin(this.#runtime.now());
    this.#protocol.pause();
    this.#transport.pause();
    this.#watch?.stop();
    this.#clock?.hold();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.#pauses?.end(this.#runtime.now());
    this.#clock?.release();
    this.#protocol.resume();
    this.#writer.wake();
    this.#goOnReading();
  }

  /** What was kept may have paused it again. */
  #goOnReading(): void {
    if (this.isPaused) return;
    this.#transport.resume();
    this.#watchMessage(this.#runtime.now());
  }

  /** Starts the closing handshake, behind all that was accepted. */
  close(close: CloseFrame): void {
    if (this.isClosing) return;
    this.#initiatedBy = "us";
    this.#closeRequest = close;
    this.#startClock();
    if (this.isPaused) this.#clock?.hold();
    this.#handler.onClosing(close, "us");
    this.#sendCloseWhenDue();
  }

  #startClock(): void {
    this.#closingClock.start(this.#settings.closeTimeout);
  }

  get #closingClock(): ClosingClock {
    if (this.#clock === undefined) {
      this.#clock = new ClosingClock(this.#runtime, () => this.#onClockExpired());
      if (!this.#isReferenced) this.#clock.unref();
    }
    return this.#clock;
  }

  /** Fails the connection with the close code of `error`. */
  fail(error: ProtocolError): void {
    this.#protocol.fail(error);
    this.#writer.wake();
  }

  /** Drops the connection, for the link is dead or stuck; what has come by now is still told. */
  giveUp(error: Error): void {
    this.#error ??= error;
    this.#drop();
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
    this.#isReferenced = true;
    this.#transport.ref();
    this.#clock?.ref();
  }

  unref(): void {
    this.#isReferenced = false;
    this.#transport.unref();
    this.#clock?.unref();
  }

  // Called by its protocol.

  onMessage(data: string | Buffer, size: number): void {
    this.#handler.onMessage(data, size);
  }

  onPing(payload: Buffer): void {
    this.#handler.onPing(payload);
  }

  onPong(payload: Buffer): void {
    this.#handler.onPong(payload, this.#pings.answer(payload, this.#lastReceivedAt));
  }

  onClose(code: number, reason: string): void {
    if (this.#initiatedBy === undefined) {
      this.#initiatedBy = "peer";
      this.#handler.onClosing({ code, reason }, "peer");
    }
    this.#endWhenWritten();
  }

  onFailure(error: ProtocolError): void {
    this.#error ??= error;
    if (this.#initiatedBy === undefined) {
      this.#initiatedBy = "us";
      this.#handler.onClosing({ code: error.closeCode, reason: "" }, "us");
    }
    this.#endWhenWritten();
  }

  /** The end of the peer's stream: expected behind its Close, a loss before it. */
  onEnd(): void {
    if (this.#isEnding) this.#endIfWritten();
    else this.#drop();
  }

  // Called by its queue and its pings.

  onFramed(): void {
    this.#writer.wake();
  }

  onQueued(): void {
    this.#writer.wake();
  }

  onDrain(): void {
    this.#handler.onDrain();
  }

  onWithdrawn(token: unknown): void {
    this.#handler.onWithdrawn(token);
  }

  onSampled(duration: number): void {
    this.#handler.onSampled(duration);
  }

  onRefused(error: unknown): void {
    this.#handler.onRefused(error);
    // Our Close may have waited for the message that was withdrawn.
    this.#sendCloseWhenDue();
  }

  #onProgress(wasRefused: boolean): void {
    if (wasRefused) this.#clock?.progress();
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
    if (this.#clock?.isRunning !== true) this.#startClock();
    this.#watch?.stop();
    this.#writer.wake();
    this.#endIfWritten();
  }

  #endIfWritten(): void {
    if (!this.#isEnding || this.#hasEnded || this.#protocol.bufferedSize > 0) return;
    this.#hasEnded = true;
    this.#transport.end();
    this.#closingClock.startLast(maxLingerTime);
  }

  #onClockExpired(): void {
    if (!this.#hasEnded) this.#error ??= closingTimedOut(this.#settings.closeTimeout, this.#isEnding);
    this.#drop();
  }

  /** The stream is gone. */
  streamClosed(error: Error | undefined): void {
    this.#writer.stop();
    this.#handler.onLastMessages();
    this.#pauses?.end(this.#runtime.now());
    // From now on nothing pauses it: what was kept is told to its end.
    this.#isGone = true;
    this.#protocol.resume();
    this.#clock?.stop();
    this.#watch?.stop();
    this.#handler.onEnd(this.#takeEnd(error));
  }

  #takeEnd(error: Error | undefined): ConnectionEnd {
    const { closeReceived, handedCount, framedCount } = this.#protocol;
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
      pausedMs: this.#pauses?.total ?? 0,
      owesDrain: this.#queue.owesDrain,
      unsent: this.#queue.takeUnsent(this.#protocol.takeUnsent(), framedCount),
      uncertainCount: handedCount - this.#pings.confirmedCount,
      unansweredPings: this.#pings.unanswered,
      answeredPings: this.#pings.answeredCount,
    };
    this.#protocol.abandon();
    return end;
  }

  /** Rejects everything that still waits on this connection, but for sends whose message their owner keeps. */
  settle(error: unknown): void {
    this.#queue.end(error);
    this.#pings.end(error);
  }
}
