import { describe, expect, it } from "vitest";
import { type RetryableEnd, RetryRule } from "../../src/reconnect/retry-rule.js";

type Cause = RetryableEnd["cause"];

const causes: readonly Cause[] = ["auth", "not-found", "certificate", "options", "other"];

function opened(): RetryRule {
  const rule = new RetryRule(60_000);
  rule.onOpen();
  return rule;
}

/** Returns the results of isRetryable() for a series of ends. */
function verdictsOf(rule: RetryRule, ends: readonly (readonly [cause: Cause, ageMs?: number])[]): boolean[] {
  return ends.map(([cause, ageMs]) => rule.isRetryable({ cause, ageMs }));
}

describe("RetryRule before the first success", () => {
  it.each(causes)("decides about the cause %s", (cause) => {
    expect(verdictsOf(new RetryRule(60_000), [[cause]])).toEqual([cause === "other"]);
  });

  it("does not retry a fatal cause after other failures either", () => {
    const ends = [["other"], ["other"], ["other"], ["not-found"]] as const;
    expect(verdictsOf(new RetryRule(60_000), ends)).toEqual([true, true, true, false]);
  });
});

describe("RetryRule after the first success", () => {
  it.each(["not-found", "certificate", "other"] as const)("retries the cause %s without limit", (cause) => {
    expect(verdictsOf(opened(), [[cause], [cause], [cause], [cause, 5]])).toEqual([true, true, true, true]);
  });

  it("does not retry invalid options", () => {
    expect(verdictsOf(opened(), [["other"], ["options"], ["options", 5]])).toEqual([true, false, false]);
  });

  it("does not retry when credentials are refused for the third time in a row", () => {
    expect(verdictsOf(opened(), [["auth"], ["auth"], ["auth"], ["auth"]])).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it.each(["not-found", "certificate", "other"] as const)(
    "restarts the count of refused credentials after the cause %s",
    (cause) => {
      const ends = [["auth"], ["auth"], [cause], ["auth"], ["auth"], ["auth"]] as const;
      expect(verdictsOf(opened(), ends)).toEqual([true, true, true, true, true, false]);
    },
  );

  it("restarts the count after a connection that was open for resetAfter, and counts its own end as the first", () => {
    const ends = [["auth"], ["auth"], ["auth", 60_000], ["auth"], ["auth"]] as const;
    expect(verdictsOf(opened(), ends)).toEqual([true, true, true, true, false]);
  });

  it("always retries if the credentials expire repeatedly", () => {
    expect(verdictsOf(opened(), Array(5).fill(["auth", 3_600_000]))).toEqual(Array(5).fill(true));
  });

  it("does not restart the count after a short connection, even if it was opened successfully", () => {
    const rule = opened();
    expect(verdictsOf(rule, [["auth", 59_999]])).toEqual([true]);
    rule.onOpen();
    expect(
      verdictsOf(rule, [
        ["auth", 0],
        ["auth", 1],
      ]),
    ).toEqual([true, false]);
  });

  it("counts a refusal from before the first success", () => {
    const rule = new RetryRule(60_000);
    expect(verdictsOf(rule, [["auth"]])).toEqual([false]);
    rule.onOpen();
    expect(verdictsOf(rule, [["auth"], ["auth"]])).toEqual([true, false]);
  });
});
