import { describe, expect, it } from "vitest";
import { type RetryableEnd, RetryRule } from "../../src/reconnect/retry-rule.js";

type Cause = RetryableEnd["cause"];

const causes: readonly Cause[] = ["auth", "not-found", "certificate", "options", "other"];

function opened(): RetryRule {
  const rule = new RetryRule(60_000);
  rule.onOpen();
  return rule;
}

/** What the rule says of each end in turn. */
function verdictsOf(rule: RetryRule, ends: readonly (readonly [cause: Cause, ageMs?: number])[]): boolean[] {
  return ends.map(([cause, ageMs]) => rule.isRetryable({ cause, ageMs }));
}

describe("before the first success", () => {
  it.each(causes)("%s", (cause) => {
    expect(verdictsOf(new RetryRule(60_000), [[cause]])).toEqual([cause === "other"]);
  });

  it("whatever had come before", () => {
    const ends = [["other"], ["other"], ["other"], ["not-found"]] as const;
    expect(verdictsOf(new RetryRule(60_000), ends)).toEqual([true, true, true, false]);
  });
});

describe("after it", () => {
  it.each(["not-found", "certificate", "other"] as const)("%s is retried without end", (cause) => {
    expect(verdictsOf(opened(), [[cause], [cause], [cause], [cause, 5]])).toEqual([true, true, true, true]);
  });

  it("options that cannot be used are fatal", () => {
    expect(verdictsOf(opened(), [["other"], ["options"], ["options", 5]])).toEqual([true, false, false]);
  });

  it("refused credentials are fatal the third time in a row", () => {
    expect(verdictsOf(opened(), [["auth"], ["auth"], ["auth"], ["auth"]])).toEqual([true, true, false, false]);
  });

  it.each(["not-found", "certificate", "other"] as const)("%s between begins a new row", (cause) => {
    const ends = [["auth"], ["auth"], [cause], ["auth"], ["auth"], ["auth"]] as const;
    expect(verdictsOf(opened(), ends)).toEqual([true, true, true, true, true, false]);
  });

  it("a connection that was open for long begins a new row, with its own end the first", () => {
    const ends = [["auth"], ["auth"], ["auth", 60_000], ["auth"], ["auth"]] as const;
    expect(verdictsOf(opened(), ends)).toEqual([true, true, true, true, false]);
  });

  it("credentials that run out again and again are never fatal", () => {
    expect(verdictsOf(opened(), Array(5).fill(["auth", 3_600_000]))).toEqual(Array(5).fill(true));
  });

  it("connections that were not open for long are of the row, whether they succeeded or not", () => {
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

  it("what was refused before counts", () => {
    const rule = new RetryRule(60_000);
    expect(verdictsOf(rule, [["auth"]])).toEqual([false]);
    rule.onOpen();
    expect(verdictsOf(rule, [["auth"], ["auth"]])).toEqual([true, false]);
  });
});
