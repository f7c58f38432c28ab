import {
  type CloseFrame,
  ProtocolConnection,
  type ProtocolError,
  type ProtocolHandler,
  zeroBytes,
} from "../../protocol/index.js";
import type { Runtime } from "../runtime/runtime.js";
import type { WaitOptions } from "../runtime/wait.js";
import type { Transport } from "../runtime/transport.js";
import { Closing, type ClosingOwner } from "./closing.js";
import type { ConnectionEnd } from "./connection-end.js";
import { messageStalled } from "./failures.js";
import type { ConnectionSettings, LiveContext, LiveHandler } from "./live-handler.js";
import type { UnsentMessage } from "./message-tokens.js";
import { MessageWatch } from "./message-watch.js";
import { PauseClock } from "./pause-clock.js";
import { PingExchange, type PingExchangeHandler } from "./ping-exchange.js";
import { type MessageOptions, SendQueue, type SendQueueHandler } from "./send-queue.js";
import type { Sendable } from "./pending-message.js";
import { SocketWriter } from "./socket-writer.js";

/**
 * One open connection: brings transport and protocol together, and sees to its end. Thousands of them may be idle: what
 * one does not need yet is not made, and its parts are given itself rather than a handful of functions each.
 */
export class LiveConnection implements ProtocolHandler, SendQueueHandler, PingExchangeHandler, ClosingOwner {
  readonly #transport: Transport;
  readonly #runtime: Runtime;
  readonly #settings: ConnectionSettings;
  readonly #handler: LiveHandler;
  readonly #protocol: ProtocolConnection;
  readonly #writer: SocketWriter;
  /** From the first message on that is sent, or waited for. */
  #queue: SendQueue | undefined;
  readonly #pings: PingExchange;
  /** From the first message on that comes in pieces. */
  #watch: MessageWatch | undefined;
  /** From the first word of an end on. */
  #end: Closing | undefined;
  /** From the first pause on. */
  #pauses: PauseClock | undefined;
  #isReferenced = true;
  /** How many bytes had come when our Close was written; `undefined` where that does not show what came after it. */
  #receivedBeforeClose: number | undefined;
  /** The peer has answered our Close, and so has read all that stood before it. */
  #isCloseAnswered = false;

  readonly openedAt: number;
  #lastReceivedAt: number;
  #bytesReceived: number = zeroBytes;
  #isStreamClosed = false;
  #isEndReported = false;
  /** Messages that came before the end are not decoded yet. */
  #hasLeftover = false;

  constructor(context: LiveContext) {
    const { transport, runtime, settings, handler } = context;
    this.#transport = transport;
    this.#runtime = runtime;
    this.#settings = settings;
    this.#handler = handler;
    this.openedAt = runtime.now();
    this.#lastReceivedAt = this.openedAt;
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
    this.#writer = new SocketWriter(this.#protocol, transport, runtime, this);
    this.#pings = new PingExchange(this.#protocol, runtime, settings.maxBufferedAmount, this);
  }

  get bytesReceived(): number {
    return this.#bytesReceived + 0;
  }

  get bytesSent(): number {
    return this.#writer.bytesWritten;
  }

  /** The bytes of sent messages, before compression. */
  get payloadBytesSent(): number {
    return this.#protocol.payloadSize;
  }

  get bufferedAmount(): number {
    return this.#queue?.bufferedAmount ?? this.#protocol.bufferedSize;
  }

  /** What the marks of sending are compared with: `bufferedAmount`, and the memory that waiting messages take besides. */
  get sendLoad(): number {
    return this.#queue?.load ?? this.#protocol.bufferedSize;
  }

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

  get answeredPings(): number {
    return this.#pings.answeredCount;
  }

  get isPaused(): boolean {
    return this.#pauses !== undefined && this.#pauses.isPaused;
  }

  /** Messages accepted to be sent. */
  get messagesAccepted(): number {
    return this.#queue?.acceptedCount ?? 0;
  }

