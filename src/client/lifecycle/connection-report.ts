/** Creates the report on an ended connection and settles what it leaves. It does not decide what follows. */
import type { CloseReport, Verdict } from "../../events/close-report.js";
import type { Statistics } from "../../stats/statistics.js";
import type { StopReasons } from "./stop-reasons.js";
import type { ClientConnection, ClientConnectionEnd } from "../connection/client-connection.js";
import { reportAttempt, type ReportContext, reportEnd } from "../reporting/report.js";
import { attemptVerdict, endVerdict, type OwnActions } from "../reporting/verdict.js";
import type { MessageHub } from "../message-hub.js";

const noEvents: CloseReport["events"] = Object.freeze([]);

/** Collects the report fields that come from the connection, if there was one, and from the stop reasons. */
export function contextOf<Received, Sent>(
  connection: ClientConnection<Received, Sent> | undefined,
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
  if (end.kind === "unopened") return attemptVerdict(end.phase, end.error, own);
  return endVerdict(end.end, own, end.kind === "setup" ? end.error : undefined);
}

/** What the decision to retry depends on, in addition to the verdict. */
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
  switch (end.kind) {
    case "unopened":
      return reportAttempt(end.phase, end.error, context);
    case "setup":
      return reportEnd(end.end, context, { error: end.error });
    case "open":
      return reportEnd(end.end, context);
  }
}

/** Adds the counters of a connection to the statistics, and ends the calls that wait for it. */
export function settleConnection<Received, Sent>(
  { statistics, hub }: { readonly statistics: Statistics; readonly hub: MessageHub<Received, Sent> },
  connection: ClientConnection<Received, Sent>,
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
