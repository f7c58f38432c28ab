import { describe, expect, it } from "vitest";
import { defaultRedactor } from "../../../src/redaction/redactor.js";
import { EventLog } from "../../../src/client/connection/event-log.js";
import { StopReasons } from "../../../src/client/lifecycle/stop-reasons.js";
import type { ClientConnection } from "../../../src/client/connection/client-connection.js";
import {
  causeOf,
  contextOf,
  reportConnection,
  settleConnection,
  verdictOf,
} from "../../../src/client/lifecycle/connection-report.js";
import type { ReportContext } from "../../../src/client/reporting/report.js";
import type { MessageHub } from "../../../src/client/message-hub.js";
import type { LiveConnection } from "../../../src/connection/live-connection.js";
import { Statistics } from "../../../src/stats/statistics.js";
import { makeEnd } from "../../support/reports.js";
import { stopReasonsWith } from "../../support/stop-reasons.js";

type AnyConnection = ClientConnection;

const unsent = [
  { data: "1", token: undefined },
  { data: "2", token: undefined },
];

describe("contextOf()", () => {
  it("combines the facts of the connection with the stop reasons", () => {
    const log = new EventLog({ now: () => 7 });
    log.add("connecting", "ws://feed.test/");
    const connection = { log, loopLag: 40, isRotated: true } as unknown as AnyConnection;
    expect(contextOf(connection, stopReasonsWith("isClosed"))).toEqual({
      events: [{ atMs: 0, name: "connecting", detail: "ws://feed.test/" }],
      ...{ loopLagMs: 40, isAborted: false, isClosedByUs: true, isRotated: true },
    });
  });

  it("returns defaults if there was no connection", () => {
    const { events, ...context } = contextOf(undefined, new StopReasons());
    expect(context).toEqual({ loopLagMs: 0, isAborted: false, isClosedByUs: false, isRotated: false });
    expect([events, Object.isFrozen(events)]).toEqual([[], true]);
  });

  it.each([
    ["isAborted", true],
    ["isGivenUp", true],
    ["isTimedOut", false],
  ] as const)("sets isAborted for %s: %s", (reason, isAborted) => {
    expect(contextOf(undefined, stopReasonsWith(reason)).isAborted).toBe(isAborted);
  });
});

const own = { isAborted: false, isClosedByUs: false, isRotated: false };

describe("verdictOf()", () => {
  it.each([
    [
      "an attempt that never opened",
      { kind: "unopened", phase: "dns", error: new Error("x") },
      "name-not-found",
    ],
    ["a failed setup", { kind: "setup", end: makeEnd(), error: new Error("no login") }, "setup-failed"],
    ["a setup that the peer ended", { kind: "setup", end: makeEnd(), error: undefined }, "network-lost"],
    ["a connection that was open", { kind: "open", end: makeEnd() }, "network-lost"],
  ] as const)("judges %s", (_, end, verdict) => {
    expect(verdictOf(end, own)).toBe(verdict);
  });

  it.each([
    ["isAborted", "aborted"],
    ["isClosedByUs", "closed-by-us"],
  ] as const)("is forced by %s", (name, verdict) => {
    const end = { kind: "unopened", phase: "dns", error: new Error("x") } as const;
    expect(verdictOf(end, { ...own, [name]: true })).toBe(verdict);
  });
});

describe("causeOf()", () => {
  const error = new Error("reset");

  it.each([
    ["an attempt has no age", { kind: "unopened", phase: "tcp", error }, { error, ageMs: undefined }],
    [
      "a connection that was never set up has no age, and the error of the connection",
      { kind: "setup", end: makeEnd({ error, openedAt: 10, endedAt: 30 }), error: new Error("no login") },
      { error, ageMs: undefined },
    ],
    [
      "an open connection has the time since it opened",
      { kind: "open", end: makeEnd({ error, openedAt: 10, endedAt: 30 }) },
      { error, ageMs: 20 },
    ],
  ] as const)("%s", (_, end, expected) => {
    expect(causeOf(end)).toEqual(expected);
  });
});

describe("reportConnection()", () => {
  const context: ReportContext = {
    ...contextOf(undefined, new StopReasons()),
    ...{
      url: "ws://feed.test/",
      redactor: defaultRedactor,
      hasApplicationPings: false,
      verdict: "network-lost",
      isRetryable: true,
    },
  };

  it.each([
    ["dns", { kind: "unopened", phase: "dns", error: new Error("x") }],
    ["setup", { kind: "setup", end: makeEnd(), error: new Error("no login") }],
    ["open", { kind: "open", end: makeEnd() }],
  ] as const)("reports the phase %s, and the decisions that were made before", (phase, end) => {
    expect(reportConnection(end, context)).toMatchObject({
      ...{ phase, verdict: "network-lost", isRetryable: true },
    });
  });
});

describe("settleConnection()", () => {
  /** Settles a connection and returns all resulting calls, in order. */
  function settle(end: Parameters<typeof settleConnection>[2], isOpened = true): unknown[] {
    const calls: unknown[] = [];
    const statistics = new Statistics();
    statistics.add = (live) => void calls.push(["counted", live === connection.live]);
    const connection = {
      live: isOpened
        ? ({ settle: (error: unknown) => calls.push(["settled", error]) } as unknown as LiveConnection)
        : undefined,
      endHook: (error: unknown) => calls.push(["hook", error]),
    } as unknown as AnyConnection;
    const onHookUnsent = (data: unknown): void => void calls.push(["unsent", data]);
    const hub = { onHookUnsent } as unknown as MessageHub;
    settleConnection({ statistics, hub }, connection, end, "over");
    return calls;
  }

  it("ends the calls of an open connection once, and adds it to the statistics", () => {
    expect(settle({ kind: "open", end: makeEnd({ unsent }) })).toEqual([
      ...[
        ["settled", "over"],
        ["counted", true],
        ["hook", "over"],
      ],
    ]);
  });

  it("reports the unsent messages of a hook", () => {
    expect(settle({ kind: "setup", end: makeEnd({ unsent }), error: undefined }).slice(3)).toEqual([
      ["unsent", "1"],
      ["unsent", "2"],
    ]);
  });

  it("does nothing for an attempt that never opened", () => {
    expect(settle({ kind: "unopened", phase: "tcp", error: undefined }, false)).toEqual([]);
  });
});
