// Examples of close reports and connection ends, for tests that need only a few of their fields.
import { type HeaderField, maskBody, maskFields } from "../../protocol/index.js";
import type { ConnectionEnd } from "../../src/connection/connection-end.js";
import type { CloseReport } from "../../src/events/close-report.js";

type GivenReport = Omit<Partial<CloseReport>, "headers"> & { readonly headers?: readonly HeaderField[] };

/** A report of a connection that the peer has closed cleanly. */
export function makeReport({ headers = [], ...given }: GivenReport = {}): CloseReport {
  return {
    verdict: "normal",
    advice: "Nothing is to be done.",
    isRetryable: true,
    initiatedBy: "peer",
    phase: "closing",
    url: "ws://feed.test/",
    codeSent: 1000,
    codeReceived: 1000,
    reason: "",
    reasonReceived: undefined,
    wasClean: true,
    error: undefined,
    statusCode: undefined,
    headers: maskFields(headers),
    body: maskBody(Buffer.alloc(0)),
    ageMs: 5,
    lastReceivedMs: 1,
    pausedMs: 0,
    messagesUnsent: 0,
    messagesUncertain: 0,
    unansweredPings: 0,
    addresses: [],
    tls: undefined,
    loopLagMs: 0,
    events: [],
    ...given,
  };
}

/** The end of a connection that was lost after 100 ms without a Close. */
export function makeEnd(given: Partial<ConnectionEnd> = {}): ConnectionEnd {
  return {
    initiatedBy: "network",
    phase: "open",
    closeSent: undefined,
    closeReceived: undefined,
    error: undefined,
    isDrainPending: false,
    openedAt: 1_000,
    endedAt: 1_100,
    lastReceivedAt: 1_090,
    lastSentAt: 1_050,
    pausedMs: 7,
    unsent: [],
    uncertainCount: 0,
    unansweredPings: 0,
    addresses: [],
    tls: undefined,
    answeredPings: 0,
    ...given,
  };
}
