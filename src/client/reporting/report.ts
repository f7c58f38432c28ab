/** Creates close reports and the errors that describe them. It does not decide whether the client tries again. */
import { escapeControls, ownOptions } from "../../../protocol/index.js";
import type { ConnectionEnd } from "../../connection/connection-end.js";
import {
  CloseError,
  ConnectionError,
  HandshakeError,
  type JetSocketError,
  ProtocolError,
  ProxyError,
  TimeoutError,
} from "../../errors.js";
import type { CloseReport, Phase, ReportedEvent, Verdict } from "../../events/close-report.js";
import type { TlsDetails } from "../../events/tls-details.js";
import type { AddressAttempt } from "../../runtime/transport.js";
import { tlsFaultOf } from "../../transport/tls-fault.js";
import { attemptAdvice } from "./attempt-advice.js";
import { advices, codeOf, judgeAttempt, type OwnActions, unansweredAdvice } from "./verdict.js";

/** What the client knows and has decided about the end of an attempt or a connection. */
export interface ReportContext extends OwnActions {
  readonly verdict: Verdict;
  /** True if another attempt may succeed. */
  readonly isRetryable: boolean;
  readonly url: string;
  readonly events: readonly ReportedEvent[];
  /** True if the heartbeat sends application messages instead of ping frames. */
  readonly hasApplicationPings: boolean;
  /** The largest observed delay of the event loop in milliseconds. */
  readonly loopLagMs: number;
}

/** An attempt with one of these verdicts was ended by this client. */
const ownVerdicts: ReadonlySet<Verdict> = new Set(["aborted", "closed-by-us", "setup-failed"]);

/** The end of an attempt that never opened a connection. */
export interface FailedAttempt {
  readonly phase: Phase;
  readonly error: Error | undefined;
  readonly addresses?: readonly AddressAttempt[];
  readonly tls?: TlsDetails | undefined;
}

/** Copies the attempts, because the transport may still change them. */
function frozen(addresses: readonly AddressAttempt[]): readonly AddressAttempt[] {
  return Object.freeze(addresses.map((attempt) => Object.freeze({ ...attempt })));
}

/** Creates the report on an attempt that never opened a connection. */
export function reportAttempt(
  { phase, error, addresses = [], tls }: FailedAttempt,
  context: ReportContext,
): CloseReport {
  const { verdict, url } = context;
  const isOwn = context.isAborted || context.isClosedByUs;
  const isRefusal = phase !== "provider" && verdict !== "tls" && error instanceof HandshakeError;
  return createReport(context, isOwn ? advices[verdict] : attemptAdvice(verdict, error, phase), {
    initiatedBy: ownVerdicts.has(verdict) ? "us" : isRefusal ? "peer" : "network",
    phase,
    codeSent: undefined,
    codeReceived: undefined,
    reason: "",
    wasClean: false,
    error: isOwn ? undefined : attemptError(phase, error, url),
    statusCode: isRefusal ? error.statusCode : undefined,
    headers: Object.freeze(isRefusal ? [...error.headers] : []),
    ageMs: 0,
    lastReceivedMs: undefined,
    pausedMs: 0,
    messagesUnsent: 0,
    messagesUncertain: 0,
    unansweredPings: 0,
    addresses: frozen(addresses),
    tls,
  });
}

/**
 * Creates the report on a connection that completed its opening handshake.
 * @param setup - Given if the connection ended before `onConnection` completed. Contains the error of `onConnection`.
 */
export function reportEnd(
  end: ConnectionEnd,
  context: ReportContext,
  setup?: { readonly error: Error | undefined },
): CloseReport {
  const setupError = setup?.error;
  const { verdict, url } = context;
  const isSilent = verdict === "heartbeat-timeout" && end.answeredPings === 0 && !context.hasApplicationPings;
  return createReport(context, isSilent ? unansweredAdvice : advices[verdict], {
    initiatedBy: end.initiatedBy,
    phase: setup === undefined ? end.phase : "setup",
    codeSent: end.closeSent?.code,
    codeReceived: end.closeReceived?.code,
    // A peer that answers our Close frame echoes the code, but usually omits the reason.
    reason: [end.closeReceived, end.closeSent].find((close) => close?.reason)?.reason ?? "",
    wasClean: end.closeSent !== undefined && end.closeReceived !== undefined,
    error: setupError === undefined ? endError(end, verdict, url) : attemptError("setup", setupError, url),
    statusCode: undefined,
    headers: Object.freeze([]),
    ageMs: end.endedAt - end.openedAt,
    lastReceivedMs: end.endedAt - end.lastReceivedAt,
    pausedMs: end.pausedMs,
    messagesUnsent: end.unsent.length,
    messagesUncertain: end.uncertainCount,
    unansweredPings: end.unansweredPings,
    addresses: frozen(end.addresses),
    tls: end.tls,
  });
}

