import { describe, expect, it } from "vitest";
import { EventLog } from "../../../src/client/connection/event-log.js";
import { StopReasons } from "../../../src/client/lifecycle/stop-reasons.js";
import type { ClientConnection } from "../../../src/client/connection/client-connection.js";
import {
  contextOf,
  reportConnection,
  settleConnection,
} from "../../../src/client/reporting/connection-report.js";
import type { ReportContext } from "../../../src/client/reporting/report.js";
import type { MessageHub } from "../../../src/client/message-hub.js";
import type { LiveConnection } from "../../../src/connection/live-connection.js";
import { Statistics } from "../../../src/stats/statistics.js";
import { anEnd } from "../../support/reports.js";

type AnyLink = ClientConnection<string, string>;

const unsent = [
  { data: "1", token: undefined },
  { data: "2", token: undefined },
];

function intentOf(
  ...reasons: readonly ("isClosed" | "isAborted" | "isGivenUp" | "isTimedOut")[]
): StopReasons {
  return Object.assign(new StopReasons(), Object.fromEntries(reasons.map((reason) => [reason, true])));
}

describe("what a report is made of", () => {
  it("is the link's own, and what the user wants", () => {
    const log = new EventLog({ now: () => 7 });
    log.add("connecting", "ws://feed.test/");
    const connection = { log, loopLag: 40, isRotated: true } as unknown as AnyLink;
    expect(contextOf(connection, intentOf("isClosed"))).toEqual({
      events: [{ atMs: 0, name: "connecting", detail: "ws://feed.test/" }],
      ...{ loopLagMs: 40, isAborted: false, isClosedByUs: true, isRotated: true },
    });
  });

  it("is little where there was no link", () => {
    const { events, ...context } = contextOf(undefined, new StopReasons());
    expect(context).toEqual({ loopLagMs: 0, isAborted: false, isClosedByUs: false, isRotated: false });
    expect([events, Object.isFrozen(events)]).toEqual([[], true]);
  });

  it.each([
    ["isAborted", true],
    ["isGivenUp", true],
    ["isTimedOut", false],
  ] as const)("is aborted by %s: %s", (reason, isAborted) => {
    expect(contextOf(undefined, intentOf(reason)).isAborted).toBe(isAborted);
  });
});

describe("the report of a link", () => {
  const context: ReportContext = {
    ...contextOf(undefined, new StopReasons()),
    ...{ url: "ws://feed.test/", hasApplicationPings: false, isRetryable: () => true },
  };

  it("that never opened names the phase", () => {
    const report = reportConnection({ kind: "unopened", phase: "dns", error: new Error("x") }, context);
    expect(report).toMatchObject({ phase: "dns", verdict: "name-not-found" });
  });

  it("that was not set up is that of the setup", () => {
    const report = reportConnection({ kind: "setup", end: anEnd(), error: new Error("no login") }, context);
    expect(report).toMatchObject({ phase: "setup", verdict: "setup-failed" });
  });

  it("that was open is that of the connection", () => {
    const report = reportConnection({ kind: "open", end: anEnd() }, context);
    expect(report).toMatchObject({ phase: "open", verdict: "network-lost" });
  });
});

describe("settling", () => {
  /** What is asked of each, in order. */
  function settle(end: Parameters<typeof settleConnection>[2], isOpened = true): unknown[] {
    const told: unknown[] = [];
    const statistics = new Statistics();
    statistics.add = (live) => void told.push(["counted", live === connection.live]);
    const connection = {
      live: isOpened
        ? ({ settle: (error: unknown) => told.push(["settled", error]) } as unknown as LiveConnection)
        : undefined,
      endHook: (error: unknown) => told.push(["hook", error]),
    } as unknown as AnyLink;
    const hub = { onHookUnsent: (data: unknown) => told.push(["unsent", data]) } as unknown as MessageHub<
      string,
      string
    >;
    settleConnection({ statistics, hub }, connection, end, "over");
    return told;
  }

  it("ends the calls of an open connection once, and counts it", () => {
    expect(settle({ kind: "open", end: anEnd({ unsent }) })).toEqual([
      ...[
        ["settled", "over"],
        ["counted", true],
        ["hook", "over"],
      ],
    ]);
  });

  it("tells what a hook has sent that did not leave", () => {
    expect(settle({ kind: "setup", end: anEnd({ unsent }), error: undefined }).slice(3)).toEqual([
      ["unsent", "1"],
      ["unsent", "2"],
    ]);
  });

  it("has nothing to do for an attempt", () => {
    expect(settle({ kind: "unopened", phase: "tcp", error: undefined }, false)).toEqual([]);
  });
});
