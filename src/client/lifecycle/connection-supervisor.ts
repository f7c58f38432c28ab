/**
 * Manages the connections of one client: it starts attempts, handles the end of each connection, and ends the client
 * when no connection follows. It does not process messages.
 */
import { CloseCode, type CloseFrame } from "../../../protocol/index.js";
import type { AcceptedHandshake, OpeningTimes } from "../../connection/opening.js";
import type { CloseReport } from "../../events/close-report.js";
import { Reconnector, type ReconnectorHandler } from "./reconnector.js";
import { diagnostics } from "../reporting/diagnostics.js";
import { Downtime } from "./downtime.js";
import {
  ClientConnection,
  type ClientConnectionEnd,
  type ClientConnectionHandler,
} from "../connection/client-connection.js";
import { errorOf } from "./outcome.js";
import type { ClientContext, SupervisorHandler } from "./client-context.js";
import { causeOf, contextOf, reportConnection, settleConnection, verdictOf } from "./connection-report.js";
import { failureOf } from "../reporting/report.js";
import { Rotation, type RotationHandler } from "./rotation.js";
import { sharedResources } from "../connection/shared-resources.js";

const durationNames = { dns: "dnsMs", tcp: "tcpMs", proxy: "proxyMs", tls: "tlsMs", http: "httpMs" } as const;