function createReport(
  { verdict, isRetryable, url, events, loopLagMs }: ReportContext,
  advice: string,
  fields: Omit<CloseReport, "verdict" | "advice" | "isRetryable" | "url" | "events" | "loopLagMs">,
): CloseReport {
  formatStack(fields.error);
  return Object.freeze({ verdict, advice, isRetryable, url, events, ...fields, loopLagMs });
}

/** Returns the error of a failed attempt. Its message contains phase, URL and advice. */
function attemptError(phase: Phase, error: Error | undefined, url: string): JetSocketError {
  const failed = `Connecting${url === "" ? "" : ` to ${url}`} failed (phase: ${phase})`;
  // The user function `checkServerIdentity` may throw an error of a class of this package. Such an error becomes the
  // cause of a new error.
  const isOwn = isOwnError(error) && tlsFaultOf(error) === undefined;
  if (isOwn && (phase !== "provider" || error instanceof TimeoutError)) return withContext(error, failed);
  const advice = attemptAdvice(judgeAttempt(phase, error), error);
  const message = `${failed}: ${sentenceOf(error, "the stream was closed")} ${advice}`;
  return new ConnectionError(message, { code: codeOf(error) ?? "CONNECT_FAILED", cause: error, phase });
}

/** Returns the error that ended an open connection, or `undefined` if a closing handshake ended it. */
function endError(end: ConnectionEnd, verdict: Verdict, url: string): JetSocketError | undefined {
  const { error, phase } = end;
  if (isOwnError(error)) return withContext(error, `The connection to ${url} failed (phase: ${phase})`);
  if (error === undefined && (end.initiatedBy === "us" || end.closeReceived !== undefined)) return undefined;
  const what = sentenceOf(error, "the peer ended the stream without a Close frame");
  const message = `The connection to ${url} was lost (phase: ${phase}): ${what} ${advices[verdict]}`;
  return new ConnectionError(message, { code: codeOf(error) ?? "CONNECTION_LOST", cause: error, phase });
}

/**
 * Reads the stacks of an error and its causes, so that V8 formats these stacks. An unformatted stack keeps the objects
 * of its functions alive. One of these objects may be the previous report, whose error keeps the report before it
 * alive. With unformatted stacks, all reports since the first attempt would therefore stay in memory.
 */
function formatStack(error: unknown): void {
  const seen = new Set<unknown>();
  try {
    for (let next = error; next instanceof Error && !seen.has(next); next = next.cause) {
      seen.add(next);
      Reflect.get(next, "stack");
    }
  } catch {
    // A property of a user-defined error may throw when it is read.
  }
}

type OwnError = HandshakeError | ProtocolError | ProxyError | TimeoutError;

function isOwnError(error: Error | undefined): error is OwnError {
  return [HandshakeError, ProtocolError, ProxyError, TimeoutError].some((type) => error instanceof type);
}

/** Returns a copy of an error whose message begins with `context`. `context` contains the phase and the URL. */
function withContext(error: OwnError, context: string): OwnError {
  const message = `${context}: ${error.message}`;
  if (error instanceof TimeoutError) return new TimeoutError(message, error);
  if (error instanceof ProtocolError) return new ProtocolError(message, error);
  if (error instanceof ProxyError) return new ProxyError(message, error);
  return new HandshakeError(message, error);
}

/** Returns the message of an error as one sentence. */
function sentenceOf(error: Error | undefined, otherwise: string): string {
  const said = error === undefined ? otherwise : reasonOf(error);
  const text = escapeControls(said.replace(/\s+/g, " ").trim());
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function reasonOf(error: Error): string {
  // OpenSSL reports "wrong version number" if the received bytes are not TLS.
  if (/wrong version number/i.test(error.message)) return "the server does not use TLS at this address.";
  // The message of an error of OpenSSL also contains the place in its source.
  const { library, reason } = error as { readonly library?: unknown; readonly reason?: unknown };
  if (typeof library === "string" && typeof reason === "string") return reason;
  return error.message || (codeOf(error) ?? error.name);
}

/** Returns the error that describes a failure: the error of the report, or a CloseError for the peer's Close frame. */
export function failureOf(report: CloseReport): JetSocketError {
  const error = report.error ?? closedError(report);
  // The error and the report refer to each other. The property is not enumerable, so printing and JSON do not recurse.
  Object.defineProperty(error, "report", ownOptions({ value: report, configurable: true, writable: true }));
  return error;
}

/** Creates the error that rejects the calls that are pending after a normal close of the connection. */
export function closedError(report: CloseReport): CloseError {
  const by = report.initiatedBy === "us" ? "by this client" : "by the peer";
  const code = report.codeReceived ?? report.codeSent;
  const reason = report.reason === "" ? "" : ` (${escapeControls(report.reason)})`;
  const frame = code === undefined ? "" : ` with ${code}${reason}`;
  const advice = report.initiatedBy === "us" ? "" : ` ${report.advice}`;
  return new CloseError(`The connection to ${report.url} was closed ${by}${frame}.${advice}`, report);
}
