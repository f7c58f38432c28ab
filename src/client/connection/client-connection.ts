import { CloseCode, type CloseFrame } from "../../../protocol/index.js";
import type { ConnectionEnd } from "../../connection/connection-end.js";
import type { LiveConnection } from "../../connection/live-connection.js";
import type { LiveHandler } from "../../connection/live-handler.js";
import type { AcceptedHandshake, OpeningTimes } from "../../connection/opening.js";
import type { CloseReport, Phase } from "../../events/close-report.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import { ConnectAttempt, type ConnectAttemptHandler, type ConnectAttemptPlan } from "./connect-attempt.js";
import { EventLog } from "./event-log.js";
import type { HookConnection } from "./hook-connection.js";
import { HeartbeatDriver, type HeartbeatDriverHandler } from "./heartbeat-driver.js";
import { Setup } from "./setup.js";

/** How a link ends: it never opened, its setup failed, or an open connection has ended. */
export type ClientConnectionEnd =
  | { readonly kind: "unopened"; readonly phase: Phase; readonly error: Error | undefined }
  | { readonly kind: "setup"; readonly end: ConnectionEnd; readonly error: Error | undefined }
  | { readonly kind: "open"; readonly end: ConnectionEnd };

/** Why the reading of a link stands still; it goes on when none of them is left. */
export type PauseReason = "consumer" | "hook" | "overlap";

const pauseBits = { consumer: 1, hook: 2, overlap: 4 };

/** What is told to the client's traffic, which is one for all of its connections. */
export interface ConnectionMessageHandler<Received, Sent> {
  /** Gives what the hooks of a connection work on; asked for once, where there are any. */
  createHook(connection: ClientConnection<Received, Sent>): HookConnection<Received, Sent>;
  /** @param at - When its last bytes came. */
  onMessage(
    connection: ClientConnection<Received, Sent>,
    data: string | Buffer,
    size: number,
    at: number,
  ): void;
  /** Messages may be lent to {@link onBorrowed}. */
  readonly isLending: boolean;
  /** @returns `false` where the message is to come by {@link onMessage}. */
  onBorrowed(bytes: Buffer, isBinary: boolean): boolean;
  /** A message of a connection whose setup has failed. */
  onDiscarded(data: string | Buffer): void;
  onPing(payload: Buffer): void;
  onPong(payload: Buffer, latencyMs: number | undefined): void;
  onError(error: unknown): void;
  onWithdrawn(token: unknown): void;
  onSampled(duration: number): void;
  sendPing(connection: ClientConnection<Received, Sent>): void;
}

/** What is told to the life that the connection is part of. */
export interface ClientConnectionHandler<Received, Sent> {
  /** Its url is known. */
  onDialling(connection: ClientConnection<Received, Sent>): void;
  /** The opening handshake is through. */
  onOpen(connection: ClientConnection<Received, Sent>, times: OpeningTimes): void;
  /** The connection is set up. Its messages come when this has returned. */
  onReady(connection: ClientConnection<Received, Sent>): void;
  onClosing(
    connection: ClientConnection<Received, Sent>,
    close: CloseFrame,
    initiatedBy: "us" | "peer",
  ): void;
  onDrain(connection: ClientConnection<Received, Sent>): void;
  onLastMessages(connection: ClientConnection<Received, Sent>): void;
  /** Nothing of it is left. Once, and the last call. */
  onEnd(connection: ClientConnection<Received, Sent>, end: ClientConnectionEnd): void;
}

export interface ClientConnectionPlan<Received, Sent> extends ConnectAttemptPlan {
  readonly options: ResolvedOptions<Received, Sent>;
}

