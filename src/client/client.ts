/**
 * Implements the operations of one client: it connects the layers, checks the state for each call, and settles pending
 * calls. It does not manage single connections, and it does not check the arguments of public methods.
 */
import { checkClose, CloseCode, type CloseFrame, type InvalidStateError } from "../../protocol/index.js";
import type { LiveConnection } from "../connection/live-connection.js";
import { JetSocketError, TimeoutError } from "../errors.js";
import type { CloseReport } from "../events/close-report.js";
import { Emitter } from "../events/emitter.js";
import type { EventMap, EventName, State } from "../events/event-map.js";
import type { ListenerErrorHandler } from "../events/listener-list.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import { WeakAbortListener } from "../runtime/abort.js";
import { handled, rejected, type WaitOptions } from "../runtime/wait.js";
import { type Stats, Statistics } from "../stats/statistics.js";
import { toError } from "../runtime/to-error.js";
import type { CallSite } from "./lifecycle/call-site.js";
import { StopReasons } from "./lifecycle/stop-reasons.js";
import { ConnectionSupervisor } from "./lifecycle/connection-supervisor.js";
import type { ClientContext } from "./lifecycle/client-context.js";
import { PendingCalls, type PendingCallsHandler } from "./lifecycle/pending-calls.js";
import { type Outcome, outcomeOf, errorOf } from "./lifecycle/outcome.js";
import type { ClientConnection } from "./connection/client-connection.js";
import { checkRequest, type RequestSource } from "./connection/request.js";
import { createStateError, StateMachine } from "./lifecycle/state.js";
import { MessageHub, type MessageHubClient } from "./message-hub.js";

/** The Close frame that the client sends after an abort or a timeout. */
const goingAway: CloseFrame = { code: CloseCode.goingAway, reason: "" };

/**
 * The implementation of `WebSocket`. A "run" of the client begins with `connect()` or `run()` and ends with the event
 * `closed`; a client whose run failed can begin another run. The class implements the interfaces of its layers itself,
 * which saves memory when a process has thousands of idle clients.
 */
export class Client implements MessageHubClient, ClientContext, PendingCallsHandler, ListenerErrorHandler {
  readonly publicClient: object;
  readonly options: ResolvedOptions;
  readonly emitter: Emitter<EventMap<unknown>>;
  readonly hub: MessageHub;
  readonly statistics: Statistics = new Statistics();
  readonly states: StateMachine;
  readonly stopReasons: StopReasons = new StopReasons();
  readonly calls: PendingCalls;
  readonly supervisor: ConnectionSupervisor;
  readonly #address: RequestSource["url"];
  /**
   * The abort listener of the option `signal`. `undefined` without this option, and between the end of a run and the
   * next run.
   */
  #abortListener: WeakAbortListener<{ onAborted(): void }> | undefined;
  /**
   * When the option `signal` is aborted, this field stores the value of `isWatched`. The abort then ends iterations and
   * `recv()` calls, which may change `isWatched`.
   */
  #wasWatched = false;
  /** The number of calls that wait while the client is idle. An abort must reject these calls. */
  #idleWaits = 0;
  /** True if the process was warned of a user function that threw an error. One warning per client is sufficient. */
  #hasWarnedFunctionError = false;
  /** True while a non-fatal `error` event is emitted. */
  #isReporting = false;
  /**
   * The outcome of the run. It is set only while the client reports the end of the run to listeners; otherwise it is
   * `undefined`. No call changes the outcome. If `connect()` is called while a failure is reported, another run begins
   * after the report.
   */
  #ending: Outcome | undefined;
  /**
   * True if a run is ending and its pending calls have been removed from `calls`. Calls made from then on belong to the
   * next run.
   */
  #hasTakenCalls = false;
  #areMessagesPaused = false;

  /**
   * @param publicClient - The object that users see; it is passed to diagnostics.
   * @throws TypeError for an invalid URL, header field, subprotocol or cursor. A value that a provider function returns
   * is not checked here.
   */
  constructor(publicClient: object, source: RequestSource, options: ResolvedOptions) {
    const { runtime } = options;
    const url = checkRequest(source);
    this.publicClient = publicClient;
    this.#address = source.url;
    this.options = options;
    this.calls = new PendingCalls(runtime, this);
    this.emitter = new Emitter<EventMap<unknown>>(this);
    this.states = new StateMachine(this.emitter);
    this.hub = new MessageHub(this);
    this.supervisor = new ConnectionSupervisor(this, url);
    this.#listenToSignal();
    if (options.signal?.aborted === true) runtime.defer(() => this.onAborted());
  }

