import { beforeEach, describe, expect, it } from "vitest";
import {
  closedError,
  failureOf,
  reportAttempt,
  type ReportContext,
  reportEnd,
} from "../../../src/client/reporting/report.js";
import { adviceFor, unansweredAdvice } from "../../../src/client/reporting/verdict.js";
import {
  CloseError,
  ConnectionError,
  HandshakeError,
  type JetSocketError,
  ProtocolError,
  TimeoutError,
} from "../../../src/errors.js";
import type { CloseReport } from "../../../src/events/close-report.js";
import { anEnd, aReport } from "../../support/reports.js";
import { systemError } from "../../support/virtual-peer.js";

const url = "ws://feed.test/trades";

/** What was asked about a retry. */
let judged: Parameters<ReportContext["isRetryable"]>[];

beforeEach(() => {
  judged = [];
});

function context(given: Partial<ReportContext> = {}): ReportContext {
  return {
    ...{ url, events: Object.freeze([]), isAborted: false, isClosedByUs: false, isRotated: false },
    ...{ hasApplicationPings: false, loopLagMs: 2 },
    isRetryable: (...asked) => {
      judged.push(asked);
      return true;
    },
    ...given,
  };
}

function expectFrozen(report: CloseReport): void {
  expect(Object.isFrozen(report)).toBe(true);
  expect(Object.isFrozen(report.headers)).toBe(true);
}

const timedOut = new TimeoutError("too late.", { operation: "connect", timeoutMs: 5 });
const refusal = new HandshakeError("The server answered 503.", {
  code: "UNEXPECTED_STATUS",
  statusCode: 503,
  headers: [["Retry-After", "5"]],
  body: Buffer.from("busy"),
});

