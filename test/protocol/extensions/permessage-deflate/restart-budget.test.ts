import { expect, it } from "vitest";
import { RestartBudget } from "../../../../protocol/extensions/permessage-deflate/restart-budget.js";

const fullWindow = 32 * 1024;

function restartsWithin(limit: number): number {
  const budget = new RestartBudget();
  budget.begin(limit);
  for (let count = 0; count < 10_000; count++) {
    try {
      budget.spend(fullWindow);
    } catch (error) {
      expect(error).toMatchObject({ code: "MESSAGE_TOO_BIG", closeCode: 1009 });
      return count;
    }
  }
  return Infinity;
}

it("RestartBudget allows more than 100 restarts for every message, and more for larger limits", () => {
  expect(restartsWithin(0)).toBeGreaterThan(100);
  expect(restartsWithin(1000)).toBe(restartsWithin(0));
  expect(restartsWithin(64 * 1024 * 1024)).toBeGreaterThan(10 * restartsWithin(0));
  expect(restartsWithin(64 * 1024 * 1024)).toBeLessThan(2048);
});
