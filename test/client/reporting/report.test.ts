import { describe, expect, it } from "vitest";
import { attemptAdvice } from "../../../src/client/reporting/attempt-advice.js";
import * as reports from "../../../src/client/reporting/report.js";
import { reportConnection, verdictOf } from "../../../src/client/lifecycle/connection-report.js";
import { advices, unansweredAdvice } from "../../../src/client/reporting/verdict.js";
import { unmasked } from "../../../src/index.js";
import type { ConnectionEnd } from "../../../src/connection/connection-end.js";
import {
  CloseError,
  ConnectionError,
  HandshakeError,
  type JetSocketError,
  ProtocolError,
  TimeoutError,
} from "../../../src/errors.js";
import type { CloseReport, Phase } from "../../../src/events/close-report.js";
import { defaultRedactor } from "../../../src/redaction/redactor.js";
import type { TlsDetails } from "../../../src/events/tls-details.js";
import { makeEnd, makeReport } from "../../support/reports.js";
import { systemError } from "../../support/virtual-peer.js";

const url = "ws://feed.test/trades";

type Context = Omit<reports.ReportContext, "verdict">;

function context(given: Partial<Context> = {}): Context {
  return {
    ...{ url, events: Object.freeze([]), isAborted: false, isClosedByUs: false, isRotated: false },
    ...{ hasApplicationPings: false, loopLagMs: 2, isRetryable: true, redactor: defaultRedactor },
    ...given,
  };
}

function reportAttempt(phase: Phase, error: Error | undefined, own: Context): CloseReport {
  const end = { kind: "unopened", phase, error } as const;
  return reportConnection(end, { ...own, verdict: verdictOf(end, own) });
}

function reportEnd(
  end: ConnectionEnd,
  own: Context,
  setup?: { readonly error: Error | undefined },
): CloseReport {
  const clientEnd =
    setup === undefined ? ({ kind: "open", end } as const) : ({ kind: "setup", end, ...setup } as const);
  return reportConnection(clientEnd, { ...own, verdict: verdictOf(clientEnd, own) });
}

const { closedError, failureOf } = reports;

function expectFrozen(report: CloseReport): void {
  expect(Object.isFrozen(report)).toBe(true);
  expect(Object.isFrozen(report.headers)).toBe(true);
}

