import { checkClose, CloseCode, type InvalidStateError } from "../../protocol/index.js";
import type { LiveConnection } from "../connection/live-connection.js";
import type { AcceptedHandshake } from "../connection/opening.js";
import { JetSocketError, TimeoutError } from "../errors.js";
import type { CloseReport } from "../events/close-report.js";
import { Emitter, type EmitterHandler } from "../events/emitter.js";
import type { EventMap, State } from "../events/event-map.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import { WeakAbortListener } from "../runtime/abort.js";
import { handled, rejected, type WaitOptions } from "../runtime/wait.js";
import { type Stats, Statistics } from "../stats/statistics.js";
import { toError } from "../transport/transport-error.js";
import type { CallSite } from "./lifecycle/call-site.js";
import { StopReasons } from "./lifecycle/stop-reasons.js";
import { ConnectionSupervisor } from "./lifecycle/connection-supervisor.js";
import type { ClientContext, SupervisorHandler } from "./client-context.js";
import { PendingCalls, type PendingCallsHandler } from "./lifecycle/pending-calls.js";
import { type Outcome, outcomeOf, errorOf } from "./lifecycle/outcome.js";
import type { ClientConnection } from "./connection/client-connection.js";
import { checkRequest, type RequestSource } from "./connection/request.js";
import { impossibleIn, type StateHandler, StateMachine } from "./lifecycle/state.js";
import { MessageHub, type MessageHubHandler } from "./message-hub.js";

/**
 * One client: composes its layers, answers the calls on it, and sees its life begin and end. It is the context of its life too:
 * thousands of them may be idle.
 */
