import type { CloseReport } from "../../events/close-report.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import type { StopReasons } from "./stop-reasons.js";
import { closedError, failureOf } from "../reporting/report.js";

/** How a life ends: in good order, by a failure, or by the signal. */
export type Outcome = "closed" | "failed" | "aborted";

type EndOptions = Pick<ResolvedOptions<never, never>, "reconnect" | "signal">;

export function outcomeOf(report: CloseReport, stopReasons: StopReasons, { reconnect }: EndOptions): Outcome {
  if (stopReasons.isAborted) return "aborted";
  if (stopReasons.isClosed) return "closed";
  const { wasClean, error, codeReceived } = report;
  const isInGoodOrder = wasClean && error === undefined && (codeReceived === 1000 || codeReceived === 1001);
  // A client that is to come back was not to lose its connection.
  return isInGoodOrder && !reconnect ? "closed" : "failed";
}

/** What the calls get that waited for what has ended. */
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
