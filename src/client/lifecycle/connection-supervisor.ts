/**
 * Manages the attempts and connections of one client: it creates them, reacts to the end of each of them, and ends the
 * client when no connection follows. It does not process messages.
 */
import { CloseCode, type CloseFrame, mask } from "../../../protocol/index.js";
import type { AcceptedHandshake, OpeningTimes } from "../../connection/opening.js";
import type { TlsSession } from "../../runtime/transport.js";
import type { CloseReport } from "../../events/close-report.js";
import { Reconnector, type ReconnectorHandler } from "./reconnector.js";
import { diagnostics } from "../reporting/diagnostics.js";
import { Stopwatch } from "../../runtime/stopwatch.js";
import {
  ClientConnection,
  type ClientConnectionEnd,
  type ClientConnectionHandler,
} from "../connection/client-connection.js";
import { errorOf } from "./outcome.js";
import type { ClientContext } from "./client-context.js";
import { causeOf, contextOf, reportConnection, settleConnection, verdictOf } from "./connection-report.js";
import { failureOf } from "../reporting/report.js";
import { Rotation, type RotationHandler } from "./rotation.js";
import { sharedResources } from "../connection/shared-resources.js";
import { Redactor } from "../../redaction/redactor.js";

/** Owns the attempts and connections of one client, and the waits between attempts. */
export class ConnectionSupervisor implements ClientConnectionHandler, RotationHandler, ReconnectorHandler {
  readonly #context: ClientContext;
  /**
   * Created when an attempt or a connection ends for the first time in a run. Each run of the client has its own
   * reconnector.
   */
  #reconnector: Reconnector | undefined;
  /** Created by the first `rotate()`, or when a connection opens that has a maximum age. */
  #rotation: Rotation | undefined;
  /** Created at the first loss of a connection. */
  #downtime: Stopwatch | undefined;
  /** The connection on which messages are sent, or the attempt to open it. */
  #connection: ClientConnection | undefined;
  #accepted: AcceptedHandshake | undefined;
  #url: string;
  /** Knows the credentials that the client has sent. */
  readonly redactor: Redactor;
  #attempts = 0;
  #connectionCount = 0;
  #hasConnected = false;
  #lastReport: CloseReport | undefined;
  /** The final report of the run. It is set while the client waits for the end of other connections. */
  #finalReport: CloseReport | undefined;
  #isReferenced = true;
  readonly #tlsSessions: TlsSession[] | undefined;

  /** @param url - The URL without credentials; empty if a provider function returns it later. */
  constructor(context: ClientContext, url: string) {
    this.#context = context;
    this.#url = url;
    if (context.options.tlsSessions) this.#tlsSessions = [];
    this.redactor = new Redactor(context.options.redact);
  }

  /** Replaces connections. `undefined` before the first use. */
  get rotation(): Rotation | undefined {
    return this.#rotation;
  }

  #getRotation(): Rotation {
    return (this.#rotation ??= new Rotation(this.#context, this));
  }

  /** Replaces the open connection, or waits for a rotation that is already in progress. */
  rotate(...call: Parameters<Rotation["rotate"]>): Promise<void> {
    return this.#getRotation().rotate(...call);
  }

  /** The total time without a connection after the first loss of a connection, in milliseconds. */
  get downtimeMs(): number {
    return this.#downtime?.totalAt(this.#context.options.runtime.now()) ?? 0;
  }

  #getReconnector(): Reconnector {
    return (this.#reconnector ??= new Reconnector(this.#context, this, this.#isReferenced));
  }

  /** The URL of the current connection or attempt, without credentials. */
  get url(): string {
    return this.#url;
  }

  /** The result of the opening handshake of the latest connection. */
  get accepted(): AcceptedHandshake | undefined {
    return this.#accepted;
  }

  /** True if a connection was open in the current run. */
  get hasConnected(): boolean {
    return this.#hasConnected;
  }

  /** The number of attempts since the last open connection. */
  get attempts(): number {
    return this.#attempts;
  }

  get lastReport(): CloseReport | undefined {
    return this.#lastReport;
  }

  get connection(): ClientConnection | undefined {
    return this.#connection;
  }