  /**
   * The inputs of the handshake request. The getter creates an object for each attempt and does not store it, because
   * an open connection does not need the object.
   */
  get source(): RequestSource {
    return { url: this.#address, options: this.options };
  }

  get state(): State {
    return this.states.current;
  }

  /** The connection on which messages can be sent now. */
  get sendable(): LiveConnection | undefined {
    const { live } = this;
    return this.state === "connected" && live?.isClosing === false ? live : undefined;
  }

  /** The current connection, if it is open. */
  get live(): LiveConnection | undefined {
    return this.supervisor.connection?.live;
  }

  /** True if messages are accepted, either for sending now or into the outbox. */
  get isAccepting(): boolean {
    // This getter runs for each sent message. For speed, it compares the state directly instead of calling the getter
    // `isOver`.
    const { current } = this.states;
    const isOver = current === "closed" || current === "failed";
    return !isOver && this.#ending === undefined && !this.stopReasons.isStopping;
  }

  get isOver(): boolean {
    const { current } = this.states;
    return current === "closed" || current === "failed";
  }

  /** True if the event `closed` was emitted for the last run and no other run has begun. */
  get isSettled(): boolean {
    return this.#ending === undefined && this.isOver;
  }

  /** Emits a non-fatal `error` event. */
  reportError(reason: unknown): void {
    const given = toError(reason, "A call");
    // Without a cause, the text of such an error was written by this package.
    const isOwn = given instanceof JetSocketError && given.cause === undefined;
    const error = isOwn ? given : this.redacted(given);
    // A function of an option threw, or returned an invalid value.
    if (error instanceof JetSocketError && error.code.endsWith("_FUNCTION_FAILED"))
      this.#warnFunctionError(error.message, error.cause, error.code);
    this.#emitError(error);
  }

  /**
   * Reports an error that a user function threw.
   * @param what - The subject of the error message, such as `A listener of "message"`.
   */
  reportFunctionError(what: string, thrown: unknown): void {
    const original = toError(thrown, what);
    const error = this.redacted(original);
    const message = original === thrown ? `${what} threw an error: ${error.message}` : error.message;
    this.#warnFunctionError(message, error, "FUNCTION_FAILED");
    this.#emitError(error);
  }

  /** Warns that a user function has a bug. Without an `error` listener, nothing else reports the bug. */
  #warnFunctionError(what: string, cause: unknown, code: string): void {
    if (this.#hasWarnedFunctionError || this.emitter.has("error")) return;
    this.#hasWarnedFunctionError = true;
    warn(what, `Listen to the event "error" to be notified of each such error.`, code, cause);
  }

  /**
   * Warns that a call was refused. The message hub calls this method if the promise of the call is not handled and the
   * event `error` has no listener.
   */
  warnUnhandled(reason: unknown): void {
    const cause = this.redacted(toError(reason, "A call"));
    const what = `A call was refused, and its promise is not handled: ${cause.message}`;
    const code = cause instanceof JetSocketError ? cause.code : "CALL_REFUSED";
    warn(what, `Await the call, or listen to the event "error".`, code, cause);
  }

  /** Hides secrets in an error that a function of the application may have thrown. */
  redacted<Thrown>(error: Thrown): Thrown {
    return this.supervisor.redactor.error(error);
  }

  #emitError(error: Error): void {
    this.supervisor.connection?.log.add("error", error.message);
    // A failing call inside a listener of "error" would otherwise emit "error" again, in an endless loop.
    if (this.#isReporting) {
      process.emitWarning(error);
      return;
    }
    this.#isReporting = true;
    this.emitter.emit("error", { error, isFatal: false });
    this.#isReporting = false;
  }

  /** Warns that a message was lost. The message hub calls this method if no listener is notified of the loss. */
  warnUndecodable({ code, cause: thrown }: JetSocketError): void {
    const isInvalid = code === "VALIDATION_FAILED";
    const cause = isInvalid ? undefined : this.redacted(toError(thrown, "The deserializer"));
    const reason =
      cause === undefined
        ? "it does not match the option schema"
        : `the deserializer threw an error: ${cause.message}`;
    const what = `A message from ${this.supervisor.url} was dropped, because ${reason}`;
    const listen = 'Listen to the event "error" or "dropped".';
    const hint = isInvalid ? listen : `${listen} To receive undecoded messages, spread raw into the options.`;
    warn(what, hint, code, cause);
  }

