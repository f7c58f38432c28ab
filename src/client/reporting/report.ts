/** Creates close reports and the errors that describe them. It does not decide whether the client tries again. */
import { escapeControls, ownOptions } from "../../../protocol/index.js";
import type { ConnectionEnd } from "../../connection/connection-end.js";
import {
  CloseError,
  ConnectionError,
  HandshakeError,
  type JetSocketError,
  ProtocolError,
  TimeoutError,
} from "../../errors.js";
import type { CloseReport, Phase, ReportedEvent, Verdict } from "../../events/close-report.js";
import { tlsFaultOf } from "../../transport/tls-fault.js";
import { attemptAdvice } from "./attempt-advice.js";
import { adviceFor, judgeAttempt, type OwnActions, unansweredAdvice } from "./verdict.js";

/** What the client knows and decided about an end, in addition to the facts from the connection itself. */
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

/** The verdicts of attempts that this side ended. */
const ownVerdicts: ReadonlySet<Verdict> = new Set(["aborted", "closed-by-us", "setup-failed"]);

/** Creates the report on an attempt that never opened a connection. */
export function reportAttempt(phase: Phase, error: Error | undefined, context: ReportContext): CloseReport {
  const { verdict, isRetryable } = context;
  const isOwn = context.isAborted || context.isClosedByUs;
  const isRefusal = phase !== "provider" && verdict !== "tls" && error instanceof HandshakeError;
  const advice = isOwn ? adviceFor(verdict) : attemptAdvice(verdict, error);
  return createReport(verdict, advice, isRetryable, {
    url: context.url,
    events: context.events,
    initiatedBy: ownVerdicts.has(verdict) ? "us" : isRefusal ? "peer" : "network",
    phase,
    codeSent: undefined,
    codeReceived: undefined,
    reason: "",
    wasClean: false,
    error: isOwn ? undefined : attemptError(phase, error, context.url),
    statusCode: isRefusal ? error.statusCode : undefined,
    headers: Object.freeze(isRefusal ? [...error.headers] : []),
    ageMs: 0,
    lastReceivedMs: undefined,
    pausedMs: 0,
    messagesUnsent: 0,
    messagesUncertain: 0,
    unansweredPings: 0,
    loopLagMs: context.loopLagMs,
  });
}

/**
 * Creates the report on a connection that completed its opening handshake.
 * @param setup - Given if the connection ended before `onConnection` completed; contains the error of a failed hook.
 */
export function reportEnd(
  end: ConnectionEnd,
  context: ReportContext,
  setup?: { readonly error: Error | undefined },
): CloseReport {
  const setupError = setup?.error;
  const { verdict, isRetryable } = context;
  const ageMs = end.endedAt - end.openedAt;
  const isSilent = verdict === "heartbeat-timeout" && end.answeredPings === 0 && !context.hasApplicationPings;
  const advice = isSilent ? unansweredAdvice : adviceFor(verdict);
  return createReport(verdict, advice, isRetryable, {
    url: context.url,
    events: context.events,
    initiatedBy: end.initiatedBy,
    phase: setup === undefined ? end.phase : "setup",
    codeSent: end.closeSent?.code,
    codeReceived: end.closeReceived?.code,
    // A peer that answers our Close frame echoes the code, but usually omits the reason.
    reason: [end.closeReceived, end.closeSent].find((close) => close?.reason)?.reason ?? "",
    wasClean: end.closeSent !== undefined && end.closeReceived !== undefined,
    error:
      setupError === undefined
        ? endError(end, verdict, context.url)
        : attemptError("setup", setupError, context.url),
    statusCode: undefined,
    headers: Object.freeze([]),
    ageMs,
    lastReceivedMs: end.endedAt - end.lastReceivedAt,
    pausedMs: end.pausedMs,
    messagesUnsent: end.unsent.length,
    messagesUncertain: end.uncertainCount,
    unansweredPings: end.unansweredPings,
    loopLagMs: context.loopLagMs,
  });
}

type ReportFields = Omit<CloseReport, "verdict" | "advice" | "isRetryable">;

function createReport(
  verdict: Verdict,
  advice: string,
  isRetryable: boolean,
  fields: ReportFields,
): CloseReport {
  formatStack(fields.error);
  return Object.freeze({ verdict, advice, isRetryable, ...fields });
}

/** Returns the error of a failed attempt, with phase, URL and advice in its message. */
function attemptError(phase: Phase, error: Error | undefined, url: string): JetSocketError {
  const failed = `Connecting${url === "" ? "" : ` to ${url}`} failed (phase: ${phase})`;
  // An error from `checkServerIdentity` may be an instance of our classes, but it is still only a cause.
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
  const message = `The connection to ${url} was lost (phase: ${phase}): ${what} ${adviceFor(verdict)}`;
  return new ConnectionError(message, { code: codeOf(error) ?? "CONNECTION_LOST", cause: error, phase });
}

/**
 * Reads the stacks of an error and its causes, so that V8 formats them. An unformatted stack keeps the objects of its
 * functions alive. One of them may be the previous report, which would form a chain to the first attempt.
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

type OwnError = HandshakeError | ProtocolError | TimeoutError;

function isOwnError(error: Error | undefined): error is OwnError {
  return error instanceof HandshakeError || error instanceof ProtocolError || error instanceof TimeoutError;
}

/** Copies an error and puts phase and URL in front of its message. They were unknown where the error was created. */
function withContext(error: OwnError, context: string): OwnError {
  const message = `${context}: ${error.message}`;
  if (error instanceof TimeoutError) return new TimeoutError(message, error);
  if (error instanceof ProtocolError) return new ProtocolError(message, error);
  return new HandshakeError(message, error);
}

/** Returns the message of an error as one sentence. */
function sentenceOf(error: Error | undefined, otherwise: string): string {
  const said = error === undefined ? otherwise : error.message || (codeOf(error) ?? error.name);
  // OpenSSL reports "wrong version number" if the received bytes are not TLS.
  if (/wrong version number/i.test(said))
    return "the server does not use TLS at this address; connect to a ws: URL instead.";
  const text = escapeControls(said.replace(/\s+/g, " ").trim());
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function codeOf(error: Error | undefined): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string" ? code : undefined;
}

/** Returns the error that describes a failure: the error of the report, or a CloseError for the peer's Close frame. */
export function failureOf(report: CloseReport): JetSocketError {
  const error = report.error ?? closedError(report);
  // Report and error reference each other. The property is not enumerable, so that printing and JSON do not recurse.
  Object.defineProperty(error, "report", ownOptions({ value: report, configurable: true, writable: true }));
  return error;
}

/** Creates the error that rejects the calls that are still pending when a connection was closed normally. */
export function closedError(report: CloseReport): CloseError {
  const by = report.initiatedBy === "us" ? "by this client" : "by the peer";
  const code = report.codeReceived ?? report.codeSent;
  const reason = report.reason === "" ? "" : ` (${escapeControls(report.reason)})`;
  const frame = code === undefined ? "" : ` with ${code}${reason}`;
  const advice = report.initiatedBy === "us" ? "" : ` ${report.advice}`;
  return new CloseError(`The connection to ${report.url} was closed ${by}${frame}.${advice}`, report);
}
