/**
 * Represents one connection of a client from its attempt to its end: opening, setup, heartbeat, pauses and closing.
 * It does not decide whether another connection follows.
 */
import { CloseCode, type CloseFrame } from "../../../protocol/index.js";
import type { ConnectionEnd } from "../../connection/connection-end.js";
import type { LiveConnection } from "../../connection/live-connection.js";
import type { LiveHandler } from "../../connection/live-handler.js";
import type { AcceptedHandshake, OpeningTimes } from "../../connection/opening.js";
import type { CloseReport, Phase } from "../../events/close-report.js";
import type { AddressAttempt } from "../../runtime/transport.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import { type Redactor, redactorOf } from "../../redaction/redactor.js";
import { ConnectAttempt, type ConnectAttemptHandler, type ConnectAttemptPlan } from "./connect-attempt.js";
import { EventLog } from "./event-log.js";
import type { HookConnection } from "./hook-connection.js";
import { HeartbeatDriver, type HeartbeatDriverHandler } from "./heartbeat-driver.js";
import { Setup } from "./setup.js";

/**
 * How a connection ended. `unopened`: the attempt failed. `setup`: it opened, but ended before its setup was complete.
 * `open`: it was set up, and ended later.
 */
export type ClientConnectionEnd =
  | {
      readonly kind: "unopened";
      readonly phase: Phase;
      readonly error: Error | undefined;
      readonly addresses?: readonly AddressAttempt[];
    }
  | { readonly kind: "setup"; readonly end: ConnectionEnd; readonly error: Error | undefined }
  | { readonly kind: "open"; readonly end: ConnectionEnd };

/** Why reading is paused. Reading resumes when no reason is left. */
export type PauseReason = "consumer" | "hook" | "overlap";

const pauseBits = { consumer: 1, hook: 2, overlap: 4 };

/** Receives the messages and pings of a connection. All connections of one client share one handler. */
export interface ConnectionMessageHandler<Received, Sent> {
  /** Creates the object that the hooks of a connection use. Called at most once per connection. */
  createHook(connection: ClientConnection<Received, Sent>): HookConnection<Received, Sent>;
  /** Receives the messages. */
  readonly inbound: {
    /**
     * @param connection - The number of the connection.
     * @param at - When the last bytes of the message arrived.
     */
    receive(connection: number, data: string | Buffer, size: number, at: number): void;
  };
  /** True when messages may be passed to {@link onBorrowed} without a copy. */
  readonly isLending: boolean;
  /** @returns `false` if the message must be passed to {@link inbound} instead. */
  onBorrowed(bytes: Buffer, isBinary: boolean): boolean;
  /** A message is dropped, because the setup of its connection failed or was not completed. */
  onDiscarded(data: string | Buffer): void;
  onPing(payload: Buffer): void;
  onPong(payload: Buffer, latencyMs: number | undefined): void;
  onError(error: unknown): void;
  onWithdrawn(token: unknown): void;
  onSampled(duration: number): void;
  sendPing(connection: ClientConnection<Received, Sent>): void;
}

/** Receives the lifecycle events of a connection. */
export interface ClientConnectionHandler<Received, Sent> {
  /** The URL is known, and the connection is dialled next. */
  onDialling(connection: ClientConnection<Received, Sent>): void;
  /** The opening handshake is complete. */
  onOpen(connection: ClientConnection<Received, Sent>, times: OpeningTimes): void;
  /** The setup is complete. Messages are delivered after this call returns. */
  onReady(connection: ClientConnection<Received, Sent>): void;
  onClosing(
    connection: ClientConnection<Received, Sent>,
    close: CloseFrame,
    initiatedBy: "us" | "peer",
  ): void;
  onDrain(connection: ClientConnection<Received, Sent>): void;
  onLastMessages(connection: ClientConnection<Received, Sent>): void;
  /** The connection has ended. Called once, as the last call. */
  onEnd(connection: ClientConnection<Received, Sent>, end: ClientConnectionEnd): void;
}

export interface ClientConnectionPlan<Received, Sent> extends ConnectAttemptPlan {
  readonly options: ResolvedOptions<Received, Sent>;
}

/**
 * One connection, from its attempt to its end. Every callback passes the connection, so a late event of an ended
 * connection is not mistaken for one of its successor.
 */
