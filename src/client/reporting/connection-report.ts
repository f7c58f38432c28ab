import type { CloseReport } from "../../events/close-report.js";
import type { Statistics } from "../../stats/statistics.js";
import type { Intent } from "../lifecycle/stop-reasons.js";
import type { Link, LinkEnd } from "../connection/client-connection.js";
import { reportAttempt, type ReportContext, reportEnd } from "./report.js";
import type { Traffic } from "../message-hub.js";

const noEvents: CloseReport["events"] = Object.freeze([]);

/** What a report takes from the link and from what the user wants; of no link where none was there. */
export function contextOf<Received, Sent>(
  link: Link<Received, Sent> | undefined,
  intent: Intent,
): Omit<ReportContext, "url" | "hasOwnPings" | "isRetryable"> {
  return {
    events: link?.log.events ?? noEvents,
    loopLagMs: link?.loopLag ?? 0,
    isAborted: intent.isAborted || intent.isGivenUp,
    isClosedByUs: intent.isClosed,
    isRotated: link?.isRotated ?? false,
  };
}

export function reportLink(end: LinkEnd, context: ReportContext): CloseReport {
  switch (end.kind) {
    case "unopened":
      return reportAttempt(end.phase, end.error, context);
    case "setup":
      return reportEnd(end.end, context, { error: end.error });
    case "open":
      return reportEnd(end.end, context);
  }
}

/** Counts what a connection did, and ends the calls that wait for it. */
export function settleLink<Received, Sent>(
  { statistics, traffic }: { readonly statistics: Statistics; readonly traffic: Traffic<Received, Sent> },
  link: Link<Received, Sent>,
  end: LinkEnd,
  error: unknown,
): void {
  const { live } = link;
  if (live === undefined) return;
  live.settle(error);
  statistics.add(live);
  link.endHook(error);
  if (end.kind === "setup") for (const { data } of end.end.unsent) traffic.onHookUnsent(data);
}