/** Owns the attempts and connections of one client, and the waits between them. */
export class ConnectionSupervisor<Received, Sent>
  implements ClientConnectionHandler<Received, Sent>, RotationHandler<Received, Sent>, ReconnectorHandler
{
  readonly #context: ClientContext<Received, Sent>;
  readonly #handler: SupervisorHandler;
  /** Created when a connection or an attempt first ends; each run of the client has its own. */
  #reconnector: Reconnector<Received, Sent> | undefined;
  /** Created when a connection may first be replaced. */
  #rotation: Rotation<Received, Sent> | undefined;
  /** Created when a connection is first lost. */
  #downtime: Downtime | undefined;
  /** The connection on which messages are sent, or the attempt that may become it. */
  #connection: ClientConnection<Received, Sent> | undefined;
  #accepted: AcceptedHandshake | undefined;
  #url: string;
  #attempts = 0;
  #connectionCount = 0;
  #hasConnected = false;
  #lastReport: CloseReport | undefined;
  /** The final report of the run, while other connections have not ended yet. */
  #finalReport: CloseReport | undefined;
  #isReferenced = true;

  /** @param url - The URL without credentials; empty if a provider function returns it later. */
  constructor(context: ClientContext<Received, Sent>, url: string, handler: SupervisorHandler) {
    this.#context = context;
    this.#handler = handler;
    this.#url = url;
  }

  /** `undefined` until a connection may be replaced. */
  get rotation(): Rotation<Received, Sent> | undefined {
    return this.#rotation;
  }

  #getRotation(): Rotation<Received, Sent> {
    const { options, hub } = this.#context;
    this.#rotation ??= new Rotation<Received, Sent>(options, hub, this);
    return this.#rotation;
  }

  /** Replaces the open connection, or waits for a rotation that is already in progress. */
  rotate(...call: Parameters<Rotation<Received, Sent>["rotate"]>): Promise<void> {
    return this.#getRotation().rotate(...call);
  }

  /** The total time without a connection in milliseconds, counted from the first loss. */
  get downtimeMs(): number {
    return this.#downtime?.total ?? 0;
  }

  #getReconnector(): Reconnector<Received, Sent> {
    this.#reconnector ??= new Reconnector(this.#context, this, this.#isReferenced);
    return this.#reconnector;
  }

  /** The URL of the current connection or attempt, without credentials. */
  get url(): string {
    return this.#url;
  }

  /** What the handshake of the latest connection agreed. */
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

  get connection(): ClientConnection<Received, Sent> | undefined {
    return this.#connection;
  }

  /** All attempts and connections that have not ended. */
  get connections(): readonly ClientConnection<Received, Sent>[] {
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
    // An attempt may fail without I/O, and the caller may connect again immediately. Each further run therefore first
    // lets the event loop process timers and I/O.
    const connection = this.#createNext();
    this.#context.options.runtime.afterTurn(() => this.start(connection));
  }

  dial(): void {
    this.start(this.#createNext());
  }

  /** Creates the next connection and makes it the current one, without starting its attempt. */
  #createNext(): ClientConnection<Received, Sent> {
    this.#reconnector?.stop();
    const connection = this.#createConnection(++this.#attempts);
    this.#connection = connection;
    this.#context.states.enter(this.#hasConnected ? "reconnecting" : "connecting");
    return connection;
  }

  #createConnection(attempt: number): ClientConnection<Received, Sent> {
    const { source, options, publicClient, statistics, hub } = this.#context;
    statistics.attemptCount++;
    const connection = new ClientConnection<Received, Sent>(
      {
        source,
        options,
        attempt,
        resources: sharedResources(options.runtime),
        observer: diagnostics.frameObserver(publicClient),
      },
      hub,
      this,
    );
    if (!this.#isReferenced) connection.unref();
    return connection;
  }

  setReferenced(isReferenced: boolean): void {
    this.#isReferenced = isReferenced;
    for (const one of [...this.connections, this.#reconnector]) {
      if (isReferenced) one?.ref();
      else one?.unref();
    }
  }

  close(close: CloseFrame): void {
    const { hub, states } = this.#context;
    this.#rotation?.beginClosing();
    if (states.current === "connected") hub.sender.beginClosing();
    this.#closeConnections(close);
    this.endIfWaiting();
  }

  /** Abandons the current attempt, or the wait for the next one. */
  giveUp(reason: Error | undefined): void {
    this.#closeConnections({ code: CloseCode.goingAway, reason: "" }, reason);
    this.endIfWaiting(reason);
  }

  #closeConnections(close: CloseFrame, reason?: Error): void {
    const { dispatcher } = this.#context.hub;
    // A closing handshake that a rotation or the peer began now counts as a close by the client.
    if (this.#connection !== undefined) this.#connection.isRotated = false;
    if (this.#connection?.closing !== undefined) dispatcher.beginClosing();
    for (const connection of this.connections) connection.closeForGood(close, reason);
  }

  terminate(): void {
    this.#rotation?.beginTerminating();
    this.#context.hub.sender.detach();
    if (this.#connection !== undefined) this.#connection.isRotated = false;
    for (const connection of this.connections) connection.terminate();
    this.endIfWaiting();
  }

  /** Ends the client if no attempt or connection exists: before the first attempt, or during a wait. */
  endIfWaiting(reason?: Error): void {
    const { current } = this.#context.states;
    const isBetween = this.#reconnector?.isDeciding === true;
    if (isBetween || (current !== "idle" && current !== "backingOff")) return;
    this.#reconnector?.stop();
    this.finish(this.#reportOf(undefined, { kind: "unopened", phase: "provider", error: reason }));
  }

  // Called by the connections.

  onDialling(connection: ClientConnection<Received, Sent>): void {
    if (connection === this.#connection) this.#url = connection.url;
    this.#context.emitter.emit("connecting", { url: connection.url, attempt: connection.attempt });
  }

  onOpen(connection: ClientConnection<Received, Sent>, times: OpeningTimes): void {
    const { statistics } = this.#context;
    connection.number = ++this.#connectionCount;
    statistics.connectCount++;
    for (const phase of Object.keys(times) as (keyof OpeningTimes)[])
      statistics.record(durationNames[phase], times[phase]!);
  }

  onReady(connection: ClientConnection<Received, Sent>): void {
    this.#publishOpen(connection);
    if (this.#rotation?.onReady(connection) !== true) this.#becomeConnected(connection);
  }

  onDrain(connection: ClientConnection<Received, Sent>): void {
    if (connection !== this.#connection) return;
    this.#context.hub.sender.onDrain();
    this.#context.emitter.emit("drain", {});
  }

  onLastMessages(): void {
    const { stopReasons, hub } = this.#context;
    if (stopReasons.isStopping) hub.dispatcher.beginClosing();
  }

  // Called by the rotation.

  createConnection(): ClientConnection<Received, Sent> {
    return this.#createConnection(1);
  }

  start(connection: ClientConnection<Received, Sent>): void {
    connection.start(this.#lastReport);
  }

  isStopping(): boolean {
    return this.#context.stopReasons.isStopping;
  }

  current(): ClientConnection<Received, Sent> | undefined {
    return this.#connection;
  }

  onRotated(overlapMs: number, duplicates: number): void {
    this.#context.statistics.rotationCount++;
    this.#context.emitter.emit("rotated", { overlapMs, duplicates });
  }

  reportError(error: unknown): void {
    this.#handler.reportError(error);
  }

  reportFunctionError(what: string, thrown: unknown): void {
    this.#handler.reportFunctionError(what, thrown);
  }

  #publishOpen(connection: ClientConnection<Received, Sent>): void {
    const { subprotocol, extensions } = connection.accepted!;
    diagnostics.open({
      client: this.#context.publicClient,
      url: connection.url,
      subprotocol,
      extensions,
      connection: connection.number,
    });
    // Undelivered messages of the previous connection are delivered before those of this one.
    const { dispatcher, leftovers } = this.#context.hub;
    if (dispatcher.isPaused || leftovers.isPending) connection.pause("consumer");
    if (!leftovers.isPending) return;
    connection.holdHookMessages();
    leftovers.after(() => connection.releaseHookMessages());
  }

  #becomeConnected(connection: ClientConnection<Received, Sent>): void {
    const { options, states, hub, emitter, calls } = this.#context;
    const isFirst = !this.#hasConnected;
    this.#hasConnected = true;
    this.#attempts = 0;
    this.#reconnector?.onOpen();
    this.#accepted = connection.accepted;
    const downtimeMs = this.#downtime?.end() ?? 0;
    // Attached first: a message that a listener sends on the change to `connected` is queued after the waiting
    // messages.
    hub.sender.attach(connection.live!);
    states.enter("connected");
    const { subprotocol, extensions } = connection.accepted!;
    const event = { url: connection.url, subprotocol, extensions };
    connection.log.add(isFirst ? "connected" : "reconnected", extensions);
    if (isFirst) emitter.emit("connected", event);
    else hub.emitReconnected({ ...event, attempt: connection.attempt, downtimeMs });
    calls.onConnected();
    if (!this.#isOpen(connection)) return;
    if (options.maxConnectionAge !== undefined) this.#getRotation();
    this.#rotation?.onConnected();
    // The cursors are correct only after the messages of the previous connection are delivered.
    hub.leftovers.after(() => {
      if (this.#isOpen(connection)) hub.inbound.onConnection(connection.number);
    });
  }

  #isOpen(connection: ClientConnection<Received, Sent>): boolean {
    return connection === this.#connection && connection.live?.isClosing === false;
  }

  onClosing(
    connection: ClientConnection<Received, Sent>,
    close: CloseFrame,
    initiatedBy: "us" | "peer",
  ): void {
    const { states, hub, emitter, stopReasons } = this.#context;
    // A connection that a rotation replaces emits no `closing` event: its successor sends the messages now or soon.
    const isLeaving = this.#rotation?.isLeaving(connection) === true && !stopReasons.isStopping;
    // Missing messages are requested on the next connection, because this one sends no more messages.
    if (!isLeaving) hub.inbound.onConnectionEnd(connection.number);
    if (connection !== this.#connection || isLeaving) return;
    hub.sender.detach();
    if (states.current === "connected") states.enter("disconnecting");
    if (initiatedBy === "us" && stopReasons.isStopping) hub.dispatcher.beginClosing();
    emitter.emit("closing", { code: close.code, reason: close.reason, initiatedBy });
  }

  /** Makes the second connection of a rotation the current one, on which messages are sent. */
  promote(connection: ClientConnection<Received, Sent>): void {
    this.#connection = connection;
    this.#accepted = connection.accepted;
    this.#url = connection.url;
    // The connection may have begun to close before it became the current one.
    if (connection.closing !== undefined)
      this.onClosing(connection, connection.closing.close, connection.closing.initiatedBy);
  }

  /** Closes the current connection. Another one is dialled when it has ended. */
  replace(reason: string): void {
    const connection = this.#connection!;
    connection.isRotated = true;
    connection.close({ code: CloseCode.normal, reason });
  }

  onEnd(connection: ClientConnection<Received, Sent>, end: ClientConnectionEnd): void {
    this.#endConnection(connection, end);
    this.#context.hub.leftovers.deliver();
  }

  #endConnection(connection: ClientConnection<Received, Sent>, end: ClientConnectionEnd): void {
    if (this.#rotation?.onEnd(connection, end) === true) {
      this.#endIfLast();
      return;
    }
    const { stopReasons, options, emitter, publicClient } = this.#context;
    this.#context.hub.leftovers.add(connection.live);
    const report = this.#reportOf(connection, end);
    this.#getReconnector().beginDeciding();
    this.#connection = undefined;
    this.#lastReport = report;
    const error = errorOf(report, stopReasons, options);
    settleConnection(this.#context, connection, end, error);
    if (end.kind === "open") this.#onLost(connection, end, error);
    diagnostics.close({ client: publicClient, report });
    if (end.kind === "open") emitter.emit("disconnected", { report });
    this.#getReconnector().decide(report, end.kind !== "open");
  }

  /** Handles the loss of an open connection. Its unsent messages return to the sender. */
  #onLost(
    connection: ClientConnection<Received, Sent>,
    { end }: ClientConnectionEnd & { readonly kind: "open" },
    error: unknown,
  ): void {
    const { options, hub, states } = this.#context;
    this.#downtime ??= new Downtime(options.runtime);
    this.#downtime.begin();
    this.#rotation?.onLost();
    hub.inbound.onConnectionEnd(connection.number);
    hub.sender.lost(end.unsent, error, end.isDrainPending);
    states.enter("disconnected");
  }

  // Called by the reconnector.

  connectImmediately(): boolean {
    const { options, states } = this.#context;
    const second = options.reconnect ? this.#rotation?.takeSecond() : undefined;
    if (second === undefined && this.#rotation?.beginRedialling() !== true) return false;
    this.#getReconnector().endDeciding();
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
    this.#downtime?.end();
    this.#handler.onOver(report);
  }

  /** Decides whether the client may retry, which updates the backoff, and then creates the report. */
  #reportOf(connection: ClientConnection<Received, Sent> | undefined, end: ClientConnectionEnd): CloseReport {
    const { stopReasons, options } = this.#context;
    const context = contextOf(connection, stopReasons);
    const verdict = verdictOf(end, context);
    const { error, ageMs } = causeOf(end);
    const isRetryable = this.#getReconnector().judge(verdict, error, ageMs);
    const url = connection === undefined || connection.url === "" ? this.#url : connection.url;
    const hasApplicationPings = options.heartbeat?.ping !== undefined;
    return reportConnection(end, { ...context, verdict, isRetryable, url, hasApplicationPings });
  }

  /**
   * Handles the end of a connection that is not the current one.
   * @returns the error that describes the end.
   */
  retire(connection: ClientConnection<Received, Sent>, end: ClientConnectionEnd): unknown {
    const report = this.#reportOf(connection, end);
    const error = failureOf(report);
    settleConnection(this.#context, connection, end, error);
    diagnostics.close({ client: this.#context.publicClient, report });
    return error;
  }
}
