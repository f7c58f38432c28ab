import { escapeControls } from "../../../protocol/index.js";
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
import { adviceFor, judgeAttempt, judgeEnd, unansweredAdvice } from "./verdict.js";

/** How a client saw its connection end, besides what the connection itself knows. */
export interface ReportContext {
  readonly url: string;
  readonly events: readonly ReportedEvent[];
  /** The signal was aborted, or that of the only `connect()` that waited. */
  readonly isAborted: boolean;
  /** `close()` or `terminate()` was called. */
  readonly isClosedByUs: boolean;
  /** Another connection takes its place. */
  readonly isRotated: boolean;
  /** The heartbeat sends messages in the place of ping frames. */
  readonly hasOwnPings: boolean;
  /** By how many milliseconds the event loop was late at most. */
  readonly loopLagMs: number;
  /** Judges whether trying again may help; asked once. */
  isRetryable(verdict: Verdict, error: Error | undefined, ageMs: number | undefined): boolean;
}

/** Attempts with these ended from this side. */
const ownVerdicts: ReadonlySet<Verdict> = new Set(["aborted", "closed-by-us", "setup-failed"]);

function overridden(context: ReportContext): Verdict | undefined {
  if (context.isAborted) return "aborted";
  return context.isClosedByUs ? "closed-by-us" : undefined;
}

