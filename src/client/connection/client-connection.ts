/**
 * Manages one connection of a client from its attempt to its end: opening, setup, heartbeat, pauses and closing. It
 * does not decide whether another connection follows.
 */
import { CloseCode, type CloseFrame } from "../../../protocol/index.js";
import type { ConnectionEnd } from "../../connection/connection-end.js";
import type { LiveConnection } from "../../connection/live-connection.js";
import type { AcceptedHandshake, FailedAttempt, OpeningTimes } from "../../connection/opening.js";
import type { CloseReport } from "../../events/close-report.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import type { Redactor } from "../../redaction/redactor.js";
import { ConnectAttempt, type ConnectAttemptHandler, type ConnectAttemptPlan } from "./connect-attempt.js";
import { EventLog } from "./event-log.js";
import type { HookConnection } from "./hook-connection.js";
import { HeartbeatDriver, type HeartbeatDriverHandler } from "./heartbeat-driver.js";
import { Setup } from "./setup.js";

/**
 * The end of a connection.
 *
 * - `unopened`: the attempt failed.
 * - `setup`: the connection opened, but ended before its setup was complete.
 * - `open`: the setup was complete, and the connection ended later.
 */
export type ClientConnectionEnd =
  | ({ readonly kind: "unopened" } & FailedAttempt)
  | { readonly kind: "setup"; readonly end: ConnectionEnd; readonly error: Error | undefined }
  | { readonly kind: "open"; readonly end: ConnectionEnd };

/** A reason for a pause of reading. Reading resumes when no reason is left. */
export type PauseReason = "consumer" | "hook" | "overlap" | "owner";

const pauseBits = { consumer: 1, hook: 2, overlap: 4, owner: 8 };

/** Receives the messages and pings of a connection. All connections of one client share one handler. */
export interface ConnectionMessageHandler {
  /** Creates the connection object that `onConnection` and `onReplay` receive. Called at most once per connection. */
  createHook(connection: ClientConnection): HookConnection;
  /** Receives the messages. */
  readonly inbound: {
    /**
     * @param connection - The number of the connection.
     * @param at - The time at which the last bytes of the message arrived.
     */
    receive(connection: number, data: string | Buffer, size: number, at: number): void;
  };
  /** True if messages may be passed to {@link onBorrowed} without a copy. */
  readonly isLending: boolean;
  /** @returns `false` if the message was not accepted. The caller must then pass it to {@link inbound}. */
  onBorrowed(bytes: Buffer, isBinary: boolean): boolean;
  /** A message is discarded, because the setup of its connection failed or was not completed. */
  onDiscarded(data: string | Buffer): void;
  onPing(payload: Buffer): void;
  onPong(payload: Buffer, latencyMs: number | undefined): void;
  onError(error: unknown): void;
  onWithdrawn(token: unknown): void;
  onSampled(duration: number): void;
  sendPing(connection: ClientConnection): void;
}

/** Receives the lifecycle events of a connection. */
export interface ClientConnectionHandler {
  /** The URL is known. Next, the connection is dialled. */
  onDialling(connection: ClientConnection): void;
  /** The attempt continues at another URL. */
  onRedirected(connection: ClientConnection): void;
  /** The opening handshake is complete. */
  onOpen(connection: ClientConnection, times: OpeningTimes): void;
  /** The setup is complete. No message is delivered before this call returns. */
  onReady(connection: ClientConnection): void;
  onFailing?(connection: ClientConnection): void;
  onClosing(connection: ClientConnection, close: CloseFrame, initiatedBy: "us" | "peer"): void;
  onDrain(connection: ClientConnection): void;
  onLastMessages(connection: ClientConnection): void;
  /** The connection has ended. This is the last call. */
  onEnd(connection: ClientConnection, end: ClientConnectionEnd): void;
}

/**
 * One connection, from its attempt to its end. Every callback passes the connection as an argument. The handler can
 * therefore recognize a late event of a previous connection.
 */
