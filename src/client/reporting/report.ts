/** Creates close reports and the errors that describe them. It does not decide whether the client tries again. */
import { escapeControls, mask, maskBody, maskFields, ownOptions, unmasked } from "../../../protocol/index.js";
import type { ConnectionEnd } from "../../connection/connection-end.js";
import type { FailedAttempt } from "../../connection/opening.js";
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
import type { Redactor } from "../../redaction/redactor.js";
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
  /** Hides the secrets of the connection. */
  readonly redactor: Redactor;
  readonly events: readonly ReportedEvent[];
  /** True if the heartbeat sends application messages instead of ping frames. */
  readonly hasApplicationPings: boolean;
  /** The largest observed delay of the event loop in milliseconds. */
  readonly loopLagMs: number;
}

/** An attempt with one of these verdicts was ended by this client. */
const ownVerdicts: ReadonlySet<Verdict> = new Set(["aborted", "closed-by-us", "setup-failed"]);

/** Copies the attempts, because the transport may still change them. */
function frozen(addresses: readonly AddressAttempt[], redactor: Redactor): readonly AddressAttempt[] {
  return Object.freeze(
    addresses.map((attempt) => Object.freeze({ ...attempt, error: redactor.error(attempt.error) })),
  );
}

const noResponse: Pick<CloseReport, "statusCode" | "headers" | "body"> = {
  ...{ statusCode: undefined, headers: maskFields([]), body: maskBody(new Uint8Array(0)) },
};