  /** `true` from the first Close, or the first sign of the end, on: nothing is sent any more. */
  get isClosing(): boolean {
    return this.#end?.initiatedBy !== undefined || this.#isStreamClosed;
  }

  receive(bytes: Buffer, start: number, end: number): void {
    const now = this.#runtime.now();
    this.#lastReceivedAt = now;
    this.#bytesReceived += end - start;
    this.#protocol.isLending = this.#handler.isLending;
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
    this.#watch.check(now);
  }

  /** The peer has ended its side of the stream. */
  streamEnded(): void {
    this.#protocol.receiveEnd();
  }

  /** @param token - What the message is known by where it comes back unsent, for an owner that keeps such messages. */
  send(data: Sendable, options: MessageOptions | undefined, token?: unknown): Promise<void> {
    return this.#sending().send(data, options, token);
  }

  /** `true` if {@link send} refuses the message, because it would exceed `maxBufferedAmount`. */
  isFullFor(data: Sendable): boolean {
    return this.#queue?.isFullFor(data) === true;
  }

  /** Sends a message that was accepted long ago. */
  sendAccepted(data: Sendable, options: MessageOptions | undefined, token: unknown): void {
    this.#sending().sendAccepted(data, options, token);
  }

  trySend(data: Sendable, options: MessageOptions | undefined, token?: unknown): boolean | undefined {
    return this.#sending().trySend(data, options, token);
  }

  flush(options: WaitOptions | undefined): Promise<void> {
    return this.#sending().flush(options);
  }