export class Client<Received, Sent>
  implements
    MessageHubHandler<Received, Sent>,
    ClientContext<Received, Sent>,
    SupervisorHandler,
    PendingCallsHandler,
    StateHandler,
    EmitterHandler<EventMap<Received>>
{
  readonly publicClient: object;
  readonly options: ResolvedOptions<Received, Sent>;
  readonly emitter: Emitter<EventMap<Received>>;
  readonly hub: MessageHub<Received, Sent>;
  readonly statistics: Statistics = new Statistics();
  readonly states: StateMachine;
  readonly stopReasons: StopReasons = new StopReasons();
  readonly calls: PendingCalls;
  readonly #address: RequestSource["url"];
  readonly #supervisor: ConnectionSupervisor<Received, Sent>;
  /** While the option `signal` may still end something. */
  #abortListener: WeakAbortListener<{ onAborted(): void }> | undefined;
  /** The abort has ended a loop or a `recv()` already, before the end of the life. */
  #wasWatched = false;
  /** Calls that wait although nothing was begun: an abort has to reject them. */
  #idleWaits = 0;
  /** An `error` that ends nothing is being told. */
  #isReporting = false;
  /** How the life ends, while its end is reported: no call changes that, and `connect()` begins another life afterwards. */
  #ending: Outcome | undefined;
  /** The calls of the life that ends are settled or about to be; later ones are of the next life. */
  #hasTakenCalls = false;

  /**
   * @param face - What users hold, for those who listen to diagnostics.
   * @throws TypeError for a wrong url, header field or subprotocol that is known already, or a wrong cursor.
   */
  constructor(publicClient: object, source: RequestSource, options: ResolvedOptions<Received, Sent>) {
    const { runtime } = options;
    const url = checkRequest(source);
    this.publicClient = publicClient;
    this.#address = source.url;
    this.options = options;
    this.calls = new PendingCalls(runtime, this);
    this.emitter = new Emitter<EventMap<Received>>(this);
    this.states = new StateMachine(this);
    this.hub = new MessageHub<Received, Sent>(this, this);
    this.#supervisor = new ConnectionSupervisor<Received, Sent>(this, url, this);
    this.#listenToSignal();
    if (options.signal?.aborted === true) runtime.defer(() => this.onAborted());
  }

  /** Made for each attempt: an open connection needs none. */
  get source(): RequestSource {
    return { url: this.#address, options: this.options };
  }

  get state(): State {
    return this.states.current;
  }

  /** The url of the current attempt or connection, without credentials. */
  get url(): string {
    return this.#supervisor.url;
  }

  get accepted(): AcceptedHandshake | undefined {
    return this.#supervisor.accepted;
  }

  get lastReport(): CloseReport | undefined {
    return this.#supervisor.lastReport;
  }

  /** The connection that is open for calls. */
  get sendable(): LiveConnection | undefined {
    const { live } = this;
    return this.states.current === "connected" && live?.isClosing === false ? live : undefined;
  }

  get live(): LiveConnection | undefined {
    return this.#supervisor.connection?.live;
  }

  /** Messages are taken, if only by the outbox. */
  get isAccepting(): boolean {
    const { current } = this.states;
    return (
      current !== "closed" &&
      current !== "failed" &&
      this.#ending === undefined &&
      !this.stopReasons.isStopping
    );
  }

  get isOver(): boolean {
    return this.states.current === "closed" || this.states.current === "failed";
  }

  /** `closed` was told, and no other life has begun. */
  get isSettled(): boolean {
    return this.isOver && this.#ending === undefined;
  }

  /** An error that ends nothing. */
  reportError(reason: unknown): void {
    const error = toError(reason, "A call");
    this.#supervisor.connection?.log.add("error", error.message);
    // What a listener of "error" does in vain would else be told to it again, without end.
    if (this.#isReporting) {
      process.emitWarning(error);
      return;
    }
    this.#isReporting = true;
    this.emitter.emit("error", { error, isFatal: false });
    this.#isReporting = false;
  }

  /** Called by its traffic. Without a listener the loss of a message would leave no trace. */
  warnUndecodable({ code, cause }: JetSocketError): void {
    const reason = toError(cause, "The deserializer").message;
    const message =
      `A message from ${this.url} was dropped, because the deserializer threw on it: ${reason}. ` +
      `Listen to the events "error" or "dropped" to be told of each one. To receive every message as it came, spread raw into the options.`;
    process.emitWarning(new JetSocketError(message, { code, cause }));
  }

  stateError(operation: string): InvalidStateError {
    return impossibleIn(this.states.current, operation);
  }

  stats(): Stats {
    const { sender, dispatcher, inbound } = this.hub;
    const { connections, connection, downtimeMs } = this.#supervisor;
    return this.statistics.snapshot(
      connections.flatMap(({ live }) => live ?? []),
      {
        messagesWaiting: dispatcher.waitingCount,
        messagesHeld: inbound.heldCount,
        outboxMessages: sender.keptCount,
        outboxBytes: sender.keptBytes,
        bufferedAmount: this.live?.bufferedAmount ?? 0,
        duplicateCount: inbound.duplicateCount,
        gapCount: inbound.gapCount,
        recoveredCount: inbound.recoveredCount,
        resetCount: inbound.resetCount,
        uptimeMs: connection?.isReady === true ? this.options.runtime.now() - connection.live!.openedAt : 0,
        downtimeMs,
      },
    );
  }

  /** @param site - Where the user made the call; its promise is not marked as handled. */
  connect(options: WaitOptions | undefined, site?: CallSite): Promise<void> {
    const { signal } = this.options;
    if (signal?.aborted === true) {
      const promise = this.refuse(signal.reason);
      this.onAborted();
      return promise;
    }
    if (options?.signal?.aborted === true) return this.refuse(options.signal.reason);
    if (this.sendable !== undefined) return Promise.resolve();
    const { current } = this.states;
    const mayBegin = this.#ending === undefined && (current === "idle" || current === "failed");
    if (!mayBegin && !this.#isOnItsWay()) return this.refuse(this.stateError("connect"));
    const promise = this.#waitForConnection("connect", options, site);
    if (mayBegin) this.#begin();
    return promise;
  }

  /** The answer to a `connect()` or `run()` that fails at once. */
  refuse(reason: unknown): Promise<never> {
    return this.isWatched ? rejected(reason) : Promise.reject(reason);
  }

  /** Called by its calls: somebody is notified of what rejects `connect()` or `run()`, and of a fatal end. */
  get isWatched(): boolean {
    return this.emitter.has("error") || this.emitter.has("closed") || this.hub.dispatcher.isWaitedFor;
  }

  /** A connection is to come, as far as is known. */
  #isOnItsWay(): boolean {
    const { current } = this.states;
    // While a failure is reported, a call waits for the life that follows.
    if (this.#ending !== undefined) return this.#ending === "failed";
    if (this.stopReasons.isStopping || current === "closed" || current === "idle" || current === "failed")
      return false;
    return current === "connecting" || this.options.reconnect;
  }

  #waitForConnection(operation: string, options: WaitOptions | undefined, site?: CallSite): Promise<void> {
    return this.calls.connect(operation, options, (reason) => this.#onConnectCancelled(reason), site);
  }

  /** Resolves when the life has ended in good order, rejects when it has failed. @param site - As for {@link connect}. */
  run(options: WaitOptions | undefined, site: CallSite): Promise<void> {
    const { current } = this.states;
    const { signal } = this.options;
    if (options?.signal?.aborted === true) return this.refuse(options.signal.reason);
    if (current === "closed" && !this.stopReasons.isAborted) return Promise.resolve();
    if (signal?.aborted === true && (current === "closed" || current === "failed"))
      return this.refuse(signal.reason);
    if (this.#ending === "closed") return Promise.resolve();
    if (this.#ending === "aborted") return this.refuse(signal?.reason);
    const promise = this.calls.run(options, site);
    // The user has no promise of this call.
    if (current === "idle" || current === "failed" || this.#ending === "failed")
      void handled(this.connect(undefined));
    return promise;
  }

  /** Dials at once where it waits for that; replaces an open connection. */
  reconnect(options: WaitOptions | undefined): Promise<void> {
    const { current } = this.states;
    if (options?.signal?.aborted === true) return rejected(options.signal.reason);
    if (this.sendable !== undefined) return this.rotate("replace", "", options);
    const isUnderWay = current === "connecting" || current === "reconnecting" || current === "backingOff";
    if (!isUnderWay || this.stopReasons.isStopping || this.#ending !== undefined)
      return rejected(this.stateError("reconnect"));
    const promise = this.#waitForConnection("reconnect", options);
    if (current === "backingOff") this.#supervisor.dial();
    return promise;
  }

  rotate(mode: "overlap" | "replace", reason: string, options: WaitOptions | undefined): Promise<void> {
    checkClose(CloseCode.normal, reason);
    const isReplacing = this.#ending === undefined && this.#supervisor.rotation?.isReplacing === true;
    // One that is under way serves whoever asks for one.
    const mayRotate = this.sendable !== undefined || (isReplacing && !this.stopReasons.isStopping);
    if (!mayRotate) return rejected(this.stateError("rotate"));
    return this.#supervisor.rotate(mode, reason, options);
  }

  /** @throws RangeError for a code or a reason that a Close frame may not carry. */
  close(code: number, reason: string, options: WaitOptions | undefined): Promise<void> {
    checkClose(code, reason);
    const { current } = this.states;
    if (current === "closed" || current === "failed") return Promise.resolve();
    const promise = this.calls.close(options);
    if (this.#ending !== undefined) {
      this.#cancelNext();
      return promise;
    }
    // Where another connection would follow, it is this call that makes the end of this one the end of all.
    const wouldGoOn = this.options.reconnect || this.#supervisor.rotation?.isReplacing === true;
    this.stopReasons.isClosed ||= current !== "disconnecting" || wouldGoOn;
    this.#supervisor.close({ code, reason });
    return promise;
  }

  /** Ends at once, without a closing handshake. */
  terminate(): void {
    const { current } = this.states;
    if (this.#ending !== undefined) this.#cancelNext();
    if (this.#ending !== undefined || current === "closed" || current === "failed") return;
    this.stopReasons.isClosed = true;
    this.stopReasons.isTerminated = true;
    this.hub.dispatcher.discard();
    this.hub.leftovers.discard();
    this.#supervisor.terminate();
  }

  setReferenced(isReferenced: boolean): void {
    const { dispatcher, sender } = this.hub;
    this.#supervisor.setReferenced(isReferenced);
    for (const one of [dispatcher, sender]) {
      if (isReferenced) one.ref();
      else one.unref();
    }
  }

  #begin(): void {
    this.stopReasons.begin();
    this.#listenToSignal();
    this.#abortListener?.hold();
    this.hub.dispatcher.begin();
    this.#supervisor.begin();
  }

  /** Called by its traffic, as the four behind it. */
  connections(): readonly ClientConnection<Received, Sent>[] {
    return this.#supervisor.connections;
  }

  onOverlapJoined(): void {
    this.#supervisor.rotation?.onJoined();
  }

  onOverlapFull(): void {
    this.#supervisor.rotation?.onFull();
  }

  onPaused(): void {
    for (const connection of this.#supervisor.connections)
      if (connection.isReady) connection.pause("consumer");
    this.#supervisor.connection?.log.add("paused");
    this.emitter.emit("paused", {});
  }

  /** Reading goes on at the end of the tick: what was kept is not told inside the caller's call. */
  onResumed(): void {
    this.#supervisor.connection?.log.add("resumed");
    this.emitter.emit("resumed", {});
    this.options.runtime.defer(() => {
      // What one of them has kept may fill the inbox again.
      for (const connection of this.#supervisor.connections)
        if (!this.hub.dispatcher.isPaused) connection.resume("consumer");
    });
  }

  /** Called by its state. */
  onStateChange(from: State, to: State): void {
    this.emitter.emit("stateChange", { from, to });
  }

  /** Called by its emitter. */
  onListenerError(name: keyof EventMap<Received>, thrown: unknown): void {
    const error = toError(thrown, `A listener of "${name}"`);
    if (name === "error") process.emitWarning(error);
    else this.reportError(error);
  }

  /** Where nobody else waits for the first connection, its attempts are given up. */
  #onConnectCancelled(reason: unknown): void {
    const { current } = this.states;
    const isTimeout = reason instanceof TimeoutError;
    if (this.#ending !== undefined) return;
    if (this.calls.hasConnects || this.calls.hasRuns || this.#supervisor.hasConnected) return;
    if (current !== "connecting" && current !== "backingOff") return;
    this.stopReasons.isEndReported = true;
    this.stopReasons.isGivenUp = !isTimeout;
    this.stopReasons.isTimedOut = isTimeout;
    this.#supervisor.giveUp(isTimeout ? reason : undefined);
  }

  #listenToSignal(): void {
    const { signal } = this.options;
    if (signal !== undefined) this.#abortListener ??= listenFor(signal, this);
  }

  /**
   * Waits for `promise`, which an abort of the option `signal` rejects: until then the signal keeps an idle client alive.
   * @returns the same promise.
   */
  holdWhile<Value>(promise: Promise<Value>): Promise<Value> {
    if (this.#abortListener === undefined || this.states.current !== "idle") return promise;
    this.onIdleWait(1);
    const release = (): void => this.onIdleWait(-1);
    promise.then(release, release);
    return promise;
  }

  /** Called by its traffic too: so many more calls wait on an idle client. */
  onIdleWait(change: number): void {
    this.#idleWaits += change;
    if (this.states.current !== "idle") return;
    if (this.#idleWaits > 0) this.#abortListener?.hold();
    else this.#abortListener?.release();
  }

  /** The option `signal` is aborted. */
  onAborted(): void {
    const { current } = this.states;
    if (this.#ending !== undefined) this.#cancelNext();
    if (
      this.#ending !== undefined ||
      this.stopReasons.isAborted ||
      current === "failed" ||
      current === "closed"
    )
      return;
    this.stopReasons.isAborted = true;
    this.#wasWatched = this.isWatched;
    const reason: unknown = this.options.signal?.reason;
    if (this.live !== undefined)
      this.hub.dispatcher.finish({ iteratorError: reason, recvError: reason }, true);
    this.#supervisor.close({ code: CloseCode.goingAway, reason: "" });
  }

  /**
   * Called by its life. Listeners run at nearly every step; `#ending` keeps what they call from changing this end, so that
   * `closed` comes once and last.
   */
  onOver(report: CloseReport): void {
    const ending = outcomeOf(report, this.stopReasons, this.options);
    const error = errorOf(report, this.stopReasons, this.options);
    const isImmediate = ending === "aborted" || this.stopReasons.isTerminated;
    this.#ending = ending;
    this.hub.end(isImmediate, this.stopReasons.isStopping);
    this.hub.sender.end(error);
    // A listener for one event is gone when that was emitted.
    let { isWatched } = this;
    const isUnobserved = !isWatched && !this.stopReasons.isEndReported && this.calls.isEmpty;
    if (ending === "failed") this.emitter.emit("error", { error: error as Error, isFatal: true });
    const ended = this.calls.takeEnded();
    this.#hasTakenCalls = true;
    this.#abortListener?.stop();
    this.#abortListener = undefined;
    this.#supervisor.rotation?.end(error);
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
    if (this.calls.hasConnects) this.#beginNext();
  }

  /** A `connect()` was called while the end of the last life was reported. */
  #beginNext(): void {
    if (this.options.signal?.aborted === true)
      this.calls.takeEnded().settle(false, this.options.signal.reason, this.isWatched);
    else this.#begin();
  }

  /** The life that would follow is not wanted. */
  #cancelNext(): void {
    if (this.#hasTakenCalls) this.calls.takeEnded().settle(true, this.stateError("connect"), this.isWatched);
  }
}

/** Outside of the class, so that the callback on the signal refers to no client. */
function listenFor(
  signal: AbortSignal,
  client: { onAborted(): void },
): WeakAbortListener<{ onAborted(): void }> {
  return new WeakAbortListener(signal, client, (aborted) => aborted.onAborted());
}
