/**
 * Derives the outcome of a run of the client, and the error for its pending calls, from the last close report. It does
 * not end the run.
 */
import type { CloseReport } from "../../events/close-report.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import type { StopReasons } from "./stop-reasons.js";
import { closedError, failureOf } from "../reporting/report.js";

/** How a run of the client ends: by an intended close, by a failure, or by an abort of the option `signal`. */
export type Outcome = "closed" | "failed" | "aborted";

type EndOptions = Pick<ResolvedOptions, "reconnect" | "signal">;

export function outcomeOf(report: CloseReport, stopReasons: StopReasons, { reconnect }: EndOptions): Outcome {
  if (stopReasons.isAborted) return "aborted";
  if (stopReasons.isClosed) return "closed";
  const { wasClean, error, codeReceived } = report;
  const isNormalClose = wasClean && error === undefined && (codeReceived === 1000 || codeReceived === 1001);
  // With the option `reconnect` the client should stay connected, so a normal close by the peer is a failure, too.
  return isNormalClose && !reconnect ? "closed" : "failed";
}

/** Returns the reason with which the pending calls reject after the connection or the client has ended. */
export function errorOf(report: CloseReport, stopReasons: StopReasons, options: EndOptions): unknown {
  switch (outcomeOf(report, stopReasons, options)) {
    case "aborted":
      return options.signal?.reason;
    case "closed":
      return closedError(report);
    case "failed":
      return failureOf(report);
  }
}
