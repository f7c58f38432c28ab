import { beforeEach, describe, expect, it } from "vitest";
import { RetryStrategy } from "../../../src/client/lifecycle/retry-strategy.js";
import { ProxyError } from "../../../src/errors.js";
import type { CloseReport, Verdict } from "../../../src/events/close-report.js";
import type { WebSocketOptions } from "../../../src/options/options.js";
import { resolveOptions } from "../../../src/options/resolve-options.js";
import type { Runtime } from "../../../src/runtime/runtime.js";
import { markTlsFault } from "../../../src/transport/tls-fault.js";
import { makeReport } from "../../support/reports.js";
import { VirtualRuntime } from "../../support/virtual-runtime.js";

const wallNow = Date.UTC(2026, 0, 2, 3, 4, 5);

let clock: VirtualRuntime;
let random: number;
let errors: unknown[];

beforeEach(() => {
  clock = new VirtualRuntime();
  random = 0.5;
  errors = [];
});

function create(
  options: Pick<WebSocketOptions<never, never>, "backoff" | "shouldReconnect"> = {},
): RetryStrategy {
  const runtime: Runtime = Object.create(clock, {
    random: { value: () => random },
    wallNow: { value: () => wallNow },
    now: { value: () => clock.now() },
  }) as VirtualRuntime;
  return new RetryStrategy(resolveOptions<never, never>(options, runtime), (error) => errors.push(error));
}

const retryable = (given: Parameters<typeof makeReport>[0] = {}): CloseReport =>
  makeReport({ isRetryable: true, ...given });

function certificateError(): Error {
  return Object.assign(new Error("expired"), { code: "CERT_HAS_EXPIRED" });
}

describe("judge()", () => {
  it.each([
    ["network-lost", true],
    ["policy", true],
    ["normal", true],
    ["setup-failed", true],
    ["tls", true],
    ["auth", false],
    ["not-found", false],
    ["closed-by-us", false],
    ["aborted", false],
  ] as const)("before the first success, allows a retry after %s: %s", (verdict, may) => {
    expect(create().judge(verdict, new Error("x"), undefined)).toBe(may);
  });

  it("before the first success, allows no retry after a rejected certificate", () => {
    expect(create().judge("tls", certificateError(), undefined)).toBe(false);
    expect(create().judge("network-lost", certificateError(), undefined)).toBe(true);
  });

  it.each([
    ["PROXY_AUTHENTICATION", undefined, false],
    ["PROXY_TLS", certificateError(), false],
    [
      "PROXY_TLS",
      markTlsFault(new Error("refused"), { kind: "identity", options: "tls.checkServerIdentity" }),
      false,
    ],
    ["PROXY_TLS", new Error("EPROTO"), true],
    ["PROXY_UNREACHABLE", certificateError(), true],
  ])("before the first success, after %s by %s allows a retry: %s", (code, cause, may) => {
    const error = new ProxyError("x", { code, cause });
    expect(create().judge("proxy", error, undefined)).toBe(may);
  });

  it("after the first success, allows a retry unless this client ended the connection", () => {
    const retryStrategy = create();
    retryStrategy.onOpen();
    const verdicts: readonly Verdict[] = ["not-found", "tls", "policy", "closed-by-us", "aborted"];
    expect(verdicts.map((verdict) => retryStrategy.judge(verdict, certificateError(), 5))).toEqual([
      ...[true, true, true, false, false],
    ]);
  });

  it("after the first success, stops at the third refusal in a row without a connection of resetAfter", () => {
    const retryStrategy = create({ backoff: { resetAfter: 1_000 } });
    retryStrategy.onOpen();
    const judge = (ageMs?: number): boolean => retryStrategy.judge("auth", undefined, ageMs);
    expect([judge(), judge(999), judge()]).toEqual([true, true, false]);
    expect([judge(1_000), judge(), judge()]).toEqual([true, true, false]);
  });

  it("does not count an end by this client as a refusal", () => {
    const retryStrategy = create();
    retryStrategy.onOpen();
    expect([
      retryStrategy.judge("auth", undefined, undefined),
      retryStrategy.judge("auth", undefined, undefined),
    ]).toEqual([...[true, true]]);
    retryStrategy.judge("closed-by-us", undefined, undefined);
    expect(retryStrategy.judge("auth", undefined, undefined)).toBe(false);
  });
});