describe("the report of an attempt", () => {
  it("has every field", () => {
    const cause = systemError("connect", "ECONNREFUSED");
    const report = reportAttempt("tcp", cause, context());
    expectFrozen(report);
    expect(report).toEqual({
      ...{ verdict: "refused", advice: adviceFor("refused"), isRetryable: true, initiatedBy: "network" },
      ...{ phase: "tcp", url, codeSent: undefined, codeReceived: undefined, reason: "", wasClean: false },
      ...{ error: report.error, statusCode: undefined, headers: [], ageMs: 0, lastReceivedMs: undefined },
      ...{ pausedMs: 0, messagesUnsent: 0, messagesUncertain: 0, unansweredPings: 0, events: [] },
      loopLagMs: 2,
    });
    expect(judged).toEqual([["refused", cause, undefined]]);
  });

  it.each([
    ["dns", systemError("getaddrinfo", "ENOTFOUND"), "ENOTFOUND"],
    ["tcp", systemError("connect", "ECONNREFUSED"), "ECONNREFUSED"],
    [
      "tls",
      Object.assign(new Error("certificate has expired"), { code: "CERT_HAS_EXPIRED" }),
      "CERT_HAS_EXPIRED",
    ],
    ["http", systemError("read", "ECONNRESET"), "ECONNRESET"],
    ["provider", new Error("no token"), "CONNECT_FAILED"],
    ["tcp", undefined, "CONNECT_FAILED"],
  ] as const)(
    "in the phase %s has a ConnectionError that tells phase, url and remedy",
    (phase, cause, code) => {
      const { error, verdict } = reportAttempt(phase, cause, context());
      expect(error).toBeInstanceOf(ConnectionError);
      expect(error).toMatchObject({ code, phase });
      expect(error?.cause).toBe(cause);
      const what = cause === undefined ? "the stream was closed" : cause.message;
      expect(error?.message).toBe(
        `Connecting to ${url} failed (phase: ${phase}): ${what}. ${adviceFor(verdict)}`,
      );
    },
  );

  it("keeps the kind of a refusal, and all that is known of it", () => {
    const report = reportAttempt("http", refusal, context());
    expectFrozen(report);
    expect(report).toMatchObject({ verdict: "server-error", initiatedBy: "peer", statusCode: 503 });
    expect(report.headers).toEqual([["Retry-After", "5"]]);
    const error = report.error as HandshakeError;
    expect(error).toBeInstanceOf(HandshakeError);
    expect(error.message).toBe(`Connecting to ${url} failed (phase: http): The server answered 503.`);
    const { code, statusCode, headers, body } = refusal;
    expect(error).toMatchObject({ code, statusCode, headers, body });
  });

  it.each(["provider", "tls"] as const)("keeps the kind of a timeout in the phase %s", (phase) => {
    const { error } = reportAttempt(phase, timedOut, context());
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ operation: "connect", timeoutMs: 5 });
    expect(error?.message).toBe(`Connecting to ${url} failed (phase: ${phase}): too late.`);
  });

  it("is that of a function of the user's, though it failed with an error of ours", () => {
    const report = reportAttempt("provider", refusal, context());
    expect(report).toMatchObject({
      verdict: "setup-failed",
      initiatedBy: "us",
      statusCode: undefined,
      headers: [],
    });
    expect(report.error).toBeInstanceOf(ConnectionError);
    expect(report.error?.cause).toBe(refusal);
  });

  it("does without a url that is not known yet", () => {
    const { error } = reportAttempt("provider", new Error("no url"), context({ url: "" }));
    expect(error?.message).toMatch(/^Connecting failed \(phase: provider\): no url\. /);
  });

  it.each([
    ["", "E"],
    ["ends by itself.", "ends by itself."],
    ["really?", "really?"],
    ["two\nlines", "two lines."],
  ])("makes a sentence of %j", (message, sentence) => {
    const cause = Object.assign(new Error(message), { code: "E" });
    expect(reportAttempt("tcp", cause, context()).error?.message).toContain(`(phase: tcp): ${sentence}`);
  });

  it("has words of its own for a server that speaks no TLS", () => {
    const cause = Object.assign(new Error("error:0A00010B:SSL routines::wrong version number"), {
      code: "EPROTO",
    });
    const { error } = reportAttempt("tls", cause, context());
    expect(error?.message).toContain("(phase: tls): the server does not use TLS at this address");
    expect(error?.cause).toBe(cause);
  });

  it.each([
    [{ isClosedByUs: true }, "closed-by-us"],
    [{ isAborted: true }, "aborted"],
    [{ isAborted: true, isClosedByUs: true }, "aborted"],
  ])("that we gave up, %j", (given, verdict) => {
    const report = reportAttempt("tcp", new Error("stop"), context(given));
    expect(report).toMatchObject({ verdict, initiatedBy: "us", error: undefined });
    expect(judged).toEqual([[verdict, expect.any(Error), undefined]]);
  });
});

