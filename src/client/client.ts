import { checkClose, CloseCode, type InvalidStateError } from "../../protocol/index.js";
import type { ConnectionEnd } from "../connection/connection-end.js";
import { inboxOverflow } from "../connection/failures.js";
import type { LiveConnection, LiveHandler } from "../connection/live-connection.js";
import type { AcceptedHandshake } from "../connection/opening.js";
import { TimeoutError } from "../errors.js";
import type { CloseReport, Phase } from "../events/close-report.js";
import { Emitter } from "../events/emitter.js";
import type { EventMap, State } from "../events/event-map.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import { onAbort } from "../runtime/abort.js";
import { rejected, Wait, type WaitOptions } from "../runtime/wait.js";
import { Counters } from "../stats/counters.js";
import { toError } from "../transport/transport-error.js";
import { Attempt } from "./attempt.js";
import { deserializeJson } from "./default-messages.js";
import { EventLog } from "./event-log.js";
import { Receiver } from "./receiver.js";
import { closedError, failureOf, reportAttempt, type ReportContext, reportEnd } from "./report.js";
import { checkRequest, type RequestSource } from "./request.js";
import { sharedResources } from "./shared-resources.js";
import { impossibleIn, StateMachine } from "./state.js";

/** How a life ends: in good order, by a failure, or by the signal. */
type Ending = "closed" | "failed" | "aborted";

/**
 * The life of a client: attempt, open connection, end. It knows every layer, and is the only one that does;
 * what users call stands on it in `websocket.ts`.
 */
export class Client<Received, Sent> {
  readonly options: ResolvedOptions<Received, Sent>;
  readonly emitter: Emitter<EventMap<Received>>;
  readonly receiver: Receiver<Received>;
  readonly counters: Counters = new Counters();
  readonly #source: RequestSource;
  readonly #state: StateMachine;
  #log: EventLog;
  #attempt: Attempt | undefined;
  #live: LiveConnection | undefined;
  #accepted: AcceptedHandshake | undefined;
  #url: string;
  #connectedAt = 0;
  #lastReport: CloseReport | undefined;
  #connectWaits: Wait[] = [];
  #runWaits: Wait[] = [];
  #closeWaits: Wait[] = [];
  #isAborted = false;
  /** The signal of the only `connect()` that waited was aborted. */
  #isGivenUp = false;
  /** A `connect()` has rejected already, by its own timeout or signal. */
  #isEndTold = false;
  #stopListening: (() => void) | undefined;
  #isClosedByUs = false;
  #isTerminated = false;
  #isReferenced = true;
  /** A life ends: a `connect()` of one of its listeners begins another behind it. */
  #isEnding = false;

