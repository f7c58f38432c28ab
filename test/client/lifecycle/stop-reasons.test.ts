import { describe, expect, it } from "vitest";
import { StopReasons } from "../../../src/client/lifecycle/stop-reasons.js";

const reasons = ["isClosed", "isAborted", "isGivenUp", "isTimedOut"] as const;

describe("an intent", () => {
  it("is to go on, at first", () => {
    expect(new StopReasons().isStopping).toBe(false);
  });

  it.each(reasons)("is to stop by %s", (reason) => {
    const stopReasons = new StopReasons();
    stopReasons[reason] = true;
    expect(stopReasons.isStopping).toBe(true);
  });

  it.each(["isTerminated", "isEndReported"] as const)("is not to stop by %s alone", (reason) => {
    const stopReasons = new StopReasons();
    stopReasons[reason] = true;
    expect(stopReasons.isStopping).toBe(false);
  });
});

describe("another life", () => {
  it("begins without what was wanted of the last one", () => {
    const stopReasons = new StopReasons();
    for (const reason of ["isClosed", "isGivenUp", "isTimedOut", "isTerminated", "isEndReported"] as const)
      stopReasons[reason] = true;
    stopReasons.begin();
    expect(stopReasons).toEqual(new StopReasons());
  });

  it("does not begin with a signal that is not aborted any more", () => {
    const stopReasons = new StopReasons();
    stopReasons.isAborted = true;
    stopReasons.begin();
    expect([stopReasons.isAborted, stopReasons.isStopping]).toEqual([true, true]);
  });
});