describe("the report of a connection that was open", () => {
  it("has every field", () => {
    const end = anEnd({
      ...{ initiatedBy: "peer", phase: "closing", closeSent: { code: 1001, reason: "" } },
      ...{
        closeReceived: { code: 1001, reason: "deploy" },
        unsent: ["a", "b"].map((data) => ({ data, token: undefined })),
        uncertainCount: 3,
        unansweredPings: 4,
      },
    });
    const events = Object.freeze([{ atMs: 1, name: "connected", detail: "" }]);
    const report = reportEnd(end, context({ events }));
    expectFrozen(report);
    expect(report).toEqual({
      ...{ verdict: "going-away", advice: adviceFor("going-away"), isRetryable: true, initiatedBy: "peer" },
      ...{ phase: "closing", url, codeSent: 1001, codeReceived: 1001, reason: "deploy", wasClean: true },
      ...{
        error: undefined,
        statusCode: undefined,
        headers: [],
        ageMs: 100,
        lastReceivedMs: 10,
        pausedMs: 7,
      },
      ...{ messagesUnsent: 2, messagesUncertain: 3, unansweredPings: 4, events },
      loopLagMs: 2,
    });
    expect(judged).toEqual([["going-away", undefined, 100]]);
  });

  it.each([
    ["ours", { closeSent: { code: 1000, reason: "ours" }, closeReceived: undefined }],
    [
      "theirs",
      { closeSent: { code: 1000, reason: "ours" }, closeReceived: { code: 1000, reason: "theirs" } },
    ],
    ["ours", { closeSent: { code: 1000, reason: "ours" }, closeReceived: { code: 1000, reason: "" } }],
    ["", {}],
  ])("has the reason %j of %j", (reason, given) => {
    expect(reportEnd(anEnd(given), context()).reason).toBe(reason);
  });

  it.each([
    [{ closeSent: { code: 1000, reason: "" } }, false],
    [{ closeReceived: { code: 1000, reason: "" } }, false],
    [{ closeSent: { code: 1000, reason: "" }, closeReceived: { code: 1000, reason: "" } }, true],
  ])("is clean by %j: %s", (given, wasClean) => {
    expect(reportEnd(anEnd(given), context()).wasClean).toBe(wasClean);
  });

  it.each([
    [systemError("read", "ECONNRESET"), "ECONNRESET", "read ECONNRESET"],
    [undefined, "CONNECTION_LOST", "the peer ended the stream without a Close frame"],
  ])("that broke has a ConnectionError: %s", (cause, code, what) => {
    const { error } = reportEnd(anEnd({ error: cause }), context());
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ code, phase: "open" });
    expect(error?.cause).toBe(cause);
    expect(error?.message).toBe(
      `The connection to ${url} was lost (phase: open): ${what}. ${adviceFor("network-lost")}`,
    );
  });

  it("keeps the kind of a failure of the protocol", () => {
    const cause = new ProtocolError("Bad bits.", { code: "UNEXPECTED_RSV", closeCode: 1002 });
    const { error } = reportEnd(anEnd({ initiatedBy: "us", error: cause }), context());
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ code: "UNEXPECTED_RSV", closeCode: 1002 });
    expect(error?.message).toBe(`The connection to ${url} failed (phase: open): Bad bits.`);
  });

  it.each([
    { initiatedBy: "us" },
    { initiatedBy: "peer", closeReceived: { code: 1011, reason: "" } },
  ] as const)("that was closed has no error: %j", (given) => {
    expect(reportEnd(anEnd(given), context()).error).toBeUndefined();
  });

  it("that the signal ended says so", () => {
    const isRetryable = (): boolean => false;
    const report = reportEnd(anEnd({ initiatedBy: "us" }), context({ isAborted: true, isRetryable }));
    expect(report).toMatchObject({ verdict: "aborted", advice: adviceFor("aborted"), isRetryable: false });
  });

  it.each([
    ["us", "rotated"],
    ["network", "network-lost"],
  ] as const)("that is being replaced and ends by %s is judged %s", (initiatedBy, verdict) => {
    const report = reportEnd(anEnd({ initiatedBy }), context({ isRotated: true }));
    expect(report).toMatchObject({ verdict, initiatedBy });
  });

  it.each([
    [0, unansweredAdvice],
    [1, adviceFor("heartbeat-timeout")],
  ])("that gave no sign of life has the advice for %i answered pings", (answeredPings, advice) => {
    const error = new TimeoutError("dead.", { operation: "heartbeat", timeoutMs: 1 });
    const report = reportEnd(anEnd({ error, answeredPings }), context());
    expect(report).toMatchObject({ verdict: "heartbeat-timeout", advice });
  });
});

it("does not name the options of application pings to one that has them", () => {
  const error = new TimeoutError("dead.", { operation: "heartbeat", timeoutMs: 1 });
  const report = reportEnd(anEnd({ error, answeredPings: 0 }), context({ hasApplicationPings: true }));
  expect(report.advice).toBe(adviceFor("heartbeat-timeout"));
});

