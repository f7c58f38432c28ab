import { describe, expect, it } from "vitest";
import { StopReasons } from "../../../src/client/lifecycle/stop-reasons.js";

const reasons = ["isClosed", "isAborted", "isGivenUp", "isTimedOut"] as const;

describe("isStopping", () => {
  it("is false at first", () => {
    expect(new StopReasons().isStopping).toBe(false);
  });

  it.each(reasons)("is true with %s", (reason) => {
    const stopReasons = new StopReasons();
    stopReasons[reason] = true;
    expect(stopReasons.isStopping).toBe(true);
  });

  it.each(["isTerminated", "isEndReported"] as const)("is false with only %s", (reason) => {
    const stopReasons = new StopReasons();
    stopReasons[reason] = true;
    expect(stopReasons.isStopping).toBe(false);
  });
});

describe("begin()", () => {
  it("clears the reasons of the last run", () => {
    const stopReasons = new StopReasons();
    for (const reason of ["isClosed", "isGivenUp", "isTimedOut", "isTerminated", "isEndReported"] as const)
      stopReasons[reason] = true;
    stopReasons.begin();
    expect(stopReasons).toEqual(new StopReasons());
  });

  it("does not clear isAborted", () => {
    const stopReasons = new StopReasons();
    stopReasons.isAborted = true;
    stopReasons.begin();
    expect([stopReasons.isAborted, stopReasons.isStopping]).toEqual([true, true]);
  });
});
