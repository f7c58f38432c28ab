import { HandshakeError, JetSocketError } from "../../protocol/index.js";
import type { ConnectionEnd } from "../connection/connection-end.js";
import { CloseError, ConnectionError } from "../errors.js";
import type { CloseReport, Phase, ReportedEvent, Verdict } from "../events/close-report.js";
import { adviceFor, isRetryable, judgeAttempt, judgeEnd } from "./verdict.js";

/** How a client saw its connection end, besides what the connection itself knows. */
export interface ReportContext {
  readonly url: string;
  readonly events: readonly ReportedEvent[];
  /** The signal was aborted. */
  readonly isAborted: boolean;
  /** `close()` or `terminate()` was called. */
  readonly isClosedByUs: boolean;
}

function overridden(context: ReportContext): Verdict | undefined {
  if (context.isAborted) return "aborted";
  return context.isClosedByUs ? "closed-by-us" : undefined;
}

/** The report of an attempt that never opened a connection. */
export function reportAttempt(phase: Phase, error: Error | undefined, context: ReportContext): CloseReport {
  const verdict = overridden(context) ?? judgeAttempt(phase, error);
  const isRefusal = error instanceof HandshakeError;
  return freeze(verdict, error, {
    url: context.url,
    events: context.events,
    initiatedBy: overridden(context) !== undefined ? "us" : isRefusal ? "peer" : "network",
    phase,
    codeSent: undefined,
    codeReceived: undefined,
    reason: "",
    wasClean: false,
    error: overridden(context) === undefined ? attemptError(phase, error, context.url) : undefined,
    statusCode: isRefusal ? error.statusCode : undefined,
    headers: isRefusal ? error.headers : [],
    ageMs: 0,
    lastReceivedMs: undefined,
    pausedMs: 0,
    messagesUnsent: 0,
    messagesUncertain: 0,
    unansweredPings: 0,
  });
}

/** The report of a connection that was open. */
export function reportEnd(end: ConnectionEnd, context: ReportContext): CloseReport {
  const verdict = context.isAborted ? "aborted" : judgeEnd(end);
  return freeze(verdict, end.error, {
    url: context.url,
    events: context.events,
    initiatedBy: end.initiatedBy,
    phase: end.phase,
    codeSent: end.closeSent?.code,
    codeReceived: end.closeReceived?.code,
    reason: end.closeReceived?.reason ?? end.closeSent?.reason ?? "",
    wasClean: end.closeSent !== undefined && end.closeReceived !== undefined,
    error: endError(end, verdict, context.url),
    statusCode: undefined,
    headers: [],
    ageMs: end.endedAt - end.openedAt,
    lastReceivedMs: end.endedAt - end.lastReceivedAt,
    pausedMs: end.pausedMs,
    messagesUnsent: end.unsent.length,
    messagesUncertain: end.uncertainCount,
    unansweredPings: end.unansweredPings,
  });
}

type Facts = Omit<CloseReport, "verdict" | "advice" | "isRetryable">;

function freeze(verdict: Verdict, cause: Error | undefined, facts: Facts): CloseReport {
  return Object.freeze({
    verdict,
    advice: adviceFor(verdict),
    isRetryable: isRetryable(verdict, cause),
    ...facts,
  });
}

/** What broke an attempt, as an error of ours that names phase, url and remedy. */
function attemptError(phase: Phase, error: Error | undefined, url: string): JetSocketError {
  if (error instanceof JetSocketError) return error;
  const what = error === undefined ? "the stream was closed" : error.message;
  const advice = adviceFor(judgeAttempt(phase, error));
  const message = `Connecting to ${url} failed (phase: ${phase}): ${what}. ${advice}`;
  return new ConnectionError(message, { code: codeOf(error) ?? "CONNECT_FAILED", cause: error, phase });
}

/** What broke an open connection; nothing did where it was closed. */
function endError(end: ConnectionEnd, verdict: Verdict, url: string): JetSocketError | undefined {
  if (end.error instanceof JetSocketError) return end.error;
  if (end.error === undefined && (end.initiatedBy === "us" || end.closeReceived !== undefined))
    return undefined;
  const what =
    end.error === undefined ? "the peer ended the stream without a Close frame" : end.error.message;
  const message = `The connection to ${url} was lost (phase: ${end.phase}): ${what}. ${adviceFor(verdict)}`;
  return new ConnectionError(message, {
    code: codeOf(end.error) ?? "CONNECTION_LOST",
    cause: end.error,
    phase: end.phase,
  });
}

function codeOf(error: Error | undefined): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string" ? code : undefined;
}

/** What a life that has failed is told by: what broke it, or the peer's Close. */
export function failureOf(report: CloseReport): JetSocketError {
  const error = report.error ?? closedError(report);
  error.report = report;
  return error;
}

/** What ends the calls that still wait once a connection was closed in good order. */
export function closedError(report: CloseReport): CloseError {
  const by = report.initiatedBy === "us" ? "from this end" : "by the peer";
  const code = report.codeReceived ?? report.codeSent;
  const frame = code === undefined ? "" : ` with ${code}${report.reason === "" ? "" : ` (${report.reason})`}`;
  return new CloseError(`The connection to ${report.url} was closed ${by}${frame}. ${report.advice}`, report);
}