describe("the report of a connection that was not set up", () => {
  it("by a hook that failed is that of the hook", () => {
    const cause = new Error("no login");
    const report = reportEnd(anEnd({ initiatedBy: "us" }), context(), { error: cause });
    expect(report).toMatchObject({ verdict: "setup-failed", phase: "setup", initiatedBy: "us" });
    expect(report.error).toBeInstanceOf(ConnectionError);
    expect(report.error).toMatchObject({ phase: "setup", cause });
    expect(report.error?.message).toBe(
      `Connecting to ${url} failed (phase: setup): no login. ${adviceFor("setup-failed")}`,
    );
    // No connection was open.
    expect(judged).toEqual([["setup-failed", undefined, undefined]]);
  });

  it.each([
    [{ isClosedByUs: true }, "closed-by-us"],
    [{ isAborted: true }, "aborted"],
  ])("for we gave it up meanwhile: %j", (given, verdict) => {
    const report = reportEnd(anEnd({ initiatedBy: "us" }), context(given), { error: new Error("stop") });
    expect(report).toMatchObject({ verdict, phase: "setup" });
  });

  it("for its connection broke meanwhile is that of the connection", () => {
    const report = reportEnd(anEnd(), context(), { error: undefined });
    expect(report).toMatchObject({ verdict: "network-lost", phase: "setup", initiatedBy: "network" });
    expect(judged).toEqual([["network-lost", undefined, undefined]]);
  });
});

describe("the error of an end", () => {
  it("is what broke it, with the report", () => {
    const report = reportEnd(anEnd(), context());
    const error: JetSocketError = failureOf(report);
    expect(error).toBe(report.error);
    expect(error.report).toBe(report);
    expect(JSON.parse(JSON.stringify(report))).toMatchObject({
      error: { code: "CONNECTION_LOST", phase: "open" },
    });
  });

  it("is a CloseError where nothing broke", () => {
    const report = aReport({ codeReceived: 1011, reason: "oops", verdict: "server-error", advice: "Wait." });
    const error = failureOf(report);
    expect(error).toBeInstanceOf(CloseError);
    expect(error.report).toBe(report);
    expect(error.message).toBe(
      "The connection to ws://feed.test/ was closed by the peer with 1011 (oops). Wait.",
    );
  });

  const hostile = "bye\r\n\u001b[31mred\u0000\u007f\u009b\u2028\u2029é";
  const escaped = "bye\\u000d\\u000a\\u001b[31mred\\u0000\\u007f\\u009b\\u2028\\u2029é";

  it("escapes control characters of the peer's reason, and the report keeps the reason as it came", () => {
    const report = reportEnd(
      anEnd({ initiatedBy: "peer", closeReceived: { code: 1011, reason: hostile } }),
      context(),
    );
    expect(report.reason).toBe(hostile);
    expect(failureOf(report).message).toContain(`closed by the peer with 1011 (${escaped}). `);
    expect(closedError(report).message).toContain(`(${escaped})`);
  });

  it("escapes control characters of what broke an attempt or a connection, such as the names in a certificate", () => {
    const cause = new Error(`the altnames are DNS:${hostile}`);
    // White space becomes one space, as in every such text.
    const text = "the altnames are DNS:bye \\u001b[31mred\\u0000\\u007f\\u009b é.";
    expect(reportAttempt("tls", cause, context()).error!.message).toContain(text);
    expect(reportEnd(anEnd({ error: cause }), context()).error!.message).toContain(text);
  });

  it.each([
    [{ initiatedBy: "us", codeReceived: 1000, codeSent: 1000 }, "was closed by this client with 1000."],
    [{ initiatedBy: "us", codeReceived: undefined, codeSent: 1001 }, "was closed by this client with 1001."],
    [{ initiatedBy: "us", codeReceived: undefined, codeSent: undefined }, "was closed by this client."],
  ] as const)("tells who closed: %j", (given, text) => {
    expect(closedError(aReport(given)).message).toBe(`The connection to ws://feed.test/ ${text}`);
  });
});
