// One open connection, from the 101 response to the closed stream: connects the transport with the protocol. It does
// not open connections and does not reconnect.
import {
  type CloseFrame,
  ProtocolConnection,
  type ProtocolError,
  type ProtocolHandler,
} from "../../protocol/index.js";
import { Stopwatch } from "../runtime/stopwatch.js";
import type { Runtime } from "../runtime/runtime.js";
import type { WaitOptions } from "../runtime/wait.js";
import type { TlsDetails } from "../events/tls-details.js";
import type { Transport } from "../runtime/transport.js";
import { Closing, type ClosingOwner } from "./closing.js";
import { ControlRate } from "./control-rate.js";
import type { ConnectionEnd } from "./connection-end.js";
import type { ConnectionInput } from "./connection-input.js";
import type { ConnectionSettings, LiveContext, LiveHandler } from "./live-handler.js";
import type { UnsentMessage } from "./message-tokens.js";
import { tooManyControlFrames } from "./failures.js";
import { PingExchange, type PingExchangeHandler } from "./ping-exchange.js";
import { SendQueue } from "./send-queue.js";
import { SocketWriter } from "./socket-writer.js";

/**
 * One open connection. A process may have thousands of idle connections, so this class saves memory. Several parts of
 * the connection are created only on first use. The parts call methods of this class, so that no closures are created.
 */