export class ClientConnection<Received, Sent>
  implements ConnectAttemptHandler, LiveHandler, HeartbeatDriverHandler
{
  readonly attempt: number;
  readonly log: EventLog;
  /** The number of the connection within its client, from 1. It is 0 until the connection opens. */
  number = 0;
  /** The first Close frame that was sent or received. */
  closing: { readonly close: CloseFrame; readonly initiatedBy: "us" | "peer" } | undefined;
  /** True when this client closes the connection because another one replaces it. */
  isRotated = false;
  readonly #options: ResolvedOptions<Received, Sent>;
  readonly #hub: ConnectionMessageHandler<Received, Sent>;
  readonly #handler: ClientConnectionHandler<Received, Sent>;
  /** Undefined once the attempt has succeeded or failed. */
  #attempt: ConnectAttempt | undefined;
  /** One bit of `pauseBits` per active reason. */
  #pauses = 0;
  #url = "";
  #redactor: Redactor;
  #accepted: AcceptedHandshake | undefined;
  #live: LiveConnection | undefined;
  #hook: HookConnection<Received, Sent> | undefined;
  #setup: Setup | undefined;
  #setupError: Error | undefined;
  #heartbeat: HeartbeatDriver | undefined;
  #isReady = false;
  /** Set by {@link endHook}: no hook is created or used any more. */
  #isOver = false;
  #isOnStandby = false;
  #hasEnded = false;
  /** True while messages that the hook did not consume wait for {@link releaseHookMessages}. */
  #holdsHookMessages = false;
  /** True when the connection ended while messages received before its end were undelivered. */
  #hasLeftover = false;
  #isReferenced = true;

  constructor(
    plan: ClientConnectionPlan<Received, Sent>,
    hub: ConnectionMessageHandler<Received, Sent>,
    handler: ClientConnectionHandler<Received, Sent>,
  ) {
    this.attempt = plan.attempt;
    this.log = new EventLog(plan.options.runtime);
    this.#options = plan.options;
    this.#hub = hub;
    this.#handler = handler;
    this.#redactor = redactorOf(plan.options.redact);
    this.#attempt = new ConnectAttempt(plan, this, this);
  }

  /** The URL without credentials; empty until it is known. */
  get url(): string {
    return this.#url;
  }

  /** Knows the credentials of the request after the attempt has dialled. */
  get redactor(): Redactor {
    return this.#redactor;
  }

  get accepted(): AcceptedHandshake | undefined {
    return this.#accepted;
  }

  /** The open connection, during its setup and afterwards. */
  get live(): LiveConnection | undefined {
    return this.#live;
  }

  /** True when the connection is set up and has not ended. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /**
   * The object that `onConnection` and `onReplay` use. It is `undefined` if the connection is not open yet, or ended
   * before a hook needed it.
   */
  get hook(): HookConnection<Received, Sent> | undefined {
    if (this.#live !== undefined && !this.#isOver) this.#hook ??= this.#hub.createHook(this);
    return this.#hook;
  }

  /** Rejects the pending calls of the hooks and every later one. */
  endHook(error: unknown): void {
    this.#isOver = true;
    this.#hook?.end(error);
  }

  /** The largest delay of the event loop that the heartbeat timer observed, in milliseconds. */
  get loopLag(): number {
    return this.#heartbeat?.loopLag ?? 0;
  }

  start(lastReport: CloseReport | undefined): void {
    // A listener of the preceding event may have abandoned the attempt already.
    this.#attempt?.start(lastReport);
  }

  /** Abandons an attempt; starts the closing handshake of an open connection. */
  close(close: CloseFrame, reason?: Error): void {
    if (this.#live === undefined) this.#attempt?.abandon(reason);
    else {
      if (!this.#isReady) this.#setupError ??= reason;
      this.#live.close(close);
    }
    if (!this.#isReady) this.#setup?.cancel();
  }

  /**
   * Closes the connection because the client itself ends. Reading is no longer paused, because the peer's Close frame
   * arrives after its data. Messages that `onConnection` has not consumed are discarded.
   */
  closeForGood(close: CloseFrame, reason?: Error): void {
    this.close(close, reason);
    if (this.#live === undefined) return;
    this.#live.makeFinal();
    // Deferred, so that no message is delivered during the call that closes the client.
    this.#options.runtime.defer(() => this.#readToEnd());
  }

  #readToEnd(): void {
    // The messages of a standby connection follow those of the previous one. Its owner calls `leaveStandby()`.
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

  // Called by the connect attempt.

  onDialling(url: string, redactor: Redactor): void {
    this.#url = url;
    this.#redactor = redactor;
    this.log.add("connecting", url);
    this.#handler.onDialling(this);
  }

  onFailed(phase: Phase, error: Error | undefined, addresses: readonly AddressAttempt[]): void {
    this.#attempt = undefined;
    this.#handler.onEnd(this, { kind: "unopened", phase, error, addresses });
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
    // The hook or the peer may have closed the connection while the hook ran.
    if (this.#live?.isClosing !== false) return;
    this.#becomeReady();
    if (!this.#isOnStandby && !this.#holdsHookMessages) this.#deliverHookMessages();
  }

  #deliverHookMessages(): void {
    for (const { data, size, at } of this.#hook?.release() ?? [])
      this.#hub.inbound.receive(this.number, data, size, at);
    this.resume("hook");
  }

  /** Pauses a connection that is ready before it is needed. Its messages wait for {@link leaveStandby}. */
  enterStandby(): void {
    this.#isOnStandby = true;
    this.pause("overlap");
  }

  leaveStandby(): void {
    if (!this.#isOnStandby) return;
    this.#isOnStandby = false;
    if (!this.#holdsHookMessages) this.#deliverHookMessages();
    this.resume("overlap");
  }

  /** Delays the messages that the hook did not consume until those of an earlier connection are delivered. */
  holdHookMessages(): void {
    this.#holdsHookMessages = true;
  }

  releaseHookMessages(): void {
    this.#holdsHookMessages = false;
    if (!this.#isOnStandby) this.#deliverHookMessages();
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

  // Called by the live connection.

  onMessage(data: string | Buffer, size: number): void {
    const at = this.#live!.lastReceivedAt;
    const hook = this.#hook;
    if (hook?.wantsMessages === true && hook.receive({ data, size, at })) return;
    // A listener of the previous message may have discarded the remaining ones.
    const isOfLeftover = this.#hasLeftover && this.#live!.hasLeftover;
    if (isOfLeftover || (this.#isReady && !this.#isOnStandby))
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

  onClosing(close: CloseFrame, initiatedBy: "us" | "peer"): void {
    this.log.add("closing", `${close.code} by ${initiatedBy}`);
    this.closing = { close, initiatedBy };
    this.#heartbeat?.stop();
    this.#handler.onClosing(this, close, initiatedBy);
  }

  onDrain(): void {
    this.#handler.onDrain(this);
  }

  onRefused(error: unknown): void {
    this.#hub.onError(error);
  }

  onWithdrawn(token: unknown): void {
    this.#hub.onWithdrawn(token);
  }

  onSampled(duration: number): void {
    this.#hub.onSampled(duration);
  }

  onLastMessages(): boolean {
    this.#pauses = 0;
    this.#handler.onLastMessages(this);
    if (this.#isReady && !this.#isOnStandby) return true;
    // The connection was never in use. Its messages are dropped one by one, starting with those that the hook buffered.
    for (const { data } of this.#hook?.release() ?? []) this.#hub.onDiscarded(data);
    return false;
  }

  onLeftoverFailed(error: Error): void {
    this.#hub.onError(error);
  }

  onEnd(end: ConnectionEnd): void {
    this.#heartbeat?.stop();
    this.#setup?.cancel();
    this.#hasEnded = true;
    const wasReady = this.#isReady;
    this.#isReady = false;
    this.#hasLeftover = this.#live?.hasLeftover === true;
    if (!wasReady) this.#discardHookMessages();
    this.#handler.onEnd(
      this,
      wasReady ? { kind: "open", end } : { kind: "setup", end, error: this.#setupError },
    );
  }

  // Called by the heartbeat driver.

  sendPing(): void {
    this.#hub.sendPing(this);
  }

  onStalled(error: Error): void {
    this.#hub.onError(error);
  }
}