  /** All attempts and connections that have not ended. */
  get connections(): readonly ClientConnection[] {
    return [this.#connection, ...(this.#rotation?.otherConnections ?? [])].filter(
      (connection) => connection !== undefined,
    );
  }

  /** Begins a run of the client with its first attempt. */
  begin(): void {
    this.#attempts = 0;
    this.#hasConnected = false;
    this.#reconnector = undefined;
    if (this.#lastReport === undefined) {
      this.dial();
      return;
    }
    // An attempt may fail without I/O, and a listener may then connect again immediately. Such a loop would starve
    // timers and I/O. Therefore each run after the first run begins in the next turn of the event loop.
    const connection = this.#createNext();
    this.#context.options.runtime.afterTurn(() => this.start(connection));
  }

  dial(): void {
    this.start(this.#createNext());
  }

  /** Creates the next connection and makes it the current connection, but does not start its attempt. */
  #createNext(): ClientConnection {
    this.#reconnector?.timer.clear();
    const connection = this.createConnection(++this.#attempts);
    this.#connection = connection;
    this.#context.states.enter(this.#hasConnected ? "reconnecting" : "connecting");
    return connection;
  }

  /** Also called by the rotation. */
  createConnection(attempt: number = 1): ClientConnection {
    const { source, options, publicClient, statistics, hub } = this.#context;
    statistics.attemptCount++;
    const resources = sharedResources(options.runtime);
    const observer = diagnostics.frameObserver(publicClient, this);
    const tlsSessions = this.#tlsSessions;
    const { redactor } = this;
    const plan = { source, options, attempt, tlsSessions, resources, observer, redactor };
    const connection = new ClientConnection(plan, hub, this);
    if (!this.#isReferenced) connection.unref();
    return connection;
  }

  setReferenced(isReferenced: boolean): void {
    const { dispatcher, sender } = this.#context.hub;
    this.#isReferenced = isReferenced;
    for (const one of [...this.connections, this.#reconnector?.timer, dispatcher, sender]) {
      if (isReferenced) one?.ref();
      else one?.unref();
    }
  }

  /** Closes all connections and abandons all attempts. @param reason - The error of the abandoned attempts. */
  close(close: CloseFrame, reason?: Error): void {
    const { hub, states } = this.#context;
    this.#rotation?.beginClosing();
    if (states.current === "connected") hub.sender.beginClosing();
    // From now on, a closing handshake that a rotation or the peer has begun counts as a close by this client.
    if (this.#connection !== undefined) this.#connection.isRotated = false;
    if (this.#connection?.closing !== undefined) hub.dispatcher.beginClosing();
    for (const connection of this.connections) connection.closeForGood(close, reason);
    this.endIfWaiting(reason);
  }

  terminate(): void {
    this.#rotation?.stopTimers();
    this.#context.hub.sender.detach();
    if (this.#connection !== undefined) this.#connection.isRotated = false;
    for (const connection of this.connections) connection.terminate();
    this.endIfWaiting();
  }

  /** Ends the client if no attempt or connection exists: before the first attempt, or during a wait. */
  endIfWaiting(reason?: Error): void {
    const { current } = this.#context.states;
    if (this.#reconnector?.isDeciding === true || (current !== "idle" && current !== "backingOff")) return;
    this.#reconnector?.timer.clear();
    this.finish(this.#reportOf(undefined, { kind: "unopened", phase: "provider", error: reason }));
  }

  // The following methods are called by the connections.

  onDialling(connection: ClientConnection): void {
    if (connection === this.#connection) this.#url = connection.url;
    this.#context.emitter.emit("connecting", { url: connection.url, attempt: connection.attempt });
  }

  onRedirected(connection: ClientConnection): void {
    if (connection === this.#connection) this.#url = connection.url;
  }

  onOpen(connection: ClientConnection, times: OpeningTimes): void {
    const { statistics } = this.#context;
    connection.number = ++this.#connectionCount;
    statistics.connectCount++;
    for (const phase of Object.keys(times) as (keyof OpeningTimes)[])
      statistics.record(`${phase}Ms`, times[phase]!);
  }

  onReady(connection: ClientConnection): void {
    this.#publishOpen(connection);
    if (this.#rotation?.onReady(connection) !== true) this.#becomeConnected(connection);
  }

  onDrain(connection: ClientConnection): void {
    if (connection !== this.#connection) return;
    this.#context.hub.sender.onDrain();
    this.#context.emitter.emit("drain", {});
  }

  onLastMessages(): void {
    const { stopReasons, hub } = this.#context;
    if (stopReasons.isStopping) hub.dispatcher.beginClosing();
  }

  // The following methods are called by the rotation.

  start(connection: ClientConnection): void {
    connection.start(this.#lastReport);
  }

  onRotated(overlapMs: number, duplicates: number): void {
    this.#context.statistics.rotationCount++;
    this.#context.emitter.emit("rotated", { overlapMs, duplicates });
  }

  #publishOpen(connection: ClientConnection): void {
    const { publicClient, hub } = this.#context;
    const { url, number } = connection;
    const { shownSubprotocol: subprotocol, extensions } = connection.accepted!;
    diagnostics.open({ client: publicClient, url, subprotocol, extensions, connection: number });
    // Undelivered messages of the previous connection are delivered before messages of the new connection.
    const { dispatcher, leftovers } = hub;
    if (dispatcher.isPaused || leftovers.isPending) connection.pause("consumer");
    if (!leftovers.isPending) return;
    connection.holdHookMessages();
    leftovers.after(() => connection.releaseHookMessages());
  }

  #becomeConnected(connection: ClientConnection): void {
    const { options, states, hub, emitter, calls, statistics } = this.#context;
    const isFirst = !this.#hasConnected;
    this.#hasConnected = true;
    this.#attempts = 0;
    this.#reconnector?.retryStrategy.onOpen();
    this.#accepted = connection.accepted;
    const downtimeMs = this.#downtime?.end(options.runtime.now()) ?? 0;
    // The sender is attached before the state changes: messages that a listener sends must follow the waiting messages.
    hub.sender.attach(connection.live!);
    states.enter("connected");
    const { shownSubprotocol: subprotocol, extensions } = connection.accepted!;
    const event = { url: connection.url, subprotocol, extensions, tls: connection.live!.tls };
    connection.log.add(isFirst ? "connected" : "reconnected", extensions);
    if (isFirst) emitter.emit("connected", event);
    else {
      statistics.reconnectCount++;
      statistics.record("recoveryMs", downtimeMs);
      emitter.emit("reconnected", { ...event, attempt: connection.attempt, downtimeMs });
    }
    calls.onConnected();
    if (!this.#isOpen(connection)) return;
    if (options.maxConnectionAge !== undefined) this.#getRotation();
    this.#rotation?.onConnected();
    // The cursors are correct only after the messages of the previous connection are delivered.
    hub.leftovers.after(() => {
      if (this.#isOpen(connection)) hub.inbound.onConnection(connection.number);
    });
  }

  #isOpen(connection: ClientConnection): boolean {
    return connection === this.#connection && connection.live?.isClosing === false;
  }

  onFailing(connection: ClientConnection): void {
    if (connection === this.#connection) this.#context.emitter.emit("failing", {});
  }

  onClosing(connection: ClientConnection, close: CloseFrame, initiatedBy: "us" | "peer"): void {
    const { states, hub, emitter, stopReasons } = this.#context;
    // A connection that a rotation replaces emits no `closing` event, because messages are sent on its successor.
    const isLeaving = this.#rotation?.isLeaving(connection) === true && !stopReasons.isStopping;
    // A closing connection sends no more messages. Missing messages are requested on the next connection.
    if (!isLeaving) hub.inbound.onConnectionEnd(connection.number);
    if (connection !== this.#connection || isLeaving) return;
    hub.sender.detach();
    if (states.current === "connected") states.enter("disconnecting");
    if (initiatedBy === "us" && stopReasons.isStopping) hub.dispatcher.beginClosing();
    const received = { code: close.code, reason: close.reason, initiatedBy };
    const reason = this.redactor.text(close.reason, "reason");
    emitter.emit("closing", mask({ ...received, reason }, received));
  }

  /** Makes the second connection of a rotation the current connection, so that messages are sent on it. */
  promote(connection: ClientConnection): void {
    this.#connection = connection;
    this.#accepted = connection.accepted;
    this.#url = connection.url;
    // The connection may have begun to close before it became the current connection.
    if (connection.closing !== undefined)
      this.onClosing(connection, connection.closing.close, connection.closing.initiatedBy);
  }

  /** Closes the current connection. The next connection is dialled when the current connection has ended. */
  replace(reason: string): void {
    const connection = this.#connection!;
    connection.isRotated = true;
    connection.close({ code: CloseCode.normal, reason });
  }

  onEnd(connection: ClientConnection, end: ClientConnectionEnd): void {
    this.#endConnection(connection, end);
    this.#context.hub.leftovers.deliver();
  }

  #endConnection(connection: ClientConnection, end: ClientConnectionEnd): void {
    if (this.#rotation?.onEnd(connection, end) === true) {
      this.#endIfLast();
      return;
    }
    const { stopReasons, options, emitter, hub, publicClient, states } = this.#context;
    hub.leftovers.add(connection.live);
    const report = this.#reportOf(connection, end);
    this.#getReconnector().isDeciding = true;
    this.#connection = undefined;
    this.#lastReport = report;
    const error = errorOf(report, stopReasons, options);
    settleConnection(this.#context, connection, end, error);
    // The second connection of a rotation may have begun to close before it replaced the lost first connection. It then
    // ends without having become the connected connection.
    const wasConnected = end.kind === "open" && states.current !== "reconnecting";
    if (end.kind === "open") {
      this.#rotation?.stopTimers();
      hub.inbound.onConnectionEnd(connection.number);
      hub.sender.lost(end.end.unsent, error, end.end.isDrainPending);
    }
    if (wasConnected) {
      (this.#downtime ??= new Stopwatch()).begin(options.runtime.now());
      states.enter("disconnected");
    }
    diagnostics.close({ client: publicClient, report });
    if (wasConnected) emitter.emit("disconnected", { report });
    this.#getReconnector().decide(report, !wasConnected);
  }

  // The following methods are called by the reconnector.

  connectImmediately(): boolean {
    const { options, states } = this.#context;
    const second = options.reconnect ? this.#rotation?.takeSecond() : undefined;
    if (second === undefined && this.#rotation?.beginRedialling() !== true) return false;
    this.#getReconnector().isDeciding = false;
    if (second === undefined) this.dial();
    else {
      this.#connection = second;
      this.#attempts = second.attempt;
      states.enter("reconnecting");
      if (second.isReady && this.#isOpen(second)) this.#becomeConnected(second);
      second.leaveStandby();
    }
    return true;
  }

  /** Ends the client when all connections have ended. */
  finish(report: CloseReport): void {
    this.#finalReport = report;
    if (!this.#context.stopReasons.isStopping)
      for (const connection of this.connections) connection.terminate();
    this.#endIfLast();
  }

  #endIfLast(): void {
    const report = this.#finalReport;
    if (report === undefined || this.connections.length > 0) return;
    this.#finalReport = undefined;
    this.#lastReport = report;
    this.#downtime?.end(this.#context.options.runtime.now());
    this.#context.onOver(report);
  }

  /** Decides whether the client may retry, and then creates the report. The decision updates the backoff schedule. */
  #reportOf(connection: ClientConnection | undefined, end: ClientConnectionEnd): CloseReport {
    const { stopReasons, options } = this.#context;
    const context = contextOf(connection, stopReasons);
    const verdict = verdictOf(end, context);
    const { error, ageMs } = causeOf(end);
    const isRetryable = this.#getReconnector().retryStrategy.judge(verdict, error, ageMs);
    const url = connection === undefined || connection.url === "" ? this.#url : connection.url;
    const hasApplicationPings = options.heartbeat?.ping !== undefined;
    const { redactor } = this;
    return reportConnection(end, { ...context, verdict, isRetryable, url, redactor, hasApplicationPings });
  }

  /**
   * Handles the end of a connection that is not the current connection.
   * @returns the error that describes the end.
   */
  retire(connection: ClientConnection, end: ClientConnectionEnd): unknown {
    const report = this.#reportOf(connection, end);
    const error = failureOf(report);
    settleConnection(this.#context, connection, end, error);
    diagnostics.close({ client: this.#context.publicClient, report });
    return error;
  }
}
