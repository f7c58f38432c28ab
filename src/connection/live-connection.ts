// One open connection: connects the transport and the protocol, from the 101 response to the closed stream. It does not
// open connections and does not reconnect.
import {
  type CloseFrame,
  ProtocolConnection,
  type ProtocolError,
  type ProtocolHandler,
} from "../../protocol/index.js";
import type { Runtime } from "../runtime/runtime.js";
import type { WaitOptions } from "../runtime/wait.js";
import type { TlsDetails } from "../events/tls-details.js";
import type { Transport } from "../runtime/transport.js";
import { Closing, type ClosingOwner } from "./closing.js";
import type { ConnectionEnd } from "./connection-end.js";
import type { ConnectionInput } from "./connection-input.js";
import type { ConnectionSettings, LiveContext, LiveHandler } from "./live-handler.js";
import type { UnsentMessage } from "./message-tokens.js";
import { PauseClock } from "./pause-clock.js";
import { PingExchange, type PingExchangeHandler } from "./ping-exchange.js";
import { SendQueue } from "./send-queue.js";
import { SocketWriter } from "./socket-writer.js";

/**
 * One open connection. A process may have thousands of idle ones, so memory counts: parts are created on first use, and
 * each part calls methods of this object instead of getting its own closures.
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
  /** Created by the first send or flush. */
  #queue: SendQueue | undefined;
  readonly #pings: PingExchange;
  /** Created when the connection starts to close. */
  #end: Closing | undefined;
  /** Created by the first pause. */
  #pauses: PauseClock | undefined;
  #isReferenced = true;
  /**
   * Number of bytes received when our Close was written. `undefined` before that; `Infinity` if reading was paused,
   * because then bytes that arrive later may be older than our Close.
   */
  #receivedBeforeClose: number | undefined;
  /** True if the peer answered our Close, and therefore has read everything before it. */
  #isCloseAnswered = false;

  readonly openedAt: number;
  #isStreamClosed = false;
  #isEndReported = false;
  /** True if the stream is closed and messages received before that are not decoded yet. */
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
      compressionThreshold: settings.compressionThreshold,
      autoPong: settings.autoPong,
      observer: context.observer,
    };
    // Messages bypass this class.
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

  /** The payload bytes of sent messages, before compression. */
  get payloadBytesSent(): number {
    return this.#protocol.payloadSize;
  }

  get bufferedAmount(): number {
    return this.#queue?.bufferedAmount ?? this.#protocol.bufferedSize;
  }

  /** The value compared with the water marks: `bufferedAmount` plus the additional memory of waiting messages. */
  get sendLoad(): number {
    return this.#queue?.load ?? this.#protocol.bufferedSize;
  }

  get lastReceivedAt(): number {
    return this.#input.lastReceivedAt;
  }

  /** When the peer was last active: bytes arrived, or a blocked write made progress. */
  get lastActivityAt(): number {
    return Math.max(this.lastReceivedAt, this.#writer.lastProgressAt ?? -Infinity);
  }

  /** When the write that waits for the kernel was started; `undefined` if no write waits. */
  get blockedSince(): number | undefined {
    return this.#writer.blockedSince;
  }

  get answeredPings(): number {
    return this.#pings.answeredCount;
  }

  get isPaused(): boolean {
    return this.#pauses !== undefined && this.#pauses.isPaused;
  }

  /** Number of messages accepted for sending. */
  get messagesAccepted(): number {
    return this.#queue?.acceptedCount ?? 0;
  }

  /** True once a Close frame is sent or received, or the stream is closed. No message is accepted after that. */
  get isClosing(): boolean {
    return this.#end?.initiatedBy !== undefined || this.#isStreamClosed;
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

  /** Resolves with the milliseconds until the ping's own pong. */
  ping(payload: Uint8Array, options: WaitOptions | undefined): Promise<number> {
    return this.#pings.call(payload, options);
  }

  /**
   * Sends a ping without a promise, and writes it immediately. Deferring the write to the end of the tick would cost as
   * much memory as the rest of the ping.
   */
  sendHeartbeatPing(payload: Uint8Array): void {
    this.#pings.sendHeartbeatPing(payload);
    this.#writer.flush();
  }

  /** Releases compression memory that was not used since the last call. */
  releaseUnused(): void {
    this.#protocol.releaseUnused();
  }

  /** True if the send queue had reached the high-water mark and has not drained to the low-water mark. */
  get isDrainPending(): boolean {
    return this.#queue?.isDrainPending === true;
  }

  /** Removes and returns all messages of which no byte was written. A partly written message is completed. */
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
    this.#input.stopWatch();
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

  /** A listener of a buffered message may have paused the connection again. */
  #continueReading(): void {
    if (this.isPaused) return;
    this.#transport.resume();
    this.#input.watch(this.#runtime.now());
  }

  /** True if the stream is closed and messages received before that are not decoded yet. */
  get hasLeftover(): boolean {
    return this.#hasLeftover;
  }

  /** Delivers undecoded messages until a listener calls {@link pauseLeftover}, or none is left. */
  resumeLeftover(): void {
    if (this.#hasLeftover) this.#protocol.resume();
  }

  pauseLeftover(): void {
    if (this.#hasLeftover) this.#protocol.pause();
  }

  /** Discards the undecoded messages. */
  dropLeftover(): void {
    if (!this.#hasLeftover) return;
    this.#hasLeftover = false;
    this.#protocol.abandon();
  }

  /** Starts the closing handshake. The Close frame is sent after all accepted messages. */
  close(close: CloseFrame): void {
    if (!this.isClosing) this.#getClosing().begin(close);
  }

  /** The client itself closes: a pause of reading no longer stops the timer of the closing handshake. */
  makeFinal(): void {
    if (!this.#isStreamClosed) this.#getClosing().makeFinal();
  }

  #getClosing(): Closing {
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

  /** Destroys the stream because the connection is dead or stuck. Data that was received before is still delivered. */
  giveUp(error: Error): void {
    this.#getClosing().recordError(error);
    this.#destroyStream();
  }

  /** Destroys the stream without a closing handshake. No message is delivered and no timer fires after this call. */
  terminate(): void {
    if (this.#isStreamClosed) return;
    this.#getClosing().terminate();
    this.#input.stopWatch();
    this.#protocol.abandon();
    this.#destroyStream();
  }

  /** Bytes that the kernel has not accepted by now are never sent. */
  #destroyStream(): void {
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

  // Called by the protocol.

  onPing(payload: Buffer): void {
    this.#handler.onPing(payload);
  }

  onPong(payload: Buffer): void {
    this.#handler.onPong(payload, this.#pings.answer(payload, this.lastReceivedAt));
  }

  onClose(code: number, reason: string): void {
    this.#input.stopWatch();
    // RFC 6455 5.5.1: the answer to a Close has the same status code. The peer has read everything before our Close.
    const isLater = this.#receivedBeforeClose !== undefined && this.bytesReceived > this.#receivedBeforeClose;
    this.#isCloseAnswered = isLater && code === this.#protocol.closeSent?.code;
    this.#getClosing().onClose({ code, reason });
  }

  onFailure(error: ProtocolError): void {
    if (this.#hasLeftover && this.#isEndReported) {
      this.#handler.onLeftoverFailed(error);
      return;
    }
    this.#input.stopWatch();
    this.#getClosing().onFailure(error);
  }

  /** The peer's stream has ended. This is expected after its Close; before it, the connection is lost. */
  onEnd(): void {
    if (this.#hasLeftover) this.dropLeftover();
    else if (this.#end?.isEnding === true) this.#end.endIfWritten();
    else this.#destroyStream();
  }

  // Called by the send queue, the pings, the writer and the closing handshake.

  onQueued(): void {
    this.#writer.wake();
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
    this.#destroyStream();
  }

  onProgress(wasRefused: boolean): void {
    if (wasRefused) this.#end?.onWriteProgress();
    this.#queue?.pump();
    this.#end?.sendCloseIfReady();
    if (this.#end?.isRequested === true) this.#noteCloseWritten();
    this.#end?.endIfWritten();
  }

  /** While reading is paused, a Close that the peer sent before ours may wait unread. */
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
    // From now on, only `pauseLeftover()` pauses the delivery.
    this.#isStreamClosed = true;
    if (this.#hasLeftover) {
      this.#protocol.isLending = false;
      this.#protocol.endPaused();
    } else this.#protocol.resume();
    this.#end?.stop();
    this.#input.stopWatch();
    const end = this.#createEnd(error);
    this.#isEndReported = true;
    this.#handler.onEnd(end);
  }

  #createEnd(error: Error | undefined): ConnectionEnd {
    const { closeReceived, framedCount } = this.#protocol;
    const uncertainCount = this.#countUncertain();
    // Our Close is the last frame, so it has been written completely only when no bytes wait.
    const closeSent = this.#protocol.bufferedSize === 0 ? this.#protocol.closeSent : undefined;
    const isClosed = closeReceived !== undefined && closeSent !== undefined;
    const end: ConnectionEnd = {
      initiatedBy: this.#end?.initiatedBy ?? "network",
      phase: this.#end?.isRequested === true || closeReceived !== undefined ? "closing" : "open",
      closeSent,
      closeReceived,
      // A reset after both Close frames loses nothing.
      error: this.#end?.error ?? (isClosed ? undefined : error),
      addresses: this.#transport.addresses ?? [],
      tls: this.tls,
      openedAt: this.openedAt,
      endedAt: this.#runtime.now(),
      lastReceivedAt: this.lastReceivedAt,
      lastSentAt: this.#writer.lastWrittenAt ?? this.openedAt,
      pausedMs: this.#pauses?.total ?? 0,
      isDrainPending: this.isDrainPending,
      unsent: this.#queue?.takeUnsent(this.#protocol.takeUnsent(), framedCount) ?? [],
      uncertainCount,
      unansweredPings: this.#pings.unanswered,
      answeredPings: this.#pings.answeredCount,
    };
    if (!this.#hasLeftover) this.#protocol.abandon();
    // The stream is closed, so nothing reads the memory of the last write any more.
    this.#protocol.written();
    return end;
  }

  /**
   * Messages with an acknowledgement of their own are uncertain until it arrives. The others are uncertain unless the
   * peer has answered our Close or a later ping.
   */
  #countUncertain(): number {
    const others = this.countWithoutReceipt(this.#protocol.handedCount) - this.#pings.confirmedCount;
    // The difference is negative if the peer guesses the payload of a ping that is not written yet.
    return (this.#isCloseAnswered ? 0 : Math.max(others, 0)) + (this.#queue?.unacknowledgedCount ?? 0);
  }

  /** Rejects all pending calls on this connection, except sends whose message is kept by its owner. */
  settle(error: unknown): void {
    this.#queue?.end(error);
    this.#pings.end(error);
  }
}
