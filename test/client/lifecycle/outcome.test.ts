import { describe, expect, it } from "vitest";
import { StopReasons } from "../../../src/client/lifecycle/stop-reasons.js";
import { outcomeOf, errorOf } from "../../../src/client/lifecycle/outcome.js";
import { CloseError, ConnectionError } from "../../../src/errors.js";
import type { CloseReport } from "../../../src/events/close-report.js";
import { aReport } from "../../support/reports.js";

function intentOf(
  ...reasons: readonly ("isClosed" | "isAborted" | "isGivenUp" | "isTimedOut")[]
): StopReasons {
  return Object.assign(new StopReasons(), Object.fromEntries(reasons.map((reason) => [reason, true])));
}

const options = { reconnect: false, signal: undefined };
const lost = new ConnectionError("lost", { code: "CONNECTION_LOST", phase: "open" });

describe("a life", () => {
  it.each([
    [1000, true, "closed"],
    [1001, true, "closed"],
    [1000, false, "failed"],
    [1002, true, "failed"],
    [1005, true, "failed"],
    [1008, true, "failed"],
    [1012, true, "failed"],
    [4000, true, "failed"],
    [undefined, false, "failed"],
  ] as const)(
    "without reconnect that the peer closes by %s, clean: %s, is %s",
    (codeReceived, wasClean, ending) => {
      expect(outcomeOf(aReport({ codeReceived, wasClean }), new StopReasons(), options)).toBe(ending);
    },
  );

  it("that breaks behind both Closes has failed all the same", () => {
    expect(outcomeOf(aReport({ error: lost }), new StopReasons(), options)).toBe("failed");
  });

  it.each([1000, 1001])("with reconnect that the peer closes by %i for good has failed", (codeReceived) => {
    const report = aReport({ codeReceived });
    expect(outcomeOf(report, new StopReasons(), { ...options, reconnect: true })).toBe("failed");
  });

  it.each([true, false])("that we close is closed, with reconnect: %s, whatever came of it", (reconnect) => {
    const report = aReport({ wasClean: false, codeReceived: undefined, error: lost });
    expect(outcomeOf(report, intentOf("isClosed"), { ...options, reconnect })).toBe("closed");
  });

  it.each([[[]], [["isClosed"]]] as const)("that the signal ends is aborted, with %j besides", (others) => {
    expect(outcomeOf(aReport(), intentOf("isAborted", ...others), options)).toBe("aborted");
  });

  it.each(["isGivenUp", "isTimedOut"] as const)(
    "whose only connect() waits no more (%s) has failed",
    (reason) => {
      const report = aReport({ wasClean: false, codeReceived: undefined });
      expect(outcomeOf(report, intentOf(reason), options)).toBe("failed");
    },
  );
});

describe("the calls that waited", () => {
  const failed: CloseReport = aReport({ wasClean: false, codeReceived: undefined, error: lost });

  it("get what broke it, with the report", () => {
    expect(errorOf(failed, new StopReasons(), options)).toBe(lost);
    expect(lost.report).toBe(failed);
  });

  it("get a CloseError where it was closed in good order", () => {
    const report = aReport();
    const error = errorOf(report, new StopReasons(), options);
    expect(error).toBeInstanceOf(CloseError);
    expect((error as CloseError).report).toBe(report);
  });

  it("get the same where we closed it, whatever broke meanwhile", () => {
    expect(errorOf(failed, intentOf("isClosed"), options)).toBeInstanceOf(CloseError);
  });

  it.each([["stop"], [new Error("stop")], [null]])("get the signal's reason: %s", (reason) => {
    const signal = AbortSignal.abort(reason);
    expect(errorOf(failed, intentOf("isAborted"), { ...options, signal })).toBe(reason);
  });
});