export class ClientConnection implements ConnectAttemptHandler, HeartbeatDriverHandler {
  readonly attempt: number;
  readonly log: EventLog;
  /** The number of the connection within its client, from 1. It is 0 until the connection opens. */
  number = 0;
  /** The first Close frame that was sent or received. */
  closing: { readonly close: CloseFrame; readonly initiatedBy: "us" | "peer" } | undefined;
  /** True if this client closes the connection because a rotation replaces it. */
  isRotated = false;
  readonly #options: ResolvedOptions;
  readonly #hub: ConnectionMessageHandler;
  readonly #handler: ClientConnectionHandler;
  /** The attempt to connect; `undefined` after the attempt has succeeded or failed. */
  #attempt: ConnectAttempt | undefined;
  /** A bit field of the active reasons for a pause of reading. Each reason has one bit. */
  #pauses = 0;
  #url = "";
  readonly #redactor: Redactor;
  #accepted: AcceptedHandshake | undefined;
  #live: LiveConnection | undefined;
  #hook: HookConnection | undefined;
  #setup: Setup | undefined;
  #setupError: Error | undefined;
  #heartbeat: HeartbeatDriver | undefined;
  #isReady = false;
  /**
   * True after {@link endHook} was called. From then on, no connection object is created for `onConnection` and
   * `onReplay`.
   */
  #isOver = false;
  #isOnStandby = false;
  #hasEnded = false;
  /**
   * True while the messages that `onConnection` has not consumed are held back. {@link releaseHookMessages} releases
   * them.
   */
  #holdsHookMessages = false;
  #isReferenced = true;

  constructor(plan: ConnectAttemptPlan, hub: ConnectionMessageHandler, handler: ClientConnectionHandler) {
    this.attempt = plan.attempt;
    this.log = new EventLog(plan.options.runtime);
    this.#options = plan.options;
    this.#hub = hub;
    this.#handler = handler;
    this.#redactor = plan.redactor;
    this.#attempt = new ConnectAttempt(plan, this);
  }

  /** The URL without credentials, or an empty string before the URL is known. */
  get url(): string {
    return this.#url;
  }

  get accepted(): AcceptedHandshake | undefined {
    return this.#accepted;
  }

  /** The open connection; `undefined` before the opening handshake is complete. */
  get live(): LiveConnection | undefined {
    return this.#live;
  }

