import { describe, expect, it } from "vitest";
import { StopReasons } from "../../../src/client/lifecycle/stop-reasons.js";
import { outcomeOf, errorOf } from "../../../src/client/lifecycle/outcome.js";
import { CloseError, ConnectionError } from "../../../src/errors.js";
import type { CloseReport } from "../../../src/events/close-report.js";
import { makeReport } from "../../support/reports.js";
import { stopReasonsWith } from "../../support/stop-reasons.js";

const options = { reconnect: false, signal: undefined };
const lost = new ConnectionError("lost", { code: "CONNECTION_LOST", phase: "open" });

describe("outcomeOf()", () => {
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
    "without reconnect, after Close %s from the peer, clean: %s, is %s",
    (codeReceived, wasClean, ending) => {
      expect(outcomeOf(makeReport({ codeReceived, wasClean }), new StopReasons(), options)).toBe(ending);
    },
  );

  it("is failed when an error occurs after both Close frames", () => {
    expect(outcomeOf(makeReport({ error: lost }), new StopReasons(), options)).toBe("failed");
  });

  it.each([1000, 1001])("with reconnect, after Close %i from the peer, is failed", (codeReceived) => {
    const report = makeReport({ codeReceived });
    expect(outcomeOf(report, new StopReasons(), { ...options, reconnect: true })).toBe("failed");
  });

  it.each([true, false])("is closed after close(), even with an error; reconnect: %s", (reconnect) => {
    const report = makeReport({ wasClean: false, codeReceived: undefined, error: lost });
    expect(outcomeOf(report, stopReasonsWith("isClosed"), { ...options, reconnect })).toBe("closed");
  });

  it.each([[[]], [["isClosed"]]] as const)(
    "is aborted when the signal was aborted; other reasons: %j",
    (others) => {
      expect(outcomeOf(makeReport(), stopReasonsWith("isAborted", ...others), options)).toBe("aborted");
    },
  );

  it.each(["isGivenUp", "isTimedOut"] as const)(
    "is failed when the only pending connect() has ended: %s",
    (reason) => {
      const report = makeReport({ wasClean: false, codeReceived: undefined });
      expect(outcomeOf(report, stopReasonsWith(reason), options)).toBe("failed");
    },
  );
});

describe("errorOf()", () => {
  const failed: CloseReport = makeReport({ wasClean: false, codeReceived: undefined, error: lost });

  it("returns the error of the report, with the report attached", () => {
    expect(errorOf(failed, new StopReasons(), options)).toBe(lost);
    expect(lost.report).toBe(failed);
  });

  it("returns a CloseError after a normal close", () => {
    const report = makeReport();
    const error = errorOf(report, new StopReasons(), options);
    expect(error).toBeInstanceOf(CloseError);
    expect((error as CloseError).report).toBe(report);
  });

  it("returns a CloseError after close(), even if an error occurred", () => {
    expect(errorOf(failed, stopReasonsWith("isClosed"), options)).toBeInstanceOf(CloseError);
  });

  it.each([["stop"], [new Error("stop")], [null]])(
    "returns the reason of the aborted signal: %s",
    (reason) => {
      const signal = AbortSignal.abort(reason);
      expect(errorOf(failed, stopReasonsWith("isAborted"), { ...options, signal })).toBe(reason);
    },
  );
});
