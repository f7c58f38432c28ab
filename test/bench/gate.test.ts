// Statistics and pass/fail decision of the benchmark. It measures nothing.
import { beforeAll, describe, expect, it } from "vitest";
import { load } from "./load.js";

interface Statistics {
  median(values: readonly number[]): number;
  spread(values: readonly number[]): [number, number];
  pairedRatios(results: readonly { cost: number }[], baseline: readonly { cost: number }[]): number[];
}

interface Gate {
  decide(ratios: readonly number[], recorded: number | undefined): { isPassed: boolean; reason: string };
}

let statistics: Statistics;
let gate: Gate;

beforeAll(async () => {
  statistics = await load<Statistics>("statistics.mjs");
  gate = await load<Gate>("gate-decision.mjs");
});

describe("the statistics of the benchmark", () => {
  it.each([
    [[3], 3],
    [[9, 1, 5], 5],
    [[10, 2, 1, 9], 5.5],
    [[2, 10, 9], 9],
  ])("compute the median of %j as %d", (values, expected) => {
    const before = [...values];
    expect(statistics.median(values)).toBe(expected);
    expect(values).toEqual(before);
  });

  it("return the minimum and the maximum", () => {
    expect(statistics.spread([3, 1, 2])).toEqual([1, 3]);
  });

  it("divide within each round that both clients have", () => {
    const costs = (...values: number[]) => values.map((cost) => ({ cost }));
    expect(statistics.pairedRatios(costs(2, 4, 8), costs(4, 4, 4))).toEqual([2, 1, 0.5]);
    expect(statistics.pairedRatios(costs(2, 4), costs(4, 4, 4))).toEqual([2, 1]);
    expect(statistics.pairedRatios(costs(2, 4), [])).toEqual([]);
  });
});

describe("the gate", () => {
  const rounds = [1, 9, 3.2, 3.2, 3.2, 9, 1];

  it.each([
    ["above the recorded ratio", 3, true],
    ["at 80 % of the recorded ratio", 4, true],
    ["below 80 % of the recorded ratio", 4.01, false],
  ])("uses the median of the rounds: %s", (_, recorded, isPassed) => {
    const decision = gate.decide(rounds, recorded);
    expect(decision.isPassed).toBe(isPassed);
    expect(decision.reason).toContain(`${String(recorded)} is recorded`);
  });

  it("fails if no ratio is recorded, and names the option --record", () => {
    const decision = gate.decide(rounds, undefined);
    expect(decision.isPassed).toBe(false);
    expect(decision.reason).toContain("--record");
  });
});
