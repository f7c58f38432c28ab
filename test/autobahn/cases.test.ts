// Selection and order of Autobahn cases.
import { beforeAll, describe, expect, it } from "vitest";
import { load } from "./load.js";

interface Cases {
  compareCases(left: string, right: string): number;
  selectCases(ids: readonly string[], patterns: readonly string[]): string[];
}

const ids = ["1.1.1", "1.1.2", "1.2.1", "2.1", "2.10", "2.2", "10.1.1", "12.1.1", "12.1.10", "12.1.2"];

describe("the selection of cases", () => {
  let cases: Cases;

  beforeAll(async () => {
    cases = await load<Cases>("cases.mjs");
  });

  it.each<[patterns: string[], selected: string[]]>([
    [["*"], ["1.1.1", "1.1.2", "1.2.1", "2.1", "2.2", "2.10", "10.1.1", "12.1.1", "12.1.2", "12.1.10"]],
    [["1.*"], ["1.1.1", "1.1.2", "1.2.1"]],
    [["1*"], ["1.1.1", "1.1.2", "1.2.1", "10.1.1", "12.1.1", "12.1.2", "12.1.10"]],
    [["2.1"], ["2.1"]],
    [["2.1*"], ["2.1", "2.10"]],
    [["*.2"], ["1.1.2", "1.2.1", "2.2", "12.1.2"]],
    [["1.*.1"], ["1.1.1", "1.2.1"]],
    [
      ["2.*", "1.1.1", "2.1"],
      ["1.1.1", "2.1", "2.2", "2.10"],
    ],
  ])("%j selects %j, in the suite's order", (patterns, selected) => {
    expect(cases.selectCases(ids, patterns)).toEqual(selected);
  });

  it.each([["3.*"], ["1.1"], ["2.100"]])("%s selects no case, which is an error", (pattern) => {
    expect(() => cases.selectCases(ids, ["*", pattern])).toThrow(`no case matches "${pattern}"`);
  });

  it.each([[""], ["1.x"], ["2.[12]*"], ["all"]])("'%s' is not a valid pattern", (pattern) => {
    expect(() => cases.selectCases(ids, [pattern])).toThrow("is not a case pattern");
  });

  it("sorts ids numerically, and a shorter id before its longer ones", () => {
    expect(["10", "9.10", "9", "9.9", "9.9.1"].sort(cases.compareCases)).toEqual([
      "9",
      "9.9",
      "9.9.1",
      "9.10",
      "10",
    ]);
  });
});
