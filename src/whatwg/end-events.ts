// The events at the end of a connection or of an attempt. It does not dispatch the events.
import { CloseError, type CloseReport, unmasked } from "../index.js";
import { CloseEvent, createErrorEvent } from "./events.js";

/**
 * Returns the events `error`, if the connection has failed, and `close`.
 *
 * @param ownFailure - The reason for which this package has failed the connection, if it has.
 */
export function endEvents(
  report: CloseReport,
  ownFailure: Error | undefined,
): { readonly error: Event | undefined; readonly close: CloseEvent } {
  const { codeReceived, wasClean, phase } = report;
  const hasOpened = phase === "open" || phase === "closing";
  const failure =
    ownFailure ??
    report.error ??
    (hasOpened ? undefined : new CloseError("The WebSocket was closed before it was open.", report));
  // RFC 6455 7.1.5: without a Close frame of the peer, and after a failure, the code is 1006.
  const isClosed = failure === undefined && codeReceived !== undefined;
  // The report itself hides secrets.
  const reason = unmasked(report).reasonReceived ?? "";
  return {
    error: failure && createErrorEvent(failure),
    close: new CloseEvent("close", isClosed ? { wasClean, code: codeReceived, reason } : { code: 1006 }),
  };
}