const tls: TlsDetails = {
  ...{ protocol: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", alpn: undefined },
  ...{ isResumed: false, isAuthorized: true, certificate: undefined },
};
const timedOut = new TimeoutError("too late.", { operation: "connect", timeoutMs: 5 });
const refusal = new HandshakeError("The server answered 503.", {
  code: "UNEXPECTED_STATUS",
  statusCode: 503,
  headers: [["Retry-After", "5"]],
  body: Buffer.from("busy"),
});

describe("reportAttempt()", () => {
  it("has every field", () => {
    const cause = systemError("connect", "ECONNREFUSED");
    const report = reportAttempt("tcp", cause, context());
    expectFrozen(report);
    expect(report).toEqual({
      ...{ verdict: "refused", advice: advices.refused, isRetryable: true, initiatedBy: "network" },
      ...{ phase: "tcp", url, codeSent: undefined, codeReceived: undefined, reason: "", wasClean: false },
      ...{ error: report.error, statusCode: undefined, headers: [], ageMs: 0, lastReceivedMs: undefined },
      ...{
        pausedMs: 0,
        messagesUnsent: 0,
        messagesUncertain: 0,
        unansweredPings: 0,
        addresses: [],
        events: [],
      },
      loopLagMs: 2,
    });
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
    "returns, for the phase %s, a ConnectionError with phase, URL and advice",
    (phase, cause, code) => {
      const { error, verdict } = reportAttempt(phase, cause, context());
      expect(error).toBeInstanceOf(ConnectionError);
      expect(error).toMatchObject({ code, phase });
      expect(error?.cause).toBe(cause);
      const what = cause === undefined ? "the stream was closed" : cause.message;
      expect(error?.message).toBe(
        `Connecting to ${url} failed (phase: ${phase}): ${what}. ${attemptAdvice(verdict, cause)}`,
      );
    },
  );

  it("keeps the class and the fields of a HandshakeError", () => {
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

  it.each(["provider", "tls"] as const)("keeps the class of a timeout in the phase %s", (phase) => {
    const { error } = reportAttempt(phase, timedOut, context());
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ operation: "connect", timeoutMs: 5 });
    expect(error?.message).toBe(`Connecting to ${url} failed (phase: ${phase}): too late.`);
  });

  it("reports a failed provider function, even if it throws one of our error classes", () => {
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

  it("omits the URL if it is not known yet", () => {
    const { error } = reportAttempt("provider", new Error("no url"), context({ url: "" }));
    expect(error?.message).toMatch(/^Connecting failed \(phase: provider\): no url\. /);
  });

  it.each([
    ["", "E"],
    ["ends by itself.", "ends by itself."],
    ["really?", "really?"],
    ["two\nlines", "two lines."],
  ])("converts the message %j to a sentence", (message, sentence) => {
    const cause = Object.assign(new Error(message), { code: "E" });
    expect(reportAttempt("tcp", cause, context()).error?.message).toContain(`(phase: tcp): ${sentence}`);
  });

  it("shows the reason of an error of OpenSSL, without the place in its source", () => {
    const message = "40A2:error:0A000460:SSL routines:ssl3_read_bytes:tlsv1 alert x:ssl/record.c:1601:\n";
    const cause = Object.assign(new Error(message), { library: "SSL routines", reason: "tlsv1 alert x" });
    const { error } = reportAttempt("tls", cause, context());
    expect(error?.message).toContain("(phase: tls): tlsv1 alert x. ");
  });

  it("shows how TLS protected the connection", () => {
    const end = { kind: "unopened", phase: "http", error: undefined, tls } as const;
    expect(reportConnection(end, { ...context(), verdict: "network-lost" }).tls).toBe(tls);
    expect(reportEnd(makeEnd({ tls }), context()).tls).toBe(tls);
  });

  it("explains a server that does not use TLS", () => {
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
  ])("reports no error for an attempt that this client ended: %j", (given, verdict) => {
    const report = reportAttempt("tcp", new Error("stop"), context(given));
    expect(report).toMatchObject({ verdict, initiatedBy: "us", error: undefined });
  });
});

describe("reportEnd()", () => {
  it("has every field", () => {
    const end = makeEnd({
      ...{ initiatedBy: "peer", phase: "closing", closeSent: { code: 1001, reason: "" } },
      ...{
        closeReceived: { code: 1001, reason: "deploy" },
        unsent: ["a", "b"].map((data) => ({ data, token: undefined })),
        uncertainCount: 3,
        unansweredPings: 4,
        addresses: [],
      },
    });
    const events = Object.freeze([{ atMs: 1, name: "connected", detail: "" }]);
    const report = reportEnd(end, context({ events }));
    expectFrozen(report);
    expect(report).toEqual({
      ...{ verdict: "going-away", advice: advices["going-away"], isRetryable: true, initiatedBy: "peer" },
      ...{ phase: "closing", url, codeSent: 1001, codeReceived: 1001, reason: "deploy", wasClean: true },
      ...{
        error: undefined,
        statusCode: undefined,
        headers: [],
        ageMs: 100,
        lastReceivedMs: 10,
        pausedMs: 7,
      },
      ...{ messagesUnsent: 2, messagesUncertain: 3, unansweredPings: 4, addresses: [], events },
      loopLagMs: 2,
    });
  });

  it.each([
    ["ours", { closeSent: { code: 1000, reason: "ours" }, closeReceived: undefined }],
    [
      "theirs",
      { closeSent: { code: 1000, reason: "ours" }, closeReceived: { code: 1000, reason: "theirs" } },
    ],
    ["ours", { closeSent: { code: 1000, reason: "ours" }, closeReceived: { code: 1000, reason: "" } }],
    ["", {}],
  ])("returns the reason %j for %j", (reason, given) => {
    expect(reportEnd(makeEnd(given), context()).reason).toBe(reason);
  });

  it("separates the reason that the peer sent, and hides its secrets", () => {
    const closeSent = { code: 1000, reason: "ours" };
    expect(reportEnd(makeEnd({ closeSent }), context()).reasonReceived).toBeUndefined();
    const echoed = makeEnd({ closeSent, closeReceived: { code: 1000, reason: "" } });
    expect(reportEnd(echoed, context()).reasonReceived).toBe("");
    const secret = "token=bb8f2d1c9a7e4f60a1b2c3d4e5f60718";
    const report = reportEnd(makeEnd({ closeReceived: { code: 1000, reason: secret } }), context());
    expect(report.reasonReceived).toBe("token=***");
    expect(unmasked(report).reasonReceived).toBe(secret);
  });

  it.each([
    [{ closeSent: { code: 1000, reason: "" } }, false],
    [{ closeReceived: { code: 1000, reason: "" } }, false],
    [{ closeSent: { code: 1000, reason: "" }, closeReceived: { code: 1000, reason: "" } }, true],
  ])("sets wasClean for %j: %s", (given, wasClean) => {
    expect(reportEnd(makeEnd(given), context()).wasClean).toBe(wasClean);
  });

  it.each([
    [systemError("read", "ECONNRESET"), "ECONNRESET", "read ECONNRESET"],
    [undefined, "CONNECTION_LOST", "the peer ended the stream without a Close frame"],
  ])("returns a ConnectionError for a lost connection: %s", (cause, code, what) => {
    const { error } = reportEnd(makeEnd({ error: cause }), context());
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ code, phase: "open" });
    expect(error?.cause).toBe(cause);
    expect(error?.message).toBe(
      `The connection to ${url} was lost (phase: open): ${what}. ${advices["network-lost"]}`,
    );
  });

  it("keeps the class of a ProtocolError", () => {
    const cause = new ProtocolError("Bad bits.", { code: "UNEXPECTED_RSV", closeCode: 1002 });
    const { error } = reportEnd(makeEnd({ initiatedBy: "us", error: cause }), context());
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ code: "UNEXPECTED_RSV", closeCode: 1002 });
    expect(error?.message).toBe(`The connection to ${url} failed (phase: open): Bad bits.`);
  });

  it.each([
    { initiatedBy: "us" },
    { initiatedBy: "peer", closeReceived: { code: 1011, reason: "" } },
  ] as const)("returns no error for a closed connection: %j", (given) => {
    expect(reportEnd(makeEnd(given), context()).error).toBeUndefined();
  });

  it("returns the verdict aborted if the signal was aborted", () => {
    const isRetryable = false;
    const report = reportEnd(makeEnd({ initiatedBy: "us" }), context({ isAborted: true, isRetryable }));
    expect(report).toMatchObject({ verdict: "aborted", advice: advices.aborted, isRetryable: false });
  });

  it.each([
    ["us", "rotated"],
    ["network", "network-lost"],
  ] as const)("returns, for a rotated connection that ends by %s, the verdict %s", (initiatedBy, verdict) => {
    const report = reportEnd(makeEnd({ initiatedBy }), context({ isRotated: true }));
    expect(report).toMatchObject({ verdict, initiatedBy });
  });

  it.each([
    [0, unansweredAdvice],
    [1, advices["heartbeat-timeout"]],
  ])("returns, after a heartbeat timeout, the advice for %i answered pings", (answeredPings, advice) => {
    const error = new TimeoutError("dead.", { operation: "heartbeat", timeoutMs: 1 });
    const report = reportEnd(makeEnd({ error, answeredPings }), context());
    expect(report).toMatchObject({ verdict: "heartbeat-timeout", advice });
  });
});

