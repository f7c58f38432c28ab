import { beforeEach, describe, expect, it } from "vitest";
import { InflateBudget } from "../../../../protocol/extensions/permessage-deflate/inflate-budget.js";
import { failureOf } from "../../../support/codecs.js";

const kibibyte = 1024;
const allowance = 128 * kibibyte;

let budget: InflateBudget;

beforeEach(() => {
  budget = new InflateBudget();
  budget.begin();
});

describe("InflateBudget", () => {
  it.each([
    [0, 0],
    [allowance, 0],
    [allowance + 1, 1],
    [allowance + 24, 1],
    [allowance + 25, 2],
    [allowance + 24_000, 1_000],
  ])("requires of %i bytes on the wire that they produce %i bytes", (wireSize, produced) => {
    expect(budget.minProduced(wireSize)).toBe(produced);
    budget.check(wireSize, produced);
    if (produced === 0) return;
    expect(failureOf(() => budget.check(wireSize, produced - 1))).toMatchObject({
      code: "TOO_MANY_DEFLATE_BLOCKS",
      closeCode: 1008,
    });
  });

  it("counts a final block as 8 bytes, and a new stream of zlib as 1 KiB", () => {
    budget.addFinalBlocks(3);
    budget.addRestart();
    const wireSize = allowance - 3 * 8 - kibibyte;
    expect([budget.minProduced(wireSize), budget.minProduced(wireSize + 1)]).toEqual([0, 1]);
  });

  it("counts each message anew", () => {
    budget.addFinalBlocks(1_000_000);
    failureOf(() => budget.check(1, 0));
    budget.begin();
    budget.check(allowance, 0);
  });

  it("accepts any number of final blocks that each have one byte of data and 13 bytes on the wire", () => {
    const count = 10_000_000;
    budget.addFinalBlocks(count);
    budget.check(13 * count, count);
  });

  it("limits what much data allows the rest of the message to cost", () => {
    const produced = 1_000 * allowance;
    budget.limitCredit(allowance, produced);
    const wireSize = 5 * allowance;
    expect([budget.minProduced(wireSize), budget.minProduced(wireSize + 1)]).toEqual([
      produced,
      produced + 1,
    ]);
    budget.limitCredit(wireSize, produced);
    expect(budget.minProduced(wireSize)).toBe(produced);
  });

  it("has its checks at 256 KiB and at each doubling", () => {
    const checks = [0, 1, 256 * kibibyte - 1, 256 * kibibyte, 300 * kibibyte, 512 * kibibyte];
    expect(checks.map((size) => budget.nextCheck(size) / kibibyte)).toEqual([256, 256, 256, 512, 512, 1024]);
  });
});
