/**
 * Creates the report on an ended connection, and settles its pending calls. It does not decide whether another
 * connection follows.
 */
import type { CloseReport, Verdict } from "../../events/close-report.js";
import type { Statistics } from "../../stats/statistics.js";
import type { StopReasons } from "./stop-reasons.js";
import type { ClientConnection, ClientConnectionEnd } from "../connection/client-connection.js";
import { reportAttempt, type ReportContext, reportEnd } from "../reporting/report.js";
import { judgeAttempt, judgeEnd, type OwnActions } from "../reporting/verdict.js";
import type { MessageHub } from "../message-hub.js";

const noEvents: CloseReport["events"] = Object.freeze([]);

/** Collects the report fields that come from the connection, if there was one, and from the stop reasons. */
export function contextOf(
  connection: ClientConnection | undefined,
  stopReasons: StopReasons,
): Pick<ReportContext, keyof OwnActions | "events" | "loopLagMs"> {
  return {
    events: connection?.log.events ?? noEvents,
    loopLagMs: connection?.loopLag ?? 0,
    isAborted: stopReasons.isAborted || stopReasons.isGivenUp,
    isClosedByUs: stopReasons.isClosed,
    isRotated: connection?.isRotated ?? false,
  };
}

export function verdictOf(end: ClientConnectionEnd, own: OwnActions): Verdict {
  if (own.isAborted) return "aborted";
  if (end.kind === "unopened") return own.isClosedByUs ? "closed-by-us" : judgeAttempt(end.phase, end.error);
  if (end.kind === "setup" && end.error !== undefined && !own.isClosedByUs) return "setup-failed";
  return own.isRotated && end.end.initiatedBy === "us" ? "rotated" : judgeEnd(end.end);
}

/** Returns the facts that decide, together with the verdict, whether the client retries. */
export function causeOf(end: ClientConnectionEnd): {
  readonly error: Error | undefined;
  /** How long the connection was open, in milliseconds; `undefined` if it never became ready. */
  readonly ageMs: number | undefined;
} {
  if (end.kind === "unopened") return { error: end.error, ageMs: undefined };
  const { error, endedAt, openedAt } = end.end;
  return { error, ageMs: end.kind === "open" ? endedAt - openedAt : undefined };
}

export function reportConnection(end: ClientConnectionEnd, context: ReportContext): CloseReport {
  if (end.kind === "unopened") return reportAttempt(end, context);
  return reportEnd(end.end, context, end.kind === "setup" ? end : undefined);
}

/** Adds the counters of an ended connection to the statistics, and rejects the calls that wait for the connection. */
export function settleConnection(
  { statistics, hub }: { readonly statistics: Statistics; readonly hub: MessageHub },
  connection: ClientConnection,
  end: ClientConnectionEnd,
  error: unknown,
): void {
  const { live } = connection;
  if (live === undefined) return;
  live.settle(error);
  statistics.add(live);
  connection.endHook(error);
  if (end.kind === "setup") for (const { data } of end.end.unsent) hub.onHookUnsent(data);
}