  /** True if the setup is complete and the connection has not ended. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /**
   * The object that `onConnection` and `onReplay` use. Created on first use. `undefined` if the connection is not open
   * yet, or has ended before the first use.
   */
  get hook(): HookConnection | undefined {
    if (this.#live !== undefined && !this.#isOver) this.#hook ??= this.#hub.createHook(this);
    return this.#hook;
  }

  /**
   * Rejects all calls on the connection object of `onConnection` and `onReplay` with `error`: pending calls and later
   * calls.
   */
  endHook(error: unknown): void {
    this.#isOver = true;
    this.#hook?.end(error);
  }

  /** The largest delay of a heartbeat timer, in milliseconds. A blocked event loop causes such delays. */
  get loopLag(): number {
    return this.#heartbeat?.loopLag ?? 0;
  }

  start(lastReport: CloseReport | undefined): void {
    // A listener of the previous event may have abandoned the attempt already.
    this.#attempt?.start(lastReport);
  }

  /** Starts the closing handshake of an open connection, or abandons the attempt. */
  close(close: CloseFrame, reason?: Error): void {
    if (this.#live === undefined) this.#attempt?.abandon(reason);
    else {
      if (!this.#isReady) this.#setupError ??= reason;
      this.#live.close(close);
    }
    if (!this.#isReady) this.#setup?.cancel();
  }

  /**
   * Closes the connection because the client itself ends. Reading resumes, because the peer's Close frame follows the
   * data of the peer. If the setup is incomplete, buffered messages are discarded.
   */
  closeForGood(close: CloseFrame, reason?: Error): void {
    this.close(close, reason);
    if (this.#live === undefined) return;
    this.#live.makeFinal();
    // Reading resumes later: no message may be delivered during the call that closes the client.
    this.#options.runtime.defer(() => this.#readToEnd());
  }

  #readToEnd(): void {
    // A standby connection stays paused until `leaveStandby()` is called after the end of the previous connection.
    if (this.#hasEnded || this.#isOnStandby) return;
    if (!this.#isReady) this.#discardHookMessages();
    this.#pauses = 0;
    this.#live!.resume();
  }

  /** Destroys the connection without a closing handshake. */
  terminate(): void {
    this.#heartbeat?.stop();
    this.#setup?.cancel();
    if (this.#live === undefined) this.#attempt?.abandon();
    else this.#live.terminate();
  }

  pause(reason: PauseReason): void {
    this.#pauses |= pauseBits[reason];
    if (this.#live === undefined || this.#live.isPaused) return;
    this.#live.pause();
    this.#heartbeat?.pause();
  }

  resume(reason: PauseReason): void {
    this.#pauses &= ~pauseBits[reason];
    if (this.#pauses !== 0 || this.#live?.isPaused !== true) return;
    this.#heartbeat?.resume();
    this.#live.resume();
  }

  ref(): void {
    this.#isReferenced = true;
    for (const one of [this.#attempt, this.#live, this.#setup]) one?.ref();
  }

  unref(): void {
    this.#isReferenced = false;
    for (const one of [this.#attempt, this.#live, this.#setup]) one?.unref();
  }

  // The following three methods are called by the connect attempt.

  onDialling(url: string): void {
    this.#url = url;
    this.log.add("connecting", url);
    this.#handler.onDialling(this);
  }

  onRedirected(url: string): void {
    this.#url = url;
    this.log.add("redirected", url);
    this.#handler.onRedirected(this);
  }

  onFailed(failure: FailedAttempt): void {
    this.#attempt = undefined;
    this.#redactor.release(this);
    this.#handler.onEnd(this, { kind: "unopened", ...failure });
  }

  onOpen(live: LiveConnection, accepted: AcceptedHandshake, times: OpeningTimes): void {
    this.#attempt = undefined;
    this.#live = live;
    this.#accepted = accepted;
    if (!this.#isReferenced) live.unref();
    const { runtime, heartbeat, onConnection, setupTimeout } = this.#options;
    this.#handler.onOpen(this, times);
    if (heartbeat !== undefined) this.#heartbeat = new HeartbeatDriver(runtime, heartbeat, live, this);
    if (onConnection === undefined) {
      this.#becomeReady();
      return;
    }
    const { publicConnection } = this.hook!;
    this.#setup = new Setup(runtime, setupTimeout, {
      onDone: () => this.#onSetUp(),
      onFailed: (error) => this.#onSetupFailed(error),
    });
    if (!this.#isReferenced) this.#setup.unref();
    this.#setup.start((signal) => onConnection(publicConnection, signal));
  }

  #onSetUp(): void {
    // `onConnection` or the peer may have closed the connection.
    if (this.#live?.isClosing !== false) return;
    this.#becomeReady();
    this.#deliverHookMessages();
  }

  /**
   * Delivers the messages that `onConnection` has not consumed, unless the messages of an earlier connection must be
   * delivered first.
   */
  #deliverHookMessages(): void {
    if (this.#isOnStandby || this.#holdsHookMessages) return;
    for (const { data, size, at } of this.#hook?.release() ?? [])
      this.#hub.inbound.receive(this.number, data, size, at);
    this.resume("hook");
  }

  /** Pauses a connection that is not used yet. Its messages wait until {@link leaveStandby} is called. */
  enterStandby(): void {
    this.#isOnStandby = true;
    this.pause("overlap");
  }

  leaveStandby(): void {
    if (!this.#isOnStandby) return;
    this.#isOnStandby = false;
    this.#deliverHookMessages();
    this.resume("overlap");
  }

  /**
   * Delays the messages that `onConnection` has not consumed, because messages of an earlier connection are delivered
   * first.
   */
  holdHookMessages(): void {
    this.#holdsHookMessages = true;
  }

  releaseHookMessages(): void {
    this.#holdsHookMessages = false;
    this.#deliverHookMessages();
  }

  #becomeReady(): void {
    this.#isReady = true;
    this.#handler.onReady(this);
  }

  #onSetupFailed(error: Error): void {
    this.log.add("setup failed", this.#redactor.text(error.message, "error"));
    this.#setupError = error;
    this.#discardHookMessages();
    this.#live?.close({ code: CloseCode.normal, reason: "" });
  }

  #discardHookMessages(): void {
    for (const { data } of this.#hook?.release() ?? []) this.#hub.onDiscarded(data);
    this.resume("hook");
  }

  // The following methods are called by the live connection.

  onMessage(data: string | Buffer, size: number): void {
    const at = this.#live!.lastReceivedAt;
    const hook = this.#hook;
    if (hook?.wantsMessages === true && hook.receive({ data, size, at })) return;
    // After the end of the connection, a listener may have discarded the remaining messages.
    if ((this.#isReady && !this.#isOnStandby) || this.#live!.hasLeftover)
      this.#hub.inbound.receive(this.number, data, size, at);
    else this.#hub.onDiscarded(data);
  }

  get isLending(): boolean {
    return this.#isReady && this.#hook?.wantsMessages !== true && this.#hub.isLending;
  }

  onBorrowed(bytes: Buffer, isBinary: boolean): boolean {
    return this.isLending && this.#hub.onBorrowed(bytes, isBinary);
  }

  onPing(payload: Buffer): void {
    this.#hub.onPing(payload);
  }

  onPong(payload: Buffer, latencyMs: number | undefined): void {
    this.#hub.onPong(payload, latencyMs);
  }

  onFailing(): void {
    if (this.#isReady) this.#handler.onFailing?.(this);
  }

  onClosing(close: CloseFrame, initiatedBy: "us" | "peer"): void {
    this.log.add("closing", `${close.code} by ${initiatedBy}`);
    this.closing = { close, initiatedBy };
    this.#heartbeat?.stop();
    this.#handler.onClosing(this, close, initiatedBy);
  }

  onDrain(): void {
    this.#handler.onDrain(this);
  }

  onError(error: unknown): void {
    this.#hub.onError(error);
  }

  onWithdrawn(token: unknown): void {
    this.#hub.onWithdrawn(token);
  }

  onSampled(duration: number): void {
    this.#hub.onSampled(duration);
  }

  onLastMessages(): boolean {
    // The owner of the client does not read messages that remain after the end, so that they are delivered now.
    const mayKeep = (this.#pauses & pauseBits.owner) === 0;
    this.#pauses = 0;
    this.#handler.onLastMessages(this);
    if (this.#isReady && !this.#isOnStandby) return mayKeep;
    // The connection was never used. First, the messages in the buffer of `onConnection` are discarded. The caller then
    // discards the later messages.
    for (const { data } of this.#hook?.release() ?? []) this.#hub.onDiscarded(data);
    return false;
  }

  onEnd(end: ConnectionEnd): void {
    this.#heartbeat?.stop();
    this.#setup?.cancel();
    this.#hasEnded = true;
    this.#redactor.release(this);
    const wasReady = this.#isReady;
    this.#isReady = false;
    if (!wasReady) this.#discardHookMessages();
    this.#handler.onEnd(
      this,
      wasReady ? { kind: "open", end } : { kind: "setup", end, error: this.#setupError },
    );
  }

  // The following methods are called by the heartbeat driver.

  sendPing(): void {
    this.#hub.sendPing(this);
  }
}
