import { afterEach, beforeEach, expect, it, vi } from "vitest";

beforeEach(() => vi.resetModules());
afterEach(() => vi.unstubAllEnvs());

it.each([
  ["all", 1_000, 1_000],
  ["all", 1, 1],
  ["some", 1_000, 100],
  ["some", 101, 11],
  ["some", 50, 10],
  ["some", 7, 7],
  ["some", 0, 0],
  ["few", 20_000, 200],
  ["few", 50, 10],
])("with TEST_CASES=%s, %i cases become %i", async (choice, all, expected) => {
  vi.stubEnv("TEST_CASES", choice);
  const { cases } = await import("./cases.js");
  expect(cases(all)).toBe(expected);
});

it.each([
  ["all", 10],
  ["some", 10],
  ["few", 3],
])("with TEST_CASES=%s, 10 steps become %i", async (choice, expected) => {
  vi.stubEnv("TEST_CASES", choice);
  const { steps } = await import("./cases.js");
  expect(steps(10)).toBe(expected);
});

it("runs some cases without TEST_CASES, and rejects another value", async () => {
  vi.stubEnv("TEST_CASES", undefined);
  expect((await import("./cases.js")).runsAll).toBe(false);
  vi.resetModules();
  vi.stubEnv("TEST_CASES", "ALL");
  await expect(import("./cases.js")).rejects.toThrow('TEST_CASES is "ALL"');
});