/** One connection of a client's life, from the attempt to its end. What it tells is told with itself: a late word of an old one meets no new one. */
export class ClientConnection<Received, Sent>
  implements ConnectAttemptHandler, LiveHandler, HeartbeatDriverHandler
{
  readonly attempt: number;
  readonly log: EventLog;
  /** The count of the connection, once it is open; higher for each later one. */
  number = 0;
  /** The first Close frame that went or came. */
  closing: { readonly close: CloseFrame; readonly initiatedBy: "us" | "peer" } | undefined;
  /** Its end is wanted, for another takes its place. */
  isRotated = false;
  readonly #options: ResolvedOptions<Received, Sent>;
  readonly #hub: ConnectionMessageHandler<Received, Sent>;
  readonly #handler: ClientConnectionHandler<Received, Sent>;
  /** Until the connection is open, or never will be. */
  #attempt: ConnectAttempt | undefined;
  /** A bit for each reason to pause. */
  #pauses = 0;
  #url = "";
  #accepted: AcceptedHandshake | undefined;
  #live: LiveConnection | undefined;
  #hook: HookConnection<Received, Sent> | undefined;
  #setup: Setup | undefined;
  #setupError: Error | undefined;
  #heartbeat: HeartbeatDriver | undefined;
  #isReady = false;
  #isOver = false;
  #isWaiting = false;
  #hasEnded = false;
  /** What its hook has left waits for {@link releaseHeld}. */
  #isHeldBack = false;
  /** It has ended, and messages that came before its end are still to be delivered. */
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
    this.#attempt = new ConnectAttempt(plan, this, this);
  }

  /** The url without credentials; empty before it is known. */
  get url(): string {
    return this.#url;
  }

  get accepted(): AcceptedHandshake | undefined {
    return this.#accepted;
  }

  /** The open connection, in its setup or behind it. */
  get live(): LiveConnection | undefined {
    return this.#live;
  }

  /** It is set up, and has not ended. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** What `onReplay` works on; `undefined` where the connection is not there, or is gone without having needed one. */
  get hook(): HookConnection<Received, Sent> | undefined {
    if (this.#live !== undefined && !this.#isOver) this.#hook ??= this.#hub.createHook(this);
    return this.#hook;
  }

  /** Ends the calls of its hooks; there will be no more of them. */
  endHook(error: unknown): void {
    this.#isOver = true;
    this.#hook?.end(error);
  }

  /** By how many milliseconds the event loop was late at most, as far as was seen. */
  get loopLag(): number {
    return this.#heartbeat?.loopLag ?? 0;
  }

  start(lastReport: CloseReport | undefined): void {
    // Given up already, from inside the event that told of it.
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
   * As {@link close}, for the end of the client itself. Nothing pauses the reading any more, for the peer's Close comes after the
   * data; messages that `onConnection` has not taken are discarded.
   */
  closeForGood(close: CloseFrame, reason?: Error): void {
    this.close(close, reason);
    if (this.#live === undefined) return;
    this.#live.makeFinal();
    // In the next tick, so that no message is delivered inside the call that closes the client.
    this.#options.runtime.defer(() => this.#readToEnd());
  }

  #readToEnd(): void {
    // The messages of one that waits follow those of the connection before it: its owner lets it proceed.
    if (this.#hasEnded || this.#isWaiting) return;
    if (!this.#isReady) this.#discardHeld();
    this.#pauses = 0;
    this.#live!.resume();
  }

  /** Drops the connection at once. */
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

  // Called by its attempt.

  onDialling(url: string): void {
    this.#url = url;
    this.log.add("connecting", url);
    this.#handler.onDialling(this);
  }

  onFailed(phase: Phase, error: Error | undefined): void {
    this.#attempt = undefined;
    this.#handler.onEnd(this, { kind: "unopened", phase, error });
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
    // The hook itself, or the peer, may have ended the connection meanwhile.
    if (this.#live?.isClosing !== false) return;
    this.#becomeReady();
    if (!this.#isWaiting && !this.#isHeldBack) this.#deliverHeld();
  }

  #deliverHeld(): void {
    for (const { data, size, at } of this.#hook?.release() ?? []) this.#hub.onMessage(this, data, size, at);
    this.resume("hook");
  }

  /** The connection is ready before it is needed: its messages wait until {@link proceed}. */
  wait(): void {
    this.#isWaiting = true;
    this.pause("overlap");
  }

  proceed(): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    if (!this.#isHeldBack) this.#deliverHeld();
    this.resume("overlap");
  }

  /** Messages of an earlier connection are delivered before what its hook has left. */
  holdBack(): void {
    this.#isHeldBack = true;
  }

  releaseHeld(): void {
    this.#isHeldBack = false;
    if (!this.#isWaiting) this.#deliverHeld();
  }

  #becomeReady(): void {
    this.#isReady = true;
    this.#handler.onReady(this);
  }

  #onSetupFailed(error: Error): void {
    this.log.add("setup failed", error.message);
    this.#setupError = error;
    this.#discardHeld();
    this.#live?.close({ code: CloseCode.normal, reason: "" });
  }

  #discardHeld(): void {
    for (const { data } of this.#hook?.release() ?? []) this.#hub.onDiscarded(data);
    this.resume("hook");
  }

  // Called by its connection.

  onMessage(data: string | Buffer, size: number): void {
    const at = this.#live!.lastReceivedAt;
    const hook = this.#hook;
    if (hook?.isWatching === true && hook.receive({ data, size, at })) return;
    // A listener of the message before may have had the rest discarded.
    const isOfLeftover = this.#hasLeftover && this.#live!.hasLeftover;
    if (isOfLeftover || (this.#isReady && !this.#isWaiting)) this.#hub.onMessage(this, data, size, at);
    else this.#hub.onDiscarded(data);
  }

  get isLending(): boolean {
    return this.#isReady && this.#hook?.isWatching !== true && this.#hub.isLending;
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
    if (this.#isReady && !this.#isWaiting) return true;
    // It was never in use: its messages are dropped one by one, those of its hook first.
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
    if (!wasReady) this.#discardHeld();
    this.#handler.onEnd(
      this,
      wasReady ? { kind: "open", end } : { kind: "setup", end, error: this.#setupError },
    );
  }

  // Called by its pulse.

  sendPing(): void {
    this.#hub.sendPing(this);
  }

  onStalled(error: Error): void {
    this.#hub.onError(error);
  }
}