export class LiveConnection
  implements Omit<ProtocolHandler, "onMessage" | "onBorrowed">, PingExchangeHandler, ClosingOwner
{
  readonly #transport: Transport;
  readonly #input: ConnectionInput;
  readonly #runtime: Runtime;
  readonly #settings: ConnectionSettings;
  readonly #handler: LiveHandler;
  readonly #protocol: ProtocolConnection;
  readonly #writer: SocketWriter;
  /** Created by the first call of `send()` or `flush()`. */
  #queue: SendQueue | undefined;
  readonly #pings: PingExchange;
  /** Created by the first ping or pong that arrives. */
  #controlRate: ControlRate | undefined;
  /** Created when the connection starts to close. */
  #closing: Closing | undefined;
  /** Created by the first call of {@link pause}. */
  #pauses: Stopwatch | undefined;
  #isReferenced = true;
  /**
   * The value of `bytesReceived` when our Close frame was written; `undefined` before that. If reading was paused at
   * that time, the value is `Infinity`, because the peer may have sent the next bytes before our Close frame was
   * written.
   */
  #receivedBeforeClose: number | undefined;
  /** True if the peer has answered our Close frame. The peer has then read all messages before this frame. */
  #isCloseAnswered = false;

  readonly openedAt: number;
  #isStreamClosed = false;
  #isEndReported = false;
  #hasLeftover = false;

  constructor(context: LiveContext) {
    const { transport, input, runtime, settings, handler } = context;
    this.#transport = transport;
    this.#input = input;
    this.#runtime = runtime;
    this.#settings = settings;
    this.#handler = handler;
    this.openedAt = runtime.now();
    const options = {
      role: "client" as const,
      handler: this,
      resources: context.resources,
      extension: context.extension,
      maxMessageSize: settings.maxMessageSize,
      maxFrameSize: settings.maxFrameSize,
      maxFragments: settings.maxFragments,
      compressionThreshold: settings.compressionThreshold,
      autoPong: settings.autoPong,
      observer: context.observer,
    };
    // The protocol passes messages to `handler`, and all other events to this class.
    this.#protocol = new ProtocolConnection(options, handler);
    this.#writer = new SocketWriter(this.#protocol, transport, runtime, this);
    this.#pings = new PingExchange(this.#protocol, runtime, settings.maxBufferedAmount, this);
    const { messageTimeout } = settings;
    input.open({
      ...{ protocol: this.#protocol, runtime, messageTimeout, handler },
      ...{ writer: this.#writer, connection: this },
    });
  }

  get tls(): TlsDetails | undefined {
    return this.#transport.tls;
  }

  get bytesReceived(): number {
    return this.#input.bytesReceived;
  }

  get bytesSent(): number {
    return this.#writer.bytesWritten;
  }

  /** Number of payload bytes of all sent messages, before compression. */
  get payloadBytesSent(): number {
    return this.#protocol.payloadSize;
  }

  get bufferedAmount(): number {
    return this.#queue?.bufferedAmount ?? this.#protocol.bufferedSize;
  }

  /**
   * Number of bytes that is compared with the water marks: `bufferedAmount` plus additional memory of waiting messages.
   */
  get sendLoad(): number {
    return this.#queue?.load ?? this.#protocol.bufferedSize;
  }

  get lastReceivedAt(): number {
    return this.#input.lastReceivedAt;
  }

  /** The time of the last sign of life of the peer: bytes arrived, or a blocked write made progress. */
  get lastActivityAt(): number {
    return Math.max(this.lastReceivedAt, this.#writer.lastProgressAt ?? -Infinity);
  }

  /**
   * The time at which the pending write began; `undefined` if no write is pending. A write is pending until the kernel
   * has accepted all bytes of the write.
   */
  get blockedSince(): number | undefined {
    return this.#writer.blockedSince;
  }

  get isPaused(): boolean {
    return this.#pauses?.isRunning === true;
  }

  /** Number of messages accepted for sending. */
  get messagesAccepted(): number {
    return this.#queue?.acceptedCount ?? 0;
  }

  /** True if the closing handshake has started or the stream is closed. The connection then accepts no messages. */
  get isClosing(): boolean {
    return this.#closing?.initiatedBy !== undefined || this.#isStreamClosed;
  }

  /** The peer has ended its side of the stream. */
  streamEnded(): void {
    this.#protocol.receiveEnd();
  }

  /** Sends messages. Created on first use. */
  get queue(): SendQueue {
    this.#queue ??= new SendQueue(
      this.#protocol,
      this.#runtime,
      this.#settings,
      this.#writer,
      this.#handler,
      this,
    );
    return this.#queue;
  }

  /** Sends a ping. Resolves with the milliseconds until the pong to this ping arrives. */
  ping(payload: Uint8Array, options: WaitOptions | undefined): Promise<number> {
    return this.#pings.call(payload, options);
  }

  /**
   * Sends a ping without a promise, and writes it immediately. A write at the end of the tick would double the memory
   * that the ping takes.
   */
  sendHeartbeatPing(payload: Uint8Array): void {
    this.#pings.sendHeartbeatPing(payload);
    this.#writer.flush();
  }

  /** Releases the compression memory of each direction that had no message since the last call of this method. */
  releaseUnused(): void {
    this.#protocol.releaseUnused();
  }

  /** True if the load has reached the high-water mark, and has not yet fallen to the low-water mark. */
  get isDrainPending(): boolean {
    return this.#queue?.isDrainPending === true;
  }

  /**
   * Removes and returns all messages that the connection has not begun to write. A partly written message stays in the
   * output.
   */
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
    this.#pauses ??= new Stopwatch();
    this.#pauses.begin(this.#runtime.now());
    this.#protocol.pause();
    this.#transport.pause();
    this.#input.stopWatch();
    this.#closing?.timer.pause();
  }

  resume(): void {
    const pauses = this.#pauses;
    if (pauses?.isRunning !== true) return;
    const now = this.#runtime.now();
    this.#controlRate ??= new ControlRate(this.#settings.maxControlRate);
    this.#controlRate.addPause(pauses.end(now), now);
    this.#closing?.timer.resume();
    this.#protocol.resume();
    this.#writer.wake();
    // A listener that received a buffered message may have paused the connection again.
    if (this.isPaused) return;
    this.#transport.resume();
    this.#input.watch(this.#runtime.now());
  }

  /** True if the stream is closed, and some of the received messages are not decoded yet. */
  get hasLeftover(): boolean {
    return this.#hasLeftover;
  }

  /**
   * Decodes and delivers the messages that remain after the end of the connection. A listener may call {@link
   * pauseLeftover}.
   */
  resumeLeftover(): void {
    if (this.#hasLeftover) this.#protocol.resume();
  }

  pauseLeftover(): void {
    if (this.#hasLeftover) this.#protocol.pause();
  }

  /** Discards the messages that are not decoded. */
  dropLeftover(): void {
    if (!this.#hasLeftover) return;
    this.#hasLeftover = false;
    this.#protocol.abandon();
  }

  /** Starts the closing handshake. The Close frame is sent after all accepted messages. */
  close(close: CloseFrame): void {
    if (!this.isClosing) this.#getClosing().begin(close);
  }

  /** The client itself closes. From now on, a pause of reading does not stop the timer of the closing handshake. */
  makeFinal(): void {
    if (!this.#isStreamClosed) this.#getClosing().timer.makeFinal();
  }

  #getClosing(): Closing {
    this.#closing ??= new Closing(
      this.#protocol,
      this.#transport,
      this.#runtime,
      this.#settings.closeTimeout,
      this.#isReferenced,
      this,
    );
    return this.#closing;
  }

  /** Fails the connection with the close code of `error`. */
  fail(error: ProtocolError): void {
    this.#protocol.fail(error);
    this.#writer.wake();
  }

  /** Destroys the stream, because the peer does not answer. Messages that were received before are still delivered. */
  giveUp(error: Error): void {
    this.#getClosing().recordError(error);
    this.destroyStream();
  }

  /** Destroys the stream without a closing handshake. No message is delivered and no timer fires after this call. */
  terminate(): void {
    if (this.#isStreamClosed) return;
    this.#getClosing().terminate();
    this.#input.stopWatch();
    this.#protocol.abandon();
    this.destroyStream();
  }

  /** Destroys the stream. Bytes that the kernel has not accepted yet are never sent. */
  destroyStream(): void {
    this.#writer.stop();
    this.#transport.destroy();
  }

  ref(): void {
    this.#isReferenced = true;
    this.#transport.ref();
    this.#closing?.timer.ref();
  }

  unref(): void {
    this.#isReferenced = false;
    this.#transport.unref();
    this.#closing?.timer.unref();
  }

  // The following methods are called by the protocol.

  onPing(payload: Buffer): void {
    if (this.#passesControlRate()) this.#handler.onPing(payload);
  }

  onPong(payload: Buffer): void {
    if (!this.#passesControlRate()) return;
    this.#handler.onPong(payload, this.#pings.answer(payload, this.lastReceivedAt));
  }

  /** Counts a control frame. Fails the connection if there are too many; after the end of the stream none counts. */
  #passesControlRate(): boolean {
    const { maxControlRate } = this.#settings;
    this.#controlRate ??= new ControlRate(maxControlRate);
    if (this.#isStreamClosed || this.#controlRate.take(this.lastReceivedAt)) return true;
    this.fail(tooManyControlFrames(maxControlRate));
    return false;
  }

  onClose(code: number, reason: string): void {
    this.#input.stopWatch();
    // RFC 6455 5.5.1: if the peer's Close frame answers our Close frame, the peer's frame arrives after our frame was
    // sent, and has the same status code as our frame.
    const isLater = this.#receivedBeforeClose !== undefined && this.bytesReceived > this.#receivedBeforeClose;
    this.#isCloseAnswered = isLater && code === this.#protocol.closeSent?.code;
    this.#getClosing().onClose({ code, reason });
  }

  onFailing(): void {
    if (!this.isClosing) this.#handler.onFailing?.();
  }

  onFailure(error: ProtocolError): void {
    if (this.#hasLeftover && this.#isEndReported) {
      this.#handler.onError(error);
      return;
    }
    this.#input.stopWatch();
    this.#getClosing().onFailure(error);
  }

  /** The peer's stream has ended. Before the closing handshake is complete, this means that the connection is lost. */
  onEnd(): void {
    if (this.#hasLeftover) this.dropLeftover();
    else if (this.#closing?.isEnding === true) this.#closing.endIfWritten();
    else this.destroyStream();
  }

  // The following methods are called by the parts of this connection.

  onQueued(): void {
    this.#writer.wake();
  }

  countWithoutReceipt(position: number): number {
    return position - (this.#queue?.receiptsUpTo(position) ?? 0);
  }

  onRefused(error: unknown): void {
    this.#handler.onError(error);
    // Our Close frame may have waited for the message that was withdrawn.
    this.#closing?.sendCloseIfReady();
  }

  get isAllFramed(): boolean {
    return this.#queue?.isEmpty !== false;
  }

  onCloseStarted(close: CloseFrame, initiatedBy: "us" | "peer"): void {
    this.#handler.onClosing(close, initiatedBy);
  }

  onProgress(wasRefused: boolean): void {
    if (wasRefused) this.#closing?.timer.progress();
    this.#queue?.pump();
    this.#closing?.sendCloseIfReady();
    if (this.#closing?.isRequested === true) this.#noteCloseWritten();
    this.#closing?.endIfWritten();
  }

  /**
   * Stores how many bytes were received before our Close frame was written. While reading is paused, a Close frame of
   * the peer may wait unread. Such a frame does not count as an answer, because the peer may have sent it before our
   * Close frame arrived.
   */
  #noteCloseWritten(): void {
    const { closeSent, closeReceived, bufferedSize } = this.#protocol;
    if (this.#receivedBeforeClose !== undefined || closeSent === undefined || bufferedSize > 0) return;
    if (closeReceived === undefined)
      this.#receivedBeforeClose = this.isPaused ? Infinity : this.bytesReceived;
  }

  /** The stream is closed. */
  streamClosed(error: Error | undefined): void {
    this.#writer.stop();
    const mayKeep = this.#handler.onLastMessages();
    this.#hasLeftover = mayKeep && this.isPaused && this.#protocol.isKeeping;
    this.#pauses?.end(this.#runtime.now());
    // From now on, only `pauseLeftover()` can pause the delivery of messages.
    this.#isStreamClosed = true;
    if (this.#hasLeftover) {
      this.#protocol.isLending = false;
      this.#protocol.endPaused();
    } else this.#protocol.resume();
    this.#closing?.timer.stop();
    this.#input.stopWatch();
    const end = this.#createEnd(error);
    this.#isEndReported = true;
    this.#handler.onEnd(end);
  }

  #createEnd(error: Error | undefined): ConnectionEnd {
    const { closeReceived, framedCount } = this.#protocol;
    const uncertainCount = this.#countUncertain();
    // Our Close frame is the last frame. If no bytes are buffered, the Close frame is written completely.
    const closeSent = this.#protocol.bufferedSize === 0 ? this.#protocol.closeSent : undefined;
    const isClosed = closeReceived !== undefined && closeSent !== undefined;
    const end: ConnectionEnd = {
      initiatedBy: this.#closing?.initiatedBy ?? "network",
      phase: this.#closing?.isRequested === true || closeReceived !== undefined ? "closing" : "open",
      closeSent,
      closeReceived,
      // An error after both Close frames loses no data, so it is not reported.
      error: this.#closing?.error ?? (isClosed ? undefined : error),
      addresses: this.#transport.addresses ?? [],
      tls: this.tls,
      openedAt: this.openedAt,
      endedAt: this.#runtime.now(),
      lastReceivedAt: this.lastReceivedAt,
      lastSentAt: this.#writer.lastWrittenAt ?? this.openedAt,
      pausedMs: this.#pauses?.totalAt(this.#runtime.now()) ?? 0,
      isDrainPending: this.isDrainPending,
      unsent: this.#queue?.takeUnsent(this.#protocol.takeUnsent(), framedCount) ?? [],
      uncertainCount,
      unansweredPings: this.#pings.unanswered,
      answeredPings: this.#pings.answeredCount,
    };
    if (!this.#hasLeftover) this.#protocol.abandon();
    // The stream is closed, so the memory of the last write can be used again.
    this.#protocol.written();
    return end;
  }

  /**
   * Counts the written messages that the peer may not have read. A message that is acknowledged individually counts
   * until its acknowledgement arrives. Any other message counts until the peer answers a later ping or our Close frame.
   */
  #countUncertain(): number {
    const unconfirmed = this.countWithoutReceipt(this.#protocol.handedCount) - this.#pings.confirmedCount;
    // `unconfirmed` is negative if the peer guesses the payload of a ping that is not written yet.
    return (this.#isCloseAnswered ? 0 : Math.max(unconfirmed, 0)) + (this.#queue?.unacknowledgedCount ?? 0);
  }

  /**
   * Rejects all pending calls with `error`. Exception: a call of `send()` with a token resolves, because the caller
   * keeps the message and can send it again.
   */
  settle(error: unknown): void {
    this.#queue?.end(error);
    this.#pings.end(error);
  }
}