  /** @throws TypeError for a wrong url, header field or subprotocol that is known already. */
  constructor(source: RequestSource, options: ResolvedOptions<Received, Sent>) {
    const { runtime } = options;
    this.#url = checkRequest(source, sharedResources(runtime).fillRandom);
    this.options = options;
    this.#source = source;
    this.#log = new EventLog(() => runtime.now());
    this.emitter = new Emitter((name, error) => this.#onListenerError(name, error));
    this.#state = new StateMachine((from, to) => this.emitter.emit("stateChange", { from, to }));
    const deserializer = options.deserializer ?? (deserializeJson as typeof options.deserializer & object);
    this.receiver = new Receiver(
      runtime,
      this.emitter,
      { deserializer, buffer: options.buffer },
      {
        pause: () => this.#onPaused(),
        resume: () => this.#onResumed(),
        onOverflow: () => this.#live?.fail(inboxOverflow(options.buffer.capacity)),
        onDropped: (event) => this.#onDropped(event),
        onError: (error) => this.tellError(error),
      },
    );
    this.#listenToSignal();
    if (options.signal?.aborted === true) runtime.defer(this.#onAbort);
  }

  get state(): State {
    return this.#state.current;
  }

  /** The url of the current attempt or connection, without credentials. */
  get url(): string {
    return this.#url;
  }

  get accepted(): AcceptedHandshake | undefined {
    return this.#accepted;
  }

  get lastReport(): CloseReport | undefined {
    return this.#lastReport;
  }

  /** The connection that messages may be sent on. */
  get sendable(): LiveConnection | undefined {
    return this.#state.current === "connected" && this.#live?.isClosing === false ? this.#live : undefined;
  }

  get live(): LiveConnection | undefined {
    return this.#live;
  }

  get uptime(): number {
    return this.#live === undefined ? 0 : this.options.runtime.now() - this.#connectedAt;
  }

  /** An error that ends nothing. */
  tellError(reason: unknown): void {
    const error = toError(reason, "A call");
    this.#log.add("error", error.message);
    this.emitter.emit("error", { error, isFatal: false });
  }

  connect(options: WaitOptions | undefined): Promise<void> {
    const { signal } = this.options;
    if (signal?.aborted === true) {
      this.#onAbort();
      return rejected(signal.reason);
    }
    if (options?.signal?.aborted === true) return rejected(options.signal.reason);
    const { current } = this.#state;
    if (this.sendable !== undefined) return Promise.resolve();
    const mayBegin = current === "idle" || current === "failed";
    if (!mayBegin && current !== "connecting") return rejected(this.stateError("connect"));
    const wait: Wait = new Wait(this.options.runtime, "connect", options, (reason) =>
      this.#onConnectCancelled(wait, reason),
    );
    this.#connectWaits.push(wait);
    if (mayBegin && !this.#isEnding) this.#begin();
    return wait.promise;
  }

  /** Resolves when the life has ended in good order, rejects when it has failed. */
  run(options: WaitOptions | undefined): Promise<void> {
    const { current } = this.#state;
    const { signal } = this.options;
    if (current === "closed" && !this.#isAborted) return Promise.resolve();
    if (signal?.aborted === true && (current === "closed" || current === "failed"))
      return rejected(signal.reason);
    const wait = new Wait(this.options.runtime, "run", options);
    this.#runWaits.push(wait);
    if (current === "idle" || current === "failed") void this.connect(undefined);
    return wait.promise;
  }

  stateError(operation: string): InvalidStateError {
    return impossibleIn(this.#state.current, operation);
  }

  /** @throws RangeError for a code or a reason that a Close frame may not carry. */
  close(code: number, reason: string, options: WaitOptions | undefined): Promise<void> {
    checkClose(code, reason);
    const { current } = this.#state;
    if (current === "closed" || current === "failed") return Promise.resolve();
    const wait = new Wait(this.options.runtime, "close", options);
    this.#closeWaits.push(wait);
    this.#isClosedByUs ||= current !== "disconnecting";
    if (current === "idle") this.#endUnopened("provider", undefined);
    else if (this.#live !== undefined) this.#live.close({ code, reason });
    else this.#attempt?.abandon();
    return wait.promise;
  }

  /** Ends at once, without a closing handshake. */
  terminate(): void {
    const { current } = this.#state;
    if (current === "closed" || current === "failed") return;
    this.#isClosedByUs = true;
    this.#isTerminated = true;
    this.receiver.discard();
    if (current === "idle") this.#endUnopened("provider", undefined);
    else if (this.#live !== undefined) this.#live.terminate();
    else this.#attempt?.abandon();
  }

  setReferenced(isReferenced: boolean): void {
    this.#isReferenced = isReferenced;
    for (const one of [this.#attempt, this.#live, this.receiver]) {
      if (isReferenced) one?.ref();
      else one?.unref();
    }
  }

  #begin(): void {
    const { options } = this;
    this.#isClosedByUs = false;
    this.#isTerminated = false;
    this.#isGivenUp = false;
    this.#isEndTold = false;
    this.#log = new EventLog(() => options.runtime.now());
    this.#listenToSignal();
    this.receiver.begin();
    const attempt = new Attempt(
      {
        source: this.#source,
        options,
        resources: sharedResources(options.runtime),
        attempt: 1,
        lastReport: this.#lastReport,
      },
      {
        onDialling: (url) => this.#onDialling(url),
        onOpen: (live, accepted) => this.#onOpen(live, accepted),
        onFailed: (phase, error) => this.#endUnopened(phase, error),
      },
      this.#liveHandler,
    );
    this.#attempt = attempt;
    if (!this.#isReferenced) attempt.unref();
    this.#state.enter("connecting");
    attempt.start();
  }

  #onDialling(url: string): void {
    this.#url = url;
    this.#log.add("connecting", url);
    this.emitter.emit("connecting", { url, attempt: 1 });
  }

  #onOpen(live: LiveConnection, accepted: AcceptedHandshake): void {
    this.#attempt = undefined;
    this.#live = live;
    if (!this.#isReferenced) live.unref();
    this.#accepted = accepted;
    this.#connectedAt = this.options.runtime.now();
    this.counters.connectCount++;
    this.#log.add("connected", accepted.extensions);
    this.#state.enter("connected");
    // A listener of the change may have closed it.
    if (this.sendable === undefined) return;
    const { subprotocol, extensions } = accepted;
    this.emitter.emit("connected", { url: this.#url, subprotocol, extensions });
    for (const wait of this.#connectWaits.splice(0)) wait.resolve();
  }

  readonly #liveHandler: LiveHandler = {
    onMessage: (data, size) => {
      this.counters.messagesReceived++;
      this.counters.payloadBytesReceived += size;
      this.receiver.receive(data, size);
    },
    onPing: (payload) => this.emitter.emit("ping", { payload }),
    onPong: (payload, latencyMs) => {
      if (latencyMs !== undefined) this.counters.latencyMs = latencyMs;
      this.emitter.emit("pong", { payload, latencyMs });
    },
    onClosing: ({ code, reason }, initiatedBy) => {
      this.#log.add("closing", `${code} by ${initiatedBy}`);
      if (this.#state.current === "connected") this.#state.enter("disconnecting");
      if (initiatedBy === "us") this.receiver.beginClosing();
      this.emitter.emit("closing", { code, reason, initiatedBy });
    },
    onDrain: () => this.emitter.emit("drain", {}),
    onRefused: (error) => this.tellError(error),
    onLastMessages: () => this.receiver.beginClosing(),
    onEnd: (end) => this.#endOpened(end),
  };

  #onPaused(): void {
    this.#live?.pause();
    this.#log.add("paused");
    this.emitter.emit("paused", {});
  }

  /** Reading goes on at the end of the tick: what was kept is not told inside the caller's call. */
  #onResumed(): void {
    const live = this.#live;
    this.#log.add("resumed");
    this.emitter.emit("resumed", {});
    this.options.runtime.defer(() => live?.resume());
  }

  #onDropped(event: EventMap<Received>["dropped"]): void {
    this.counters.messagesDropped++;
    this.emitter.emit("dropped", event);
  }

  #onListenerError(name: keyof EventMap<Received>, thrown: unknown): void {
    const error = toError(thrown, `A listener of "${name}"`);
    if (name === "error") process.emitWarning(error);
    else this.tellError(error);
  }

  #onConnectCancelled(wait: Wait, reason: unknown): void {
    this.#connectWaits = this.#connectWaits.filter((other) => other !== wait);
    this.#isEndTold = true;
    if (this.#connectWaits.length > 0 || this.#runWaits.length > 0) return;
    this.#isGivenUp = !(reason instanceof TimeoutError);
    this.#attempt?.abandon(reason instanceof TimeoutError ? reason : undefined);
  }

  #listenToSignal(): void {
    const { signal } = this.options;
    if (signal !== undefined) this.#stopListening ??= onAbort(signal, this.#onAbort);
  }

  readonly #onAbort = (): void => {
    const { current } = this.#state;
    if (this.#isAborted || current === "failed" || current === "closed") return;
    this.#isAborted = true;
    if (current === "idle") this.#endUnopened("provider", undefined);
    else if (this.#live !== undefined) this.#abortLive(this.#live);
    else this.#attempt?.abandon();
  };

  #abortLive(live: LiveConnection): void {
    const reason: unknown = this.options.signal?.reason;
    this.receiver.finish({ iteratorError: reason, recvError: reason }, true);
    live.close({ code: CloseCode.goingAway, reason: "" });
  }

  get #reportContext(): ReportContext {
    return {
      url: this.#url,
      events: this.#log.events,
      isAborted: this.#isAborted || this.#isGivenUp,
      isClosedByUs: this.#isClosedByUs,
    };
  }

  /** The attempt has failed, was given up, or never came to be. */
  #endUnopened(phase: Phase, error: Error | undefined): void {
    this.#attempt = undefined;
    const report = reportAttempt(phase, error, this.#reportContext);
    const ending = this.#endingFor(this.#isClosedByUs);
    this.#endLife(ending, this.#errorFor(ending, report), report);
  }

  #endOpened(end: ConnectionEnd): void {
    const live = this.#live!;
    this.#live = undefined;
    this.counters.bytesReceived += live.bytesReceived;
    this.counters.bytesSent += live.bytesSent;
    this.counters.messagesSent += live.messagesAccepted;
    const report = reportEnd(end, this.#reportContext);
    const { codeReceived } = report;
    const isInGoodOrder =
      this.#isClosedByUs ||
      (report.wasClean && report.error === undefined && (codeReceived === 1000 || codeReceived === 1001));
    const ending = this.#endingFor(isInGoodOrder);
    const error = this.#errorFor(ending, report);
    live.settle(error);
    for (const message of end.unsent) this.#onDropped({ direction: "out", message, cause: "unsent" });
    this.#state.enter("disconnected");
    this.emitter.emit("disconnected", { report });
    this.#endLife(ending, error, report);
  }

  #endLife(ending: Ending, error: unknown, report: CloseReport): void {
    this.#isEnding = true;
    this.#lastReport = report;
    const isUnobserved = !this.#isObserved;
    if (ending === "failed") this.emitter.emit("error", { error: error as Error, isFatal: true });
    const [connects, runs] = [this.#connectWaits.splice(0), this.#runWaits.splice(0)];
    this.#stopListening?.();
    this.#stopListening = undefined;
    this.#state.enter(ending === "failed" ? "failed" : "closed");
    const iteratorError = ending === "closed" ? undefined : error;
    this.receiver.finish({ iteratorError, recvError: error }, ending === "aborted" || this.#isTerminated);
    for (const wait of connects) wait.reject(error);
    for (const wait of runs) {
      if (ending === "closed") wait.resolve();
      else wait.reject(error);
    }
    this.emitter.emit("closed", { report });
    for (const wait of this.#closeWaits.splice(0)) wait.resolve();
    if (ending === "failed" && isUnobserved) process.emitWarning(error as Error);
    this.#isEnding = false;
    if (this.#connectWaits.length > 0) this.#begin();
  }

  #endingFor(isInGoodOrder: boolean): Ending {
    if (this.#isAborted) return "aborted";
    return isInGoodOrder ? "closed" : "failed";
  }

  #errorFor(ending: Ending, report: CloseReport): unknown {
    if (ending === "aborted") return this.options.signal?.reason;
    return ending === "failed" ? failureOf(report) : closedError(report);
  }

  /** Somebody is told of a fatal end. */
  get #isObserved(): boolean {
    if (this.#isEndTold) return true;
    if (this.emitter.has("error") || this.emitter.has("closed") || this.receiver.isWaitedFor) return true;
    return this.#connectWaits.length + this.#runWaits.length + this.#closeWaits.length > 0;
  }
}