  #sending(): SendQueue {
    this.#queue ??= new SendQueue(this.#protocol, this.#runtime, this.#settings, this, this.#handler);
    return this.#queue;
  }

  /** Resolves with the milliseconds until the ping's own pong. */
  ping(payload: Uint8Array, options: WaitOptions | undefined): Promise<number> {
    return this.#pings.call(payload, options);
  }

  /** Sends a ping for which nobody waits, at once: to wait for the end of the tick takes as much memory as all else of it. */
  sendHeartbeatPing(payload: Uint8Array): void {
    this.#pings.sendHeartbeatPing(payload);
    this.#writer.flush();
  }

  /** Gives back the memory of compression that was not used since the last call. */
  releaseUnused(): void {
    this.#protocol.releaseUnused();
  }

  /** What waits was above the mark, and has not fallen to the low one. */
  get isDrainPending(): boolean {
    return this.#queue?.isDrainPending === true;
  }

  /** Takes back all messages of which not a byte has left; the rest of a message that is half out goes on. */
  takeBack(): UnsentMessage[] {
    const framed = this.#protocol.takeBack();
    const unsent = this.#queue?.takeUnsent(framed, this.#protocol.framedCount + framed.length) ?? [];
    this.#queue?.resolveWaits();
    this.#pings.limit(this.#protocol.framedCount);
    return unsent;
  }

  pong(payload: Uint8Array): void {
    this.#protocol.pong(payload);
    this.#writer.wake();
  }

  pause(): void {
    if (this.isPaused || this.#isStreamClosed) return;
    this.#pauses ??= new PauseClock();
    this.#pauses.begin(this.#runtime.now());
    this.#protocol.pause();
    this.#transport.pause();
    this.#watch?.stop();
    this.#end?.pause();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.#pauses?.end(this.#runtime.now());
    this.#end?.resume();
    this.#protocol.resume();
    this.#writer.wake();
    this.#continueReading();
  }

  /** What was kept may have paused it again. */
  #continueReading(): void {
    if (this.isPaused) return;
    this.#transport.resume();
    this.#watchMessage(this.#runtime.now());
  }

  /** The stream is gone, and messages that came before its end are not decoded yet. */
  get hasLeftover(): boolean {
    return this.#hasLeftover;
  }

  /** Tells the messages of the rest until {@link pauseLeftover} is called from inside of one, or none is left. */
  resumeLeftover(): void {
    if (this.#hasLeftover) this.#protocol.resume();
  }

  pauseLeftover(): void {
    if (this.#hasLeftover) this.#protocol.pause();
  }

  /** Discards what is not decoded. */
  dropLeftover(): void {
    if (!this.#hasLeftover) return;
    this.#hasLeftover = false;
    this.#protocol.abandon();
  }

  /** Starts the closing handshake. Its Close follows all messages that were accepted before. */
  close(close: CloseFrame): void {
    if (!this.isClosing) this.#closing().begin(close);
  }

  /** The client itself ends: from now on the clock of the closing handshake runs, whatever pauses the reading. */
  makeFinal(): void {
    if (!this.#isStreamClosed) this.#closing().makeFinal();
  }

  #closing(): Closing {
    this.#end ??= new Closing(
      {
        protocol: this.#protocol,
        transport: this.#transport,
        runtime: this.#runtime,
        closeTimeout: this.#settings.closeTimeout,
        isReferenced: this.#isReferenced,
      },
      this,
    );
    return this.#end;
  }

  /** Fails the connection with the close code of `error`. */
  fail(error: ProtocolError): void {
    this.#protocol.fail(error);
    this.#writer.wake();
  }

  /** Drops the connection, for the link is dead or stuck; what has come by now is still told. */
  giveUp(error: Error): void {
    this.#closing().recordError(error);
    this.#drop();
  }

  /** Drops the connection without a closing handshake. No message is delivered and no timer fires after this call. */
  terminate(): void {
    if (this.#isStreamClosed) return;
    this.#closing().terminate();
    this.#watch?.stop();
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
    this.#end?.ref();
  }

  unref(): void {
    this.#isReferenced = false;
    this.#transport.unref();
    this.#end?.unref();
  }

  // Called by its protocol.

  onMessage(data: string | Buffer, size: number): void {
    this.#handler.onMessage(data, size);
  }

  onBorrowed(bytes: Buffer, isBinary: boolean): boolean {
    return this.#handler.onBorrowed(bytes, isBinary);
  }

  onPing(payload: Buffer): void {
    this.#handler.onPing(payload);
  }

  onPong(payload: Buffer): void {
    this.#handler.onPong(payload, this.#pings.answer(payload, this.#lastReceivedAt));
  }

  onClose(code: number, reason: string): void {
    this.#watch?.stop();
    // RFC 6455 5.5.1: the answer to a Close echoes its code, and comes after all before that Close was read.
    const isLater =
      this.#receivedBeforeClose !== undefined && this.#bytesReceived > this.#receivedBeforeClose;
    this.#isCloseAnswered = isLater && code === this.#protocol.closeSent?.code;
    this.#closing().onClose({ code, reason });
  }

  onFailure(error: ProtocolError): void {
    if (this.#hasLeftover && this.#isEndReported) {
      this.#handler.onLeftoverFailed(error);
      return;
    }
    this.#watch?.stop();
    this.#closing().onFailure(error);
  }

  /** The end of the peer's stream: expected behind its Close, a loss before it. */
  onEnd(): void {
    if (this.#hasLeftover) this.dropLeftover();
    else if (this.#end?.isEnding === true) this.#end.endIfWritten();
    else this.#drop();
  }

  // Called by its queue, its pings and its end.

  onQueued(): void {
    this.#writer.wake();
  }

  onMemoryFull(): void {
    this.#writer.flush();
  }

  countWithoutReceipt(position: number): number {
    return position - (this.#queue?.receiptsUpTo(position) ?? 0);
  }

  onRefused(error: unknown): void {
    this.#handler.onRefused(error);
    // Our Close may have waited for the message that was withdrawn.
    this.#end?.sendCloseIfReady();
  }

  get isAllFramed(): boolean {
    return this.#queue === undefined || this.#queue.isEmpty;
  }

  onCloseStarted(close: CloseFrame, initiatedBy: "us" | "peer"): void {
    this.#handler.onClosing(close, initiatedBy);
  }

  onCloseTimeout(): void {
    this.#drop();
  }

  onProgress(wasRefused: boolean): void {
    if (wasRefused) this.#end?.onWriteProgress();
    this.#queue?.pump();
    this.#end?.sendCloseIfReady();
    if (this.#end?.isRequested === true) this.#noteCloseWritten();
    this.#end?.endIfWritten();
  }

  /** While reading is paused, the peer's Close may have come before ours was written, and waits to be read. */
  #noteCloseWritten(): void {
    const { closeSent, closeReceived, bufferedSize } = this.#protocol;
    if (this.#receivedBeforeClose !== undefined || closeSent === undefined || bufferedSize > 0) return;
    if (closeReceived === undefined)
      this.#receivedBeforeClose = this.isPaused ? Infinity : this.#bytesReceived;
  }

  /** The stream is gone. */
  streamClosed(error: Error | undefined): void {
    this.#writer.stop();
    const mayKeep = this.#handler.onLastMessages();
    this.#hasLeftover = mayKeep && this.isPaused && this.#protocol.isKeeping;
    this.#pauses?.end(this.#runtime.now());
    // From now on nothing pauses it but `pauseLeftover()`.
    this.#isStreamClosed = true;
    if (this.#hasLeftover) {
      this.#protocol.isLending = false;
      this.#protocol.endPaused();
    } else this.#protocol.resume();
    this.#end?.stop();
    this.#watch?.stop();
    const end = this.#takeEnd(error);
    this.#isEndReported = true;
    this.#handler.onEnd(end);
  }

  #takeEnd(error: Error | undefined): ConnectionEnd {
    const { closeReceived, framedCount } = this.#protocol;
    const uncertainCount = this.#countUncertain();
    // Nothing stands behind our Close: while bytes wait it is not with the kernel, or not all of it.
    const closeSent = this.#protocol.bufferedSize === 0 ? this.#protocol.closeSent : undefined;
    const isClosed = closeReceived !== undefined && closeSent !== undefined;
    const end: ConnectionEnd = {
      initiatedBy: this.#end?.initiatedBy ?? "network",
      phase: this.#end?.isRequested === true || closeReceived !== undefined ? "closing" : "open",
      closeSent,
      closeReceived,
      // A reset behind both Closes takes nothing away.
      error: this.#end?.error ?? (isClosed ? undefined : error),
      openedAt: this.openedAt,
      endedAt: this.#runtime.now(),
      lastReceivedAt: this.#lastReceivedAt,
      lastSentAt: this.#writer.lastWrittenAt ?? this.openedAt,
      pausedMs: this.#pauses?.total ?? 0,
      isDrainPending: this.isDrainPending,
      unsent: this.#queue?.takeUnsent(this.#protocol.takeUnsent(), framedCount) ?? [],
      uncertainCount,
      unansweredPings: this.#pings.unanswered,
      answeredPings: this.#pings.answeredCount,
    };
    if (!this.#hasLeftover) this.#protocol.abandon();
    // The stream is closed, so that nothing reads the memory of the last write any more.
    this.#protocol.written();
    return end;
  }

  /** Acknowledgements decide where there are any; for all other messages our answered Close does, or the last pong. */
  #countUncertain(): number {
    const others = this.countWithoutReceipt(this.#protocol.handedCount) - this.#pings.confirmedCount;
    // A peer may guess the payload of a ping that has not left.
    return (this.#isCloseAnswered ? 0 : Math.max(others, 0)) + (this.#queue?.unacknowledgedCount ?? 0);
  }

  /** Rejects everything that still waits on this connection, but for sends whose message their owner keeps. */
  settle(error: unknown): void {
    this.#queue?.end(error);
    this.#pings.end(error);
  }
}
