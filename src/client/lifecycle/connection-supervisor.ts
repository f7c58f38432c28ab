import { CloseCode, type CloseFrame } from "../../../protocol/index.js";
import type { AcceptedHandshake, OpeningTimes } from "../../connection/opening.js";
import type { CloseReport } from "../../events/close-report.js";
import { Comeback, type ComebackHandler } from "./reconnector.js";
import { diagnostics } from "../reporting/diagnostics.js";
import { Downtime } from "./downtime.js";
import { Link, type LinkEnd, type LinkHandler } from "../connection/client-connection.js";
import { errorOf } from "./outcome.js";
import type { LifeContext, LifeHandler } from "../client-context.js";
import { contextOf, reportLink, settleLink } from "../reporting/connection-report.js";
import { failureOf, reportAttempt, type ReportContext } from "../reporting/report.js";
import { Rotation, type RotationHandler } from "./rotation.js";
import { sharedResources } from "../connection/shared-resources.js";

const durationNames = { dns: "dnsMs", tcp: "tcpMs", proxy: "proxyMs", tls: "tlsMs", http: "httpMs" } as const;

/** What happens between a client's beginning and its end: attempts, connections, the waits between them. */
export class Life<Received, Sent>
  implements LinkHandler<Received, Sent>, RotationHandler<Received, Sent>, ComebackHandler
{
  readonly #context: LifeContext<Received, Sent>;
  readonly #handler: LifeHandler;
  /** Of this life; there from the first end on. */
  #comeback: Comeback<Received, Sent> | undefined;
  /** From the first time on that a connection may be replaced. */
  #rotation: Rotation<Received, Sent> | undefined;
  /** From the first loss on. */
  #downtime: Downtime | undefined;
  /** The connection that messages go to, or the one that is to be. */
  #link: Link<Received, Sent> | undefined;
  #accepted: AcceptedHandshake | undefined;
  #url: string;
  #attempts = 0;
  #linkCount = 0;
  #hasConnected = false;
  #lastReport: CloseReport | undefined;
  /** The report of the end of all, while connections are left that are to end too. */
  #finalReport: CloseReport | undefined;
  #isReferenced = true;

  /** @param url - What is known of it before the first attempt. */
  constructor(context: LifeContext<Received, Sent>, url: string, handler: LifeHandler) {
    this.#context = context;
    this.#handler = handler;
    this.#url = url;
  }

  /** `undefined` where no connection was to be replaced yet. */
  get rotation(): Rotation<Received, Sent> | undefined {
    return this.#rotation;
  }

  #rotating(): Rotation<Received, Sent> {
    const { options, traffic } = this.#context;
    this.#rotation ??= new Rotation<Received, Sent>(options, traffic, this);
    return this.#rotation;
  }

  /** Replaces the open connection, or joins what replaces it. */
  rotate(...call: Parameters<Rotation<Received, Sent>["rotate"]>): Promise<void> {
    return this.#rotating().rotate(...call);
  }

  /** Milliseconds without a connection, from the first loss on. */
  get downtimeMs(): number {
    return this.#downtime?.total ?? 0;
  }

  #comingBack(): Comeback<Received, Sent> {
    this.#comeback ??= new Comeback(this.#context, this, this.#isReferenced);
    return this.#comeback;
  }

  get url(): string {
    return this.#url;
  }

  /** The answer that the last connection was opened by. */
  get accepted(): AcceptedHandshake | undefined {
    return this.#accepted;
  }

  /** A connection was open in this life. */
  get hasConnected(): boolean {
    return this.#hasConnected;
  }

  /** How many attempts were made since the last connection. */
  get attempts(): number {
    return this.#attempts;
  }

  get lastReport(): CloseReport | undefined {
    return this.#lastReport;
  }

  get link(): Link<Received, Sent> | undefined {
    return this.#link;
  }

  /** All connections and attempts that there are. */
  get links(): readonly Link<Received, Sent>[] {
    return [this.#link, ...(this.#rotation?.others ?? [])].filter((link) => link !== undefined);
  }

  begin(): void {
    this.#attempts = 0;
    this.#hasConnected = false;
    this.#comeback = undefined;
    this.dial();
  }

  dial(): void {
    this.#comeback?.stop();
    const link = this.#createLink(++this.#attempts);
    this.#link = link;
    this.#context.states.enter(this.#hasConnected ? "reconnecting" : "connecting");
    link.start(this.#lastReport);
  }

  #createLink(attempt: number): Link<Received, Sent> {
    const { source, options, face, statistics, traffic } = this.#context;
    statistics.attemptCount++;
    const link = new Link<Received, Sent>(
      {
        source,
        options,
        attempt,
        resources: sharedResources(options.runtime),
        observer: diagnostics.frameObserver(face),
      },
      traffic,
      this,
    );
    if (!this.#isReferenced) link.unref();
    return link;
  }

  setReferenced(isReferenced: boolean): void {
    this.#isReferenced = isReferenced;
    for (const one of [...this.links, this.#comeback]) {
      if (isReferenced) one?.ref();
      else one?.unref();
    }
  }

  close(close: CloseFrame): void {
    const { traffic, states } = this.#context;
    this.#rotation?.beginClosing();
    if (states.current === "connected") traffic.sender.beginClosing();
    this.#closeLinks(close);
    this.endIfWaiting();
  }

  /** Gives up the attempt, or the wait for one. */
  giveUp(reason: Error | undefined): void {
    this.#closeLinks({ code: CloseCode.goingAway, reason: "" }, reason);
    this.endIfWaiting(reason);
  }

  #closeLinks(close: CloseFrame, reason?: Error): void {
    const { receiver } = this.#context.traffic;
    // A closing handshake that a rotation or the peer has begun becomes that of the client.
    if (this.#link !== undefined) this.#link.isRotated = false;
    if (this.#link?.closing !== undefined) receiver.beginClosing();
    for (const link of this.links) link.closeForGood(close, reason);
  }

  terminate(): void {
    this.#rotation?.beginTerminating();
    this.#context.traffic.sender.detach();
    if (this.#link !== undefined) this.#link.isRotated = false;
    for (const link of this.links) link.terminate();
    this.endIfWaiting();
  }

  /** Nothing was begun, or the next attempt is waited for. */
  endIfWaiting(reason?: Error): void {
    const { current } = this.#context.states;
    const isBetween = this.#comeback?.isDeciding === true;
    if (isBetween || (current !== "idle" && current !== "backingOff")) return;
    this.#comeback?.stop();
    this.finish(reportAttempt("provider", reason, this.#reportContext(undefined)));
  }

  // Called by its connections.

  onDialling(link: Link<Received, Sent>): void {
    if (link === this.#link) this.#url = link.url;
    this.#context.emitter.emit("connecting", { url: link.url, attempt: link.attempt });
  }

  onOpen(link: Link<Received, Sent>, times: OpeningTimes): void {
    const { statistics } = this.#context;
    link.number = ++this.#linkCount;
    statistics.connectCount++;
    for (const phase of Object.keys(times) as (keyof OpeningTimes)[])
      statistics.record(durationNames[phase], times[phase]!);
  }

  onReady(link: Link<Received, Sent>): void {
    this.#tellOpen(link);
    if (this.#rotation?.onReady(link) !== true) this.#becomeConnected(link);
  }

  onDrain(link: Link<Received, Sent>): void {
    if (link !== this.#link) return;
    this.#context.traffic.sender.onDrain();
    this.#context.emitter.emit("drain", {});
  }

  onLastMessages(): void {
    const { intent, traffic } = this.#context;
    if (intent.isStopping) traffic.receiver.beginClosing();
  }

  // Called by its rotation.

  createLink(): Link<Received, Sent> {
    return this.#createLink(1);
  }

  start(link: Link<Received, Sent>): void {
    link.start(this.#lastReport);
  }

  isStopping(): boolean {
    return this.#context.intent.isStopping;
  }

  current(): Link<Received, Sent> | undefined {
    return this.#link;
  }

  onRotated(overlapMs: number, duplicates: number): void {
    this.#context.statistics.rotationCount++;
    this.#context.emitter.emit("rotated", { overlapMs, duplicates });
  }

  tellError(error: unknown): void {
    this.#handler.tellError(error);
  }

  #tellOpen(link: Link<Received, Sent>): void {
    const { subprotocol, extensions } = link.accepted!;
    diagnostics.open({
      client: this.#context.face,
      url: link.url,
      subprotocol,
      extensions,
      connection: link.number,
    });
    // The consumer may be slow still: what the last connection brought waits.
    const { receiver, rests } = this.#context.traffic;
    if (receiver.isPaused || rests.isPending) link.pause("consumer");
    if (!rests.isPending) return;
    link.holdBack();
    rests.after(() => link.releaseHeld());
  }

  #becomeConnected(link: Link<Received, Sent>): void {
    const { options, states, traffic, emitter, calls } = this.#context;
    const isFirst = !this.#hasConnected;
    this.#hasConnected = true;
    this.#attempts = 0;
    this.#comeback?.onOpen();
    this.#accepted = link.accepted;
    const downtimeMs = this.#downtime?.end() ?? 0;
    // What waits leaves at the end of the tick: a listener that sends in the change to `connected` sends behind it.
    traffic.sender.attach(link.live!);
    states.enter("connected");
    const { subprotocol, extensions } = link.accepted!;
    const event = { url: link.url, subprotocol, extensions };
    link.log.add(isFirst ? "connected" : "reconnected", extensions);
    if (isFirst) emitter.emit("connected", event);
    else traffic.tellReconnected({ ...event, attempt: link.attempt, downtimeMs });
    calls.onConnected();
    if (!this.#isOpen(link)) return;
    if (options.maxConnectionAge !== undefined) this.#rotating();
    this.#rotation?.onConnected();
    // The cursors are right once the messages of the last connection are delivered.
    traffic.rests.after(() => {
      if (this.#isOpen(link)) traffic.incoming.onConnection(link.number);
    });
  }

  #isOpen(link: Link<Received, Sent>): boolean {
    return link === this.#link && link.live?.isClosing === false;
  }

  onClosing(link: Link<Received, Sent>, close: CloseFrame, initiatedBy: "us" | "peer"): void {
    const { states, traffic, emitter, intent } = this.#context;
    // One that is replaced ends without a word: messages go to the other already, or are about to.
    const isLeaving = this.#rotation?.isLeaving(link) === true && !intent.isStopping;
    // What is missing is asked for on the next connection: this one takes no question any more.
    if (!isLeaving) traffic.incoming.onConnectionEnd(link.number);
    if (link !== this.#link || isLeaving) return;
    traffic.sender.detach();
    if (states.current === "connected") states.enter("disconnecting");
    if (initiatedBy === "us" && intent.isStopping) traffic.receiver.beginClosing();
    emitter.emit("closing", { code: close.code, reason: close.reason, initiatedBy });
  }

  /** The second connection of a rotation takes messages from now on. */
  promote(link: Link<Received, Sent>): void {
    this.#link = link;
    this.#accepted = link.accepted;
    this.#url = link.url;
    // It may have begun to end before it was wanted.
    if (link.closing !== undefined) this.onClosing(link, link.closing.close, link.closing.initiatedBy);
  }

  /** The current connection closes, and another is dialled when it has ended. */
  replace(reason: string): void {
    const link = this.#link!;
    link.isRotated = true;
    link.close({ code: CloseCode.normal, reason });
  }

  onEnd(link: Link<Received, Sent>, end: LinkEnd): void {
    this.#endLink(link, end);
    this.#context.traffic.rests.deliver();
  }

  #endLink(link: Link<Received, Sent>, end: LinkEnd): void {
    if (this.#rotation?.onEnd(link, end) === true) {
      this.#endIfLast();
      return;
    }
    const { intent, options, emitter, face } = this.#context;
    this.#context.traffic.rests.add(link.live);
    const report = this.#reportOf(link, end);
    this.#comingBack().begin();
    this.#link = undefined;
    this.#lastReport = report;
    const error = errorOf(report, intent, options);
    settleLink(this.#context, link, end, error);
    if (end.kind === "open") this.#onLost(link, end, error);
    diagnostics.close({ client: face, report });
    if (end.kind === "open") emitter.emit("disconnected", { report });
    this.#comingBack().goOn(report, end.kind !== "open");
  }

  /** An open connection was lost: what it has not sent goes back. */
  #onLost(link: Link<Received, Sent>, { end }: LinkEnd & { readonly kind: "open" }, error: unknown): void {
    const { options, traffic, states } = this.#context;
    this.#downtime ??= new Downtime(options.runtime);
    this.#downtime.begin();
    this.#rotation?.onLost();
    traffic.incoming.onConnectionEnd(link.number);
    traffic.sender.lost(end.unsent, error, end.owesDrain);
    states.enter("disconnected");
  }

  // Called by its comeback.

  followAtOnce(): boolean {
    const { options, states } = this.#context;
    const second = options.reconnect ? this.#rotation?.takeSecond() : undefined;
    if (second === undefined && this.#rotation?.takeReplacing() !== true) return false;
    this.#comingBack().end();
    if (second === undefined) this.dial();
    else {
      this.#link = second;
      this.#attempts = second.attempt;
      states.enter("reconnecting");
      if (second.isReady && this.#isOpen(second)) this.#becomeConnected(second);
      second.proceed();
    }
    return true;
  }

  /** The life ends, once no connection is left. */
  finish(report: CloseReport): void {
    this.#finalReport = report;
    if (!this.#context.intent.isStopping) for (const link of this.links) link.terminate();
    this.#endIfLast();
  }

  #endIfLast(): void {
    const report = this.#finalReport;
    if (report === undefined || this.links.length > 0) return;
    this.#finalReport = undefined;
    this.#lastReport = report;
    this.#downtime?.end();
    this.#handler.onOver(report);
  }

  #reportOf(link: Link<Received, Sent>, end: LinkEnd): CloseReport {
    return reportLink(end, this.#reportContext(link));
  }

  #reportContext(link: Link<Received, Sent> | undefined): ReportContext {
    const { intent, options } = this.#context;
    const isRetryable: ReportContext["isRetryable"] = (verdict, error, ageMs) =>
      this.#comingBack().judge(verdict, error, ageMs);
    return {
      ...contextOf(link, intent),
      url: link === undefined || link.url === "" ? this.#url : link.url,
      hasOwnPings: options.heartbeat?.ping !== undefined,
      isRetryable,
    };
  }

  /** A connection has ended that was not the current one. @returns the error that says how. */
  retire(link: Link<Received, Sent>, end: LinkEnd): unknown {
    const report = this.#reportOf(link, end);
    const error = failureOf(report);
    settleLink(this.#context, link, end, error);
    diagnostics.close({ client: this.#context.face, report });
    return error;
  }
}