  stateError(operation: string): InvalidStateError {
    return createStateError(this.state, operation);
  }

  stats(): Stats {
    const { sender, dispatcher, inbound } = this.hub;
    const { connections, connection, downtimeMs } = this.supervisor;
    return this.statistics.snapshot(
      connections.flatMap(({ live }) => live ?? []),
      {
        messagesWaiting: dispatcher.waitingCount,
        messagesHeld: inbound.heldCount,
        outboxMessages: sender.keptCount,
        outboxBytes: sender.keptBytes,
        bufferedAmount: this.live?.bufferedAmount ?? 0,
        ...inbound.counts,
        uptimeMs: connection?.isReady === true ? this.options.runtime.now() - connection.live!.openedAt : 0,
        downtimeMs,
      },
    );
  }

  /** @param site - Where the user made the call. If given, the promise is not marked as handled. */
  connect(options: WaitOptions | undefined, site?: CallSite): Promise<void> {
    const { signal } = this.options;
    if (signal?.aborted === true) {
      const promise = this.refuse(signal.reason);
      this.onAborted();
      return promise;
    }
    if (options?.signal?.aborted === true) return this.refuse(options.signal.reason);
    if (this.sendable !== undefined) return Promise.resolve();
    const mayBegin = this.#ending === undefined && (this.state === "idle" || this.state === "failed");
    if (!mayBegin && !this.#isConnectionExpected()) return this.refuse(this.stateError("connect"));
    const promise = this.calls.connect("connect", options, site);
    if (mayBegin) this.#begin();
    return promise;
  }

  /** Returns the rejected promise for a `connect()` or `run()` that fails immediately. */
  refuse(reason: unknown): Promise<never> {
    return this.isWatched ? rejected(reason) : Promise.reject(reason);
  }

  /** True if a listener, an iteration or a `recv()` also receives the error that rejects `connect()` or `run()`. */
  get isWatched(): boolean {
    return this.emitter.has("error") || this.emitter.has("closed") || this.hub.dispatcher.hasWaitingReader;
  }

  /** True if the client is connecting or will connect again. */
  #isConnectionExpected(): boolean {
    // A listener may call `connect()` while the failure of a run is reported. The next run begins after the report.
    if (this.#ending !== undefined) return this.#ending === "failed";
    if (this.stopReasons.isStopping || this.isOver || this.state === "idle") return false;
    return this.state === "connecting" || this.options.reconnect;
  }

  /**
   * Resolves when the run has ended without a failure, and rejects when it has failed.
   * @param site - See {@link connect}.
   */
  run(options: WaitOptions | undefined, site: CallSite): Promise<void> {
    const { state } = this;
    const { signal } = this.options;
    if (options?.signal?.aborted === true) return this.refuse(options.signal.reason);
    if (state === "closed" && !this.stopReasons.isAborted) return Promise.resolve();
    if (signal?.aborted === true && this.isOver) return this.refuse(signal.reason);
    if (this.#ending === "closed") return Promise.resolve();
    if (this.#ending === "aborted") return this.refuse(signal?.reason);
    const promise = this.calls.run(options, site);
    // The user does not receive the promise of this `connect()`, so its rejection is marked as handled.
    if (state === "idle" || state === "failed" || this.#ending === "failed")
      void handled(this.connect(undefined));
    return promise;
  }

  /** Ends the wait before the next attempt, or replaces the open connection. */
  reconnect(options: WaitOptions | undefined): Promise<void> {
    const { state } = this;
    if (options?.signal?.aborted === true) return rejected(options.signal.reason);
    if (this.sendable !== undefined) return this.rotate("replace", "", options);
    const isConnecting = state === "connecting" || state === "reconnecting" || state === "backingOff";
    if (!isConnecting || this.stopReasons.isStopping || this.#ending !== undefined)
      return rejected(this.stateError("reconnect"));
    const promise = this.calls.connect("reconnect", options);
    if (state === "backingOff") this.supervisor.dial();
    return promise;
  }

  rotate(mode: "overlap" | "replace", reason: string, options: WaitOptions | undefined): Promise<void> {
    checkClose(CloseCode.normal, reason);
    const isReplacing = this.#ending === undefined && this.supervisor.rotation?.isReplacing === true;
    // If a rotation is in progress, this call waits for the end of that rotation.
    const mayRotate = this.sendable !== undefined || (isReplacing && !this.stopReasons.isStopping);
    if (!mayRotate) return rejected(this.stateError("rotate"));
    return this.supervisor.rotate(mode, reason, options);
  }

  /**
   * @param code - `null` for an empty Close frame.
   * @throws RangeError for a code or a reason that a Close frame must not contain.
   */
  close(code: number | null, reason: string, options: WaitOptions | undefined): Promise<void> {
    if (code !== null) checkClose(code, reason);
    // RFC 6455 5.5.1: a Close frame without a code has no reason either.
    else if (reason !== "") throw new RangeError("A Close frame without a code cannot contain a reason.");
    if (this.isOver) return Promise.resolve();
    const promise = this.calls.close(options);
    if (this.#ending !== undefined) {
      this.#cancelNextRun();
      return promise;
    }
    // If the connection is already closing for another reason and the client would not reconnect, the client ends for
    // that reason. Otherwise, this call ends the client.
    const wouldReconnect = this.options.reconnect || this.supervisor.rotation?.isReplacing === true;
    this.stopReasons.isClosed ||= this.state !== "disconnecting" || wouldReconnect;
    this.supervisor.close({ code: code ?? CloseCode.noStatus, reason });
    return promise;
  }

  /** Ends the client immediately, without a closing handshake. */
  terminate(): void {
    if (this.#ending !== undefined) this.#cancelNextRun();
    if (this.#ending !== undefined || this.isOver) return;
    this.stopReasons.isClosed = true;
    this.stopReasons.isTerminated = true;
    this.hub.dispatcher.discard();
    this.hub.leftovers.discard();
    this.supervisor.terminate();
  }

  #begin(): void {
    this.stopReasons.begin();
    this.#listenToSignal();
    this.#abortListener?.retain();
    this.hub.dispatcher.begin();
    this.supervisor.begin();
  }

  /**
   * Stops the delivery of messages before the next frame, or continues it at the end of the tick. A closing connection is
   * not paused, because its end would not be noticed.
   */
  pauseMessages(isPaused: boolean): void {
    this.#areMessagesPaused = isPaused;
    for (const connection of isPaused ? this.supervisor.connections : [])
      if (connection.isReady && connection.live?.isClosing === false) connection.pause("owner");
    if (isPaused) return;
    this.options.runtime.defer(() => {
      for (const connection of this.supervisor.connections)
        if (!this.#areMessagesPaused) connection.resume("owner");
    });
  }

  // The following methods are called by the message hub.

  connections(): readonly ClientConnection[] {
    return this.supervisor.connections;
  }

  onPaused(): void {
    for (const connection of this.supervisor.connections)
      if (connection.isReady) connection.pause("consumer");
    this.supervisor.connection?.log.add("paused");
    this.emitter.emit("paused", {});
  }

  /** Resumes reading at the end of the tick, so that no message is delivered during the call that emptied the inbox. */
  onResumed(): void {
    this.supervisor.connection?.log.add("resumed");
    this.emitter.emit("resumed", {});
    this.options.runtime.defer(() => {
      // While the messages of one connection are delivered, the inbox can become full, which pauses the client again.
      for (const connection of this.supervisor.connections)
        if (!this.hub.dispatcher.isPaused) connection.resume("consumer");
    });
  }

  /** The emitter calls this method when a listener throws an error. */
  onListenerError(name: EventName, thrown: unknown): void {
    const what = `A listener of "${name}"`;
    if (name === "error") process.emitWarning(this.redacted(toError(thrown, what)));
    else this.reportFunctionError(what, thrown);
  }

  /**
   * Called when a waiting `connect()` was cancelled. Abandons the first connection if no other call waits for that
   * connection.
   */
  onConnectCancelled(reason: unknown): void {
    const isTimeout = reason instanceof TimeoutError;
    if (this.#ending !== undefined) return;
    if (this.calls.hasConnects || this.calls.hasRuns || this.supervisor.hasConnected) return;
    if (this.state !== "connecting" && this.state !== "backingOff") return;
    this.stopReasons.isEndReported = true;
    this.stopReasons.isGivenUp = !isTimeout;
    this.stopReasons.isTimedOut = isTimeout;
    this.supervisor.close(goingAway, isTimeout ? reason : undefined);
  }

  #listenToSignal(): void {
    const { signal } = this.options;
    if (signal !== undefined) this.#abortListener ??= listenFor(signal, this);
  }

  /**
   * Prevents garbage collection of an idle client until `promise` settles, because an abort of the option `signal` must
   * reject the promise.
   * @returns the same promise.
   */
  keepAliveWhile<Value>(promise: Promise<Value>): Promise<Value> {
    if (this.#abortListener === undefined || this.state !== "idle") return promise;
    this.onIdleWait(1);
    const release = (): void => this.onIdleWait(-1);
    promise.then(release, release);
    return promise;
  }

  /**
   * Also called by the message hub.
   * @param change - 1 if a call begins to wait while the client is idle; -1 if the wait of such a call ends.
   */
  onIdleWait(change: number): void {
    this.#idleWaits += change;
    if (this.state !== "idle") return;
    if (this.#idleWaits > 0) this.#abortListener?.retain();
    else this.#abortListener?.release();
  }

  /** Called when the option `signal` is aborted. */
  onAborted(): void {
    if (this.#ending !== undefined) this.#cancelNextRun();
    if (this.#ending !== undefined || this.stopReasons.isAborted || this.isOver) return;
    this.stopReasons.isAborted = true;
    this.#wasWatched = this.isWatched;
    const reason: unknown = this.options.signal?.reason;
    if (this.live !== undefined)
      this.hub.dispatcher.finish({ iteratorError: reason, recvError: reason }, true);
    this.supervisor.close(goingAway);
  }

  /**
   * Called by the supervisor when no connection is left and none follows. Nearly every step of this method calls
   * listeners. While `#ending` is set, calls by these listeners cannot change the outcome. Therefore `closed` is
   * emitted only once, as the last event.
   */
  onOver(report: CloseReport): void {
    const ending = outcomeOf(report, this.stopReasons, this.options);
    const error = errorOf(report, this.stopReasons, this.options);
    const isImmediate = ending === "aborted" || this.stopReasons.isTerminated;
    this.#ending = ending;
    this.hub.end(isImmediate, this.stopReasons.isStopping);
    this.hub.sender.end(error);
    // `isWatched` is read before the events are emitted, because the emission removes listeners that were added by
    // `once()`.
    let { isWatched } = this;
    const isUnobserved = !isWatched && !this.stopReasons.isEndReported && this.calls.isEmpty;
    if (ending === "failed") this.emitter.emit("error", { error: error as Error, isFatal: true });
    const ended = this.calls.takeEnded();
    this.#hasTakenCalls = true;
    this.#abortListener?.stop();
    this.#abortListener = undefined;
    this.supervisor.rotation?.end(error);
    this.states.enter(ending === "failed" ? "failed" : "closed");
    isWatched ||= this.isWatched || this.#wasWatched;
    const iteratorError = ending === "closed" ? undefined : error;
    this.hub.dispatcher.finish({ iteratorError, recvError: error }, isImmediate);
    ended.settle(ending === "closed", error, isWatched);
    this.emitter.emit("closed", { report });
    this.calls.onClosed();
    if (ending === "failed" && isUnobserved) process.emitWarning(error as Error);
    this.#ending = undefined;
    this.#hasTakenCalls = false;
    if (this.calls.hasConnects) this.#beginNextRun();
  }

  /**
   * A listener called `connect()` while the end of the last run was reported. Begins the run that this `connect()`
   * requests.
   */
  #beginNextRun(): void {
    if (this.options.signal?.aborted === true)
      this.calls.takeEnded().settle(false, this.options.signal.reason, this.isWatched);
    else this.#begin();
  }

  /** Rejects the calls that wait for the next run. The next run then does not begin. */
  #cancelNextRun(): void {
    if (this.#hasTakenCalls) this.calls.takeEnded().settle(true, this.stateError("connect"), this.isWatched);
  }
}

/**
 * Emits a process warning. Node prints `detail` after the message. Here `detail` is the stack of the cause, which
 * contains the line of the user's program.
 */
function warn(what: string, hint: string, code: string, cause: unknown): void {
  const warning = new JetSocketError(`${what.replace(/[.!?]?$/, ".")} ${hint}`, { code, cause });
  process.emitWarning(cause instanceof Error ? Object.assign(warning, { detail: cause.stack }) : warning);
}

/** Defined outside the class, so that the callback on the signal does not reference the client. */
function listenFor(
  signal: AbortSignal,
  client: { onAborted(): void },
): WeakAbortListener<{ onAborted(): void }> {
  return new WeakAbortListener(signal, client, (aborted) => aborted.onAborted());
}