/** Creates the report on an attempt that never opened a connection. */
export function reportAttempt(
  { phase, error, addresses = [], tls }: FailedAttempt,
  context: ReportContext,
): CloseReport {
  const { verdict, redactor } = context;
  const isOwn = context.isAborted || context.isClosedByUs;
  const isRefusal = phase !== "provider" && verdict !== "tls" && error instanceof HandshakeError;
  const shown = isOwn ? undefined : attemptError(phase, error, context);
  const response = isRefusal && shown instanceof HandshakeError ? shown : noResponse;
  return createReport(context, isOwn ? advices[verdict] : attemptAdvice(verdict, error, phase), {
    initiatedBy: ownVerdicts.has(verdict) ? "us" : isRefusal ? "peer" : "network",
    phase,
    codeSent: undefined,
    codeReceived: undefined,
    reason: "",
    reasonReceived: undefined,
    wasClean: false,
    error: shown,
    statusCode: response.statusCode,
    headers: response.headers,
    body: response.body,
    ageMs: 0,
    lastReceivedMs: undefined,
    pausedMs: 0,
    messagesUnsent: 0,
    messagesUncertain: 0,
    unansweredPings: 0,
    addresses: frozen(addresses, redactor),
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
  const { verdict, redactor } = context;
  const isSilent = verdict === "heartbeat-timeout" && end.answeredPings === 0 && !context.hasApplicationPings;
  return createReport(context, isSilent ? unansweredAdvice : advices[verdict], {
    initiatedBy: end.initiatedBy,
    phase: setup === undefined ? end.phase : "setup",
    codeSent: end.closeSent?.code,
    codeReceived: end.closeReceived?.code,
    // A peer that answers our Close frame echoes the code, but usually omits the reason.
    reason: [end.closeReceived, end.closeSent].find((close) => close?.reason)?.reason ?? "",
    reasonReceived: end.closeReceived?.reason,
    wasClean: end.closeSent !== undefined && end.closeReceived !== undefined,
    error:
      setupError === undefined ? endError(end, verdict, context) : attemptError("setup", setupError, context),
    ...noResponse,
    ageMs: end.endedAt - end.openedAt,
    lastReceivedMs: end.endedAt - end.lastReceivedAt,
    pausedMs: end.pausedMs,
    messagesUnsent: end.unsent.length,
    messagesUncertain: end.uncertainCount,
    unansweredPings: end.unansweredPings,
    addresses: frozen(end.addresses, redactor),
    tls: end.tls,
  });
}

function createReport(
  { verdict, isRetryable, url, redactor, events, loopLagMs }: ReportContext,
  advice: string,
  fields: Omit<CloseReport, "verdict" | "advice" | "isRetryable" | "url" | "events" | "loopLagMs">,
): CloseReport {
  formatStack(fields.error);
  const shown = { verdict, advice, isRetryable, url, events, ...fields, loopLagMs };
  const original = { ...shown, headers: unmasked(fields.headers) };
  shown.reason = redactor.text(fields.reason, "reason");
  if (fields.reasonReceived !== undefined)
    shown.reasonReceived = redactor.text(fields.reasonReceived, "reason");
  return Object.freeze(mask<CloseReport>(hideDetails(shown), hideDetails(original)));
}

/**
 * The body is not enumerable, so that it is neither printed nor copied with the report. `reasonReceived` is not printed
 * either, because `reason` shows it.
 */
function hideDetails<Report extends object>(report: Report): Report {
  const hidden = ownOptions({ enumerable: false });
  return Object.defineProperties(report, ownOptions({ body: hidden, reasonReceived: hidden }));
}

/** Returns the error of a failed attempt. Its message contains phase, URL and advice. */
function attemptError(
  phase: Phase,
  error: Error | undefined,
  { url, redactor }: ReportContext,
): JetSocketError {
  const failed = `Connecting${url === "" ? "" : ` to ${url}`} failed (phase: ${phase})`;
  // The user function `checkServerIdentity` may throw an error of a class of this package. Such an error becomes the
  // cause of a new error.
  const isOwn = isOwnError(error) && tlsFaultOf(error) === undefined;
  const advice = attemptAdvice(judgeAttempt(phase, error), error);
  if (isOwn && (phase !== "provider" || error instanceof TimeoutError))
    return withContext(isFromUser(phase) ? redactor.error(error) : error, failed, redactor, advice);
  const cause = redactor.error(error);
  const message = `${failed}: ${sentenceOf(cause, "the stream was closed")} ${advice}`;
  const code = tlsFaultOf(error)?.kind === "options" ? "TLS_OPTION_INVALID" : "CONNECT_FAILED";
  return new ConnectionError(message, { code: codeOf(error) ?? code, cause, phase });
}

/** Returns the error that ended an open connection, or `undefined` if a closing handshake ended it. */
function endError(
  end: ConnectionEnd,
  verdict: Verdict,
  { url, redactor }: ReportContext,
): JetSocketError | undefined {
  const { error, phase } = end;
  if (isOwnError(error))
    return withContext(error, `The connection to ${url} failed (phase: ${phase})`, redactor);
  if (error === undefined && (end.initiatedBy === "us" || end.closeReceived !== undefined)) return undefined;
  const cause = redactor.error(error);
  const what = sentenceOf(cause, "the peer ended the stream without a Close frame");
  const message = `The connection to ${url} was lost (phase: ${phase}): ${what} ${advices[verdict]}`;
  return new ConnectionError(message, { code: codeOf(error) ?? "CONNECTION_LOST", cause, phase });
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

const ownTypes = [HandshakeError, ProtocolError, ProxyError, TimeoutError];

type OwnError = HandshakeError | ProtocolError | ProxyError | TimeoutError;

function isOwnError(error: Error | undefined): error is OwnError {
  return ownTypes.some((type) => error instanceof type);
}

/**
 * Returns a copy of an error whose message begins with `context`, which contains the phase and the URL.
 *
 * @param advice - Ends the message of a ProxyError. The other messages contain their own advice.
 */
function withContext(error: OwnError, context: string, redactor: Redactor, advice?: string): OwnError {
  const type = ownTypes.find((one) => error instanceof one) as new (text: string, from: object) => OwnError;
  const details = Object.assign({}, error, {
    cause: redactor.error(error.cause),
    headers: "headers" in error ? maskFields(error.headers, redactor.field) : undefined,
  });
  if (!(error instanceof ProxyError))
    return new type(`${context}: ${redactor.message(error.message)}`, details);
  // The message of a ProxyError may contain the message of an error of the application, for example of `lookup`.
  return new type(`${context}: ${sentence(redactor.text(error.message, "error"))} ${advice}`, details);
}

/** True if an error of this phase may have been created by a function of the application. */
function isFromUser(phase: Phase): boolean {
  return phase === "provider" || phase === "setup";
}

/** Returns the message of an error as one sentence. */
function sentenceOf(error: Error | undefined, otherwise: string): string {
  const said = error === undefined ? otherwise : reasonOf(error);
  return sentence(escapeControls(said.replace(/\s+/g, " ").trim()));
}

function sentence(text: string): string {
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