it("reportEnd() does not advise application pings if they are already used", () => {
  const error = new TimeoutError("dead.", { operation: "heartbeat", timeoutMs: 1 });
  const report = reportEnd(makeEnd({ error, answeredPings: 0 }), context({ hasApplicationPings: true }));
  expect(report.advice).toBe(advices["heartbeat-timeout"]);
});

describe("reportEnd() for a connection that was not set up", () => {
  it("reports the error of a failed hook", () => {
    const cause = new Error("no login");
    const report = reportEnd(makeEnd({ initiatedBy: "us" }), context(), { error: cause });
    expect(report).toMatchObject({ verdict: "setup-failed", phase: "setup", initiatedBy: "us" });
    expect(report.error).toBeInstanceOf(ConnectionError);
    expect(report.error).toMatchObject({ phase: "setup", cause });
    expect(report.error?.message).toBe(
      `Connecting to ${url} failed (phase: setup): no login. ${advices["setup-failed"]}`,
    );
    // The age is undefined, because the connection never became ready.
  });

  it.each([
    [{ isClosedByUs: true }, "closed-by-us"],
    [{ isAborted: true }, "aborted"],
  ])("reports a close or an abort by this client: %j", (given, verdict) => {
    const report = reportEnd(makeEnd({ initiatedBy: "us" }), context(given), { error: new Error("stop") });
    expect(report).toMatchObject({ verdict, phase: "setup" });
  });

  it("reports a loss of the connection during the setup", () => {
    const report = reportEnd(makeEnd(), context(), { error: undefined });
    expect(report).toMatchObject({ verdict: "network-lost", phase: "setup", initiatedBy: "network" });
  });
});