describe("a TLS fault", () => {
  it.each([
    ["options", false, false],
    ["identity", false, true],
  ] as const)(
    "of kind %s allows a retry before the first success: %s, and after it: %s",
    (kind, before, after) => {
      const error = markTlsFault(new Error("no code"), { kind, options: "tls.x" });
      const retryStrategy = create();
      expect(retryStrategy.judge("tls", error, undefined)).toBe(before);
      retryStrategy.onOpen();
      expect(retryStrategy.judge("tls", error, undefined)).toBe(after);
    },
  );
});

describe("the wait before a retry", () => {
  it("is random and increases", () => {
    const retryStrategy = create({ backoff: { base: 100, floor: 0, cap: 300 } });
    expect([1, 2, 3, 4].map(() => retryStrategy.next(retryable()))).toEqual([50, 100, 150, 150]);
    random = 0;
    expect(retryStrategy.next(retryable())).toBe(0);
  });

  it("starts again after a connection was open for resetAfter", () => {
    const retryStrategy = create({ backoff: { base: 100, jitter: false, resetAfter: 1_000 } });
    expect([retryStrategy.next(retryable()), retryStrategy.next(retryable())]).toEqual([100, 200]);
    retryStrategy.judge("network-lost", undefined, 999);
    expect(retryStrategy.next(retryable())).toBe(400);
    retryStrategy.judge("network-lost", undefined, 1_000);
    expect(retryStrategy.next(retryable())).toBe(100);
  });

  it("is undefined after maxAttempts or maxElapsed", () => {
    const counted = create({ backoff: { maxAttempts: 2 } });
    expect([counted.next(retryable()), counted.next(retryable())]).toEqual([expect.any(Number), undefined]);
    const timed = create({ backoff: { maxElapsed: 5_000, base: 1_000, jitter: false } });
    expect(timed.next(retryable())).toBe(1_000);
    clock.advance(5_000);
    expect(timed.next(retryable())).toBeUndefined();
  });

  it("is undefined after an end that is not retryable", () => {
    expect(create().next(makeReport({ isRetryable: false }))).toBeUndefined();
  });
});

describe("the minimum wait", () => {
  const inTen = "Fri, 02 Jan 2026 03:04:15 GMT";

  it.each([
    ["Close 1012", { codeReceived: 1012 }, 1_000],
    ["Close 1013", { codeReceived: 1013 }, 1_000],
    ["Close 1011", { codeReceived: 1011 }, 0],
    ["seconds with 429", { statusCode: 429, headers: [["Retry-After", "7"]] }, 7_000],
    [
      "seconds with 503",
      {
        statusCode: 503,
        headers: [
          ["x", "1"],
          ["retry-AFTER", "7"],
        ],
      },
      7_000,
    ],
    ["a date", { statusCode: 503, headers: [["retry-after", inTen]] }, 10_000],
    ["more than the cap", { statusCode: 429, headers: [["retry-after", "86400"]] }, 20_000],
    ["no field", { statusCode: 429, headers: [["date", inTen]] }, 0],
    ["an invalid field", { statusCode: 429, headers: [["retry-after", "soon"]] }, 0],
    ["another status", { statusCode: 500, headers: [["retry-after", "7"]] }, 0],
  ] as const)("is added to the random wait: %s", (_what, given, least) => {
    const retryStrategy = create({ backoff: { retryAfterCap: 20_000, floor: 0 } });
    const report = retryable({ codeReceived: undefined, ...given });
    expect(retryStrategy.next(report)).toBe(500 + least);
  });
});

describe("shouldReconnect", () => {
  it.each([
    [true, false, 500],
    [false, true, undefined],
  ])("returns %s and overrides the rule, which says %s", (wanted, isRetryable, expected) => {
    const report = makeReport({ isRetryable });
    const asked: CloseReport[] = [];
    const retryStrategy = create({
      backoff: { floor: 0 },
      shouldReconnect: (given) => {
        asked.push(given);
        return wanted;
      },
    });
    expect([retryStrategy.next(report), asked]).toEqual([expected, [report]]);
  });

  it.each([
    [true, 500],
    [false, undefined],
  ])("that throws is reported, and the rule decides: %s", (isRetryable, expected) => {
    const error = new Error("no");
    const retryStrategy = create({
      backoff: { floor: 0 },
      shouldReconnect: () => {
        throw error;
      },
    });
    expect([retryStrategy.next(makeReport({ isRetryable })), errors]).toEqual([expected, [error]]);
  });
});