/** The report of an attempt that never opened a connection. */
export function reportAttempt(phase: Phase, error: Error | undefined, context: ReportContext): CloseReport {
  const forced = overridden(context);
  const verdict = forced ?? judgeAttempt(phase, error);
  const isRefusal = phase !== "provider" && verdict !== "tls" && error instanceof HandshakeError;
  const advice = forced === undefined ? attemptAdvice(verdict, error) : adviceFor(verdict);
  return freeze(verdict, advice, context.isRetryable(verdict, error, undefined), {
    url: context.url,
    events: context.events,
    initiatedBy: ownVerdicts.has(verdict) ? "us" : isRefusal ? "peer" : "network",
    phase,
    codeSent: undefined,
    codeReceived: undefined,
    reason: "",
    wasClean: false,
    error: forced === undefined ? attemptError(phase, error, context.url) : undefined,
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
 * The report of a connection behind its opening handshake.
 * @param setup - It has ended before `onConnection` was done, by the error of that where it has failed.
 */
export function reportEnd(
  end: ConnectionEnd,
  context: ReportContext,
  setup?: { readonly error: Error | undefined },
): CloseReport {
  const setupError = setup?.error;
  const verdict = judge(end, context, setupError);
  const ageMs = end.endedAt - end.openedAt;
  const isSilent = verdict === "heartbeat-timeout" && end.answeredPings === 0 && !context.hasOwnPings;
  const advice = isSilent ? unansweredAdvice : adviceFor(verdict);
  return freeze(
    verdict,
    advice,
    context.isRetryable(verdict, end.error, setup === undefined ? ageMs : undefined),
    {
      url: context.url,
      events: context.events,
      initiatedBy: end.initiatedBy,
      phase: setup === undefined ? end.phase : "setup",
      codeSent: end.closeSent?.code,
      codeReceived: end.closeReceived?.code,
      // A peer that answers our Close echoes the code, and mostly leaves the reason out.
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
    },
  );
}

function judge(end: ConnectionEnd, context: ReportContext, setupError: Error | undefined): Verdict {
  if (context.isAborted) return "aborted";
  if (setupError !== undefined && !context.isClosedByUs) return "setup-failed";
  return context.isRotated && end.initiatedBy === "us" ? "rotated" : judgeEnd(end);
}

type Facts = Omit<CloseReport, "verdict" | "advice" | "isRetryable">;

function freeze(verdict: Verdict, advice: string, isRetryable: boolean, facts: Facts): CloseReport {
  formatStack(facts.error);
  return Object.freeze({ verdict, advice, isRetryable, ...facts });
}

/** What broke an attempt, as an error of ours that names phase, url and remedy. */
function attemptError(phase: Phase, error: Error | undefined, url: string): JetSocketError {
  const failed = `Connecting${url === "" ? "" : ` to ${url}`} failed (phase: ${phase})`;
  // What `checkServerIdentity` gives may be of our classes too, and is the cause of an error then.
  const isOwn = isOurs(error) && tlsFaultOf(error) === undefined;
  if (isOwn && (phase !== "provider" || error instanceof TimeoutError)) return withContext(error, failed);
  const message = `${failed}: ${textOf(error, "the stream was closed")} ${attemptAdvice(judgeAttempt(phase, error), error)}`;
  return new ConnectionError(message, { code: codeOf(error) ?? "CONNECT_FAILED", cause: error, phase });
}

/** What broke an open connection; nothing did where it was closed. */
function endError(end: ConnectionEnd, verdict: Verdict, url: string): JetSocketError | undefined {
  const { error, phase } = end;
  if (isOurs(error)) return withContext(error, `The connection to ${url} failed (phase: ${phase})`);
  if (error === undefined && (end.initiatedBy === "us" || end.closeReceived !== undefined)) return undefined;
  const what = textOf(error, "the peer ended the stream without a Close frame");
  const message = `The connection to ${url} was lost (phase: ${phase}): ${what} ${adviceFor(verdict)}`;
  return new ConnectionError(message, { code: codeOf(error) ?? "CONNECTION_LOST", cause: error, phase });
}

/** An unread stack holds what its functions hold, and that may be the report before: a chain to the first attempt. */
function formatStack(error: unknown): void {
  const seen = new Set<unknown>();
  try {
    for (let next = error; next instanceof Error && !seen.has(next); next = next.cause) {
      seen.add(next);
      Reflect.get(next, "stack");
    }
  } catch {
    // An error of the user's may throw where it is looked at.
  }
}

type OwnError = HandshakeError | ProtocolError | TimeoutError;

function isOurs(error: Error | undefined): error is OwnError {
  return error instanceof HandshakeError || error instanceof ProtocolError || error instanceof TimeoutError;
}

/** The same error with phase and url in front: where it was made they were not known. */
function withContext(error: OwnError, context: string): OwnError {
  const message = `${context}: ${error.message}`;
  if (error instanceof TimeoutError) return new TimeoutError(message, error);
  if (error instanceof ProtocolError) return new ProtocolError(message, error);
  return new HandshakeError(message, error);
}

/** A sentence of what an error says. */
function textOf(error: Error | undefined, otherwise: string): string {
  const said = error === undefined ? otherwise : error.message || (codeOf(error) ?? error.name);
  // OpenSSL has no better words for bytes that are no TLS at all.
  if (/wrong version number/i.test(said))
    return "the server speaks no TLS there; without TLS the url begins with ws:.";
  const text = escapeControls(said.replace(/\s+/g, " ").trim());
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function codeOf(error: Error | undefined): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string" ? code : undefined;
}

/** What a life that has failed is told by: what broke it, or the peer's Close. */
export function failureOf(report: CloseReport): JetSocketError {
  const error = report.error ?? closedError(report);
  // Each of the two names the other: whoever prints one, as JSON too, is to get an end of it.
  Object.defineProperty(error, "report", { value: report, configurable: true, writable: true });
  return error;
}

/** What ends the calls that still wait once a connection was closed in good order. */
export function closedError(report: CloseReport): CloseError {
  const by = report.initiatedBy === "us" ? "from this end" : "by the peer";
  const code = report.codeReceived ?? report.codeSent;
  const reason = report.reason === "" ? "" : ` (${escapeControls(report.reason)})`;
  const frame = code === undefined ? "" : ` with ${code}${reason}`;
  const advice = report.initiatedBy === "us" ? "" : ` ${report.advice}`;
  return new CloseError(`The connection to ${report.url} was closed ${by}${frame}.${advice}`, report);
}