describe("failureOf()", () => {
  it("returns the error of the report, with the report attached", () => {
    const report = reportEnd(makeEnd(), context());
    const error: JetSocketError = failureOf(report);
    expect(error).toBe(report.error);
    expect(error.report).toBe(report);
    expect(JSON.parse(JSON.stringify(report))).toMatchObject({
      error: { code: "CONNECTION_LOST", phase: "open" },
    });
  });

  it("returns a CloseError if the report has no error", () => {
    const report = makeReport({
      codeReceived: 1011,
      reason: "oops",
      verdict: "server-error",
      advice: "Wait.",
    });
    const error = failureOf(report);
    expect(error).toBeInstanceOf(CloseError);
    expect(error.report).toBe(report);
    expect(error.message).toBe(
      "The connection to ws://feed.test/ was closed by the peer with 1011 (oops). Wait.",
    );
  });

  const hostile = "bye\r\n\u001b[31mred\u0000\u007f\u009b\u2028\u2029é";
  const escaped = "bye\\u000d\\u000a\\u001b[31mred\\u0000\\u007f\\u009b\\u2028\\u2029é";

  it("escapes control characters of the peer's reason, which the report keeps unchanged", () => {
    const report = reportEnd(
      makeEnd({ initiatedBy: "peer", closeReceived: { code: 1011, reason: hostile } }),
      context(),
    );
    expect(report.reason).toBe(hostile);
    expect(failureOf(report).message).toContain(`closed by the peer with 1011 (${escaped}). `);
    expect(closedError(report).message).toContain(`(${escaped})`);
  });

  it("escapes control characters in the message of the cause, such as names in a certificate", () => {
    const cause = new Error(`the altnames are DNS:${hostile}`);
    // Any sequence of white space becomes one space.
    const text = "the altnames are DNS:bye \\u001b[31mred\\u0000\\u007f\\u009b é.";
    expect(reportAttempt("tls", cause, context()).error!.message).toContain(text);
    expect(reportEnd(makeEnd({ error: cause }), context()).error!.message).toContain(text);
  });

  it.each([
    [{ initiatedBy: "us", codeReceived: 1000, codeSent: 1000 }, "was closed by this client with 1000."],
    [{ initiatedBy: "us", codeReceived: undefined, codeSent: 1001 }, "was closed by this client with 1001."],
    [{ initiatedBy: "us", codeReceived: undefined, codeSent: undefined }, "was closed by this client."],
  ] as const)("says which side closed the connection: %j", (given, text) => {
    expect(closedError(makeReport(given)).message).toBe(`The connection to ws://feed.test/ ${text}`);
  });
});
