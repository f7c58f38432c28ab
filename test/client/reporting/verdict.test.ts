import { describe, expect, it } from "vitest";
import { advices, judgeAttempt, judgeEnd, unansweredAdvice } from "../../../src/client/reporting/verdict.js";
import { HandshakeError, JetSocketError, ProtocolError, TimeoutError } from "../../../src/errors.js";
import type { Phase, Verdict } from "../../../src/events/close-report.js";
import { markTlsFault } from "../../../src/transport/tls-fault.js";
import { makeEnd } from "../../support/reports.js";

const verdicts: readonly Verdict[] = [
  ...(["normal", "going-away", "server-restart", "server-error", "rate-limited", "auth", "policy"] as const),
  ...(["not-found", "handshake-rejected", "protocol-error", "too-big", "name-not-found", "refused"] as const),
  ...(["connect-timeout", "tls", "proxy", "setup-failed", "network-lost", "idle-cut"] as const),
  ...(["heartbeat-timeout", "local-stall", "rotated", "aborted", "closed-by-us", "closed-by-peer"] as const),
];

const phases: readonly Phase[] = [
  "provider",
  "dns",
  "tcp",
  "proxy",
  "tls",
  "http",
  "setup",
  "open",
  "closing",
];

function refused(statusCode: number): HandshakeError {
  return new HandshakeError("no", { code: "UNEXPECTED_STATUS", statusCode });
}

