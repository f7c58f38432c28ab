import { describe, expect, it } from "vitest";
import { Intent } from "../../../src/client/lifecycle/stop-reasons.js";

const reasons = ["isClosed", "isAborted", "isGivenUp", "isTimedOut"] as const;

describe("an intent", () => {
  it("is to go on, at first", () => {
    expect(new Intent().isStopping).toBe(false);
  });

  it.each(reasons)("is to stop by %s", (reason) => {
    const intent = new Intent();
    intent[reason] = true;
    expect(intent.isStopping).toBe(true);
  });

  it.each(["isTerminated", "isEndTold"] as const)("is not to stop by %s alone", (reason) => {
    const intent = new Intent();
    intent[reason] = true;
    expect(intent.isStopping).toBe(false);
  });
});

describe("another life", () => {
  it("begins without what was wanted of the last one", () => {
    const intent = new Intent();
    for (const reason of ["isClosed", "isGivenUp", "isTimedOut", "isTerminated", "isEndTold"] as const)
      intent[reason] = true;
    intent.begin();
    expect(intent).toEqual(new Intent());
  });

  it("does not begin with a signal that is not aborted any more", () => {
    const intent = new Intent();
    intent.isAborted = true;
    intent.begin();
    expect([intent.isAborted, intent.isStopping]).toEqual([true, true]);
  });
});