describe("judgeAttempt()", () => {
  it.each([
    ["provider", "setup-failed"],
    ["dns", "name-not-found"],
    ["tcp", "refused"],
    ["proxy", "proxy"],
    ["tls", "tls"],
    ["http", "network-lost"],
    ["setup", "setup-failed"],
    ["open", "network-lost"],
    ["closing", "network-lost"],
  ] as const)("returns, for a failure in the phase %s, %s", (phase, verdict) => {
    expect(judgeAttempt(phase, new Error("x"))).toBe(verdict);
    expect(judgeAttempt(phase, undefined)).toBe(verdict);
  });

  it.each(["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "TLS_CLIENT_CERTIFICATE_REFUSED"])(
    "returns tls for a failure of TLS after its handshake: %s",
    (code) => {
      const error = Object.assign(new Error("x"), { code });
      expect(judgeAttempt("http", error)).toBe("tls");
      expect(judgeAttempt("tcp", error)).toBe("refused");
    },
  );

  it.each(phases)(
    "returns connect-timeout, or setup-failed for user functions, for a timeout in the phase %s",
    (phase) => {
      const isOwn = phase === "provider" || phase === "setup";
      const error = new TimeoutError("late", { operation: "connect", timeoutMs: 1 });
      expect(judgeAttempt(phase, error)).toBe(isOwn ? "setup-failed" : "connect-timeout");
    },
  );

  it.each([
    [401, "auth"],
    [403, "auth"],
    [404, "not-found"],
    [410, "not-found"],
    [429, "rate-limited"],
    [500, "server-error"],
    [503, "server-error"],
    [599, "server-error"],
    [200, "handshake-rejected"],
    [301, "handshake-rejected"],
    [400, "handshake-rejected"],
    [426, "handshake-rejected"],
  ] as const)("returns, for the HTTP status %i, %s", (status, verdict) => {
    expect(judgeAttempt("http", refused(status))).toBe(verdict);
  });

  it.each([
    ["MALFORMED_RESPONSE", undefined, "handshake-rejected"],
    ["INVALID_ACCEPT", 101, "handshake-rejected"],
    ["CONNECTION_ENDED", undefined, "network-lost"],
  ] as const)(
    "returns, for a response with the fault %s and the status %s, %s",
    (code, statusCode, verdict) => {
      expect(judgeAttempt("http", new HandshakeError("no", { code, statusCode }))).toBe(verdict);
    },
  );

  it("returns setup-failed for any error of a provider function", () => {
    expect(judgeAttempt("provider", refused(401))).toBe("setup-failed");
  });
});

describe("judgeAttempt() after checkServerIdentity failed", () => {
  it.each([
    refused(401),
    new TimeoutError("late", { operation: "connect", timeoutMs: 1 }),
    new Error("pinned"),
  ])("returns tls for any class of error: %s", (error) => {
    markTlsFault(error, { kind: "identity", options: "tls.checkServerIdentity" });
    expect(judgeAttempt("tls", error)).toBe("tls");
  });
});

describe("judgeEnd()", () => {
  const closed = (code: number) => makeEnd({ initiatedBy: "peer", closeReceived: { code, reason: "" } });
  const failed = (closeCode: number, code = "X") =>
    makeEnd({ initiatedBy: "us", error: new ProtocolError("bad", { code, closeCode }) });

  it.each([
    [1000, "normal"],
    [1001, "going-away"],
    [1002, "protocol-error"],
    [1003, "protocol-error"],
    [1005, "closed-by-peer"],
    [1007, "protocol-error"],
    [1008, "policy"],
    [1009, "too-big"],
    [1010, "protocol-error"],
    [1011, "server-error"],
    [1012, "server-restart"],
    [1013, "rate-limited"],
    [1014, "closed-by-peer"],
    [3000, "closed-by-peer"],
    [4000, "closed-by-peer"],
    [4401, "auth"],
    [4403, "auth"],
  ] as const)("returns, for Close %i from the peer, %s", (code, verdict) => {
    expect(judgeEnd(closed(code))).toBe(verdict);
  });

  it.each([
    [1002, "protocol-error"],
    [1007, "protocol-error"],
    [1008, "policy"],
    [1009, "too-big"],
    [1010, "protocol-error"],
  ] as const)("returns, for a protocol error with %i, %s", (closeCode, verdict) => {
    expect(judgeEnd(failed(closeCode))).toBe(verdict);
  });

  it("returns local-stall for an overflow of the inbox", () => {
    expect(judgeEnd(failed(1008, "INBOX_OVERFLOW"))).toBe("local-stall");
  });

  it("returns heartbeat-timeout for a heartbeat that timed out", () => {
    const error = new TimeoutError("dead", { operation: "heartbeat", timeoutMs: 1 });
    expect(judgeEnd(makeEnd({ error }))).toBe("heartbeat-timeout");
  });

  it("returns local-stall for a mutual stall", () => {
    const error = new JetSocketError("stuck", { code: "MUTUAL_STALL" });
    expect(judgeEnd(makeEnd({ error }))).toBe("local-stall");
  });

  it("returns closed-by-us for a close by this client, with or without an error", () => {
    expect(judgeEnd(makeEnd({ initiatedBy: "us" }))).toBe("closed-by-us");
    expect(judgeEnd(makeEnd({ initiatedBy: "us", closeReceived: { code: 1011, reason: "" } }))).toBe(
      "closed-by-us",
    );
    const error = new TimeoutError("late", { operation: "close", timeoutMs: 1 });
    expect(judgeEnd(makeEnd({ initiatedBy: "us", error }))).toBe("closed-by-us");
  });

  it.each([
    [0, 0, 29_999, "network-lost"],
    [0, 0, 30_000, "idle-cut"],
    [5, 0, 30_004, "network-lost"],
    [0, 5, 30_004, "network-lost"],
    [5, 5, 30_005, "idle-cut"],
  ] as const)(
    "without a Close frame, last received at %i ms, last sent at %i ms, ended at %i ms, returns %s",
    (lastReceivedAt, lastSentAt, endedAt, verdict) => {
      expect(judgeEnd(makeEnd({ openedAt: 0, lastReceivedAt, lastSentAt, endedAt }))).toBe(verdict);
    },
  );
});

it.each(verdicts)("the advice for %s is one sentence", (verdict) => {
  expect(advices[verdict]).toMatch(/^[A-Z][^\n]+\.$/);
});

it("the advice for a peer that never answers a ping names both options", () => {
  expect(unansweredAdvice).toMatch(/^[A-Z][^\n]+\.$/);
  expect(unansweredAdvice).toContain("heartbeat.ping");
  expect(unansweredAdvice).toContain("heartbeat.isPong");
});
