// The table of the steps in docs/design/whatwg-steps.md and the tests of the steps name the same steps.
import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { readSteps } from "./scene.js";

const folder = import.meta.dirname;

/** The ids that the test files pass to `step()`, in order. */
function testedSteps(): string[] {
  const files = readdirSync(folder).filter((file) => file.endsWith(".test.ts"));
  return files.flatMap((file) =>
    [...readFileSync(`${folder}/${file}`, "utf8").matchAll(/^ {2}step\("([^"]+)"/gm)].map(([, id]) => id!),
  );
}

it("each step of the table has exactly one test, and each test is in the table", () => {
  const tested = testedSteps();
  expect(tested.length).toBeGreaterThan(60);
  expect([...tested].sort()).toEqual([...readSteps().keys()].sort());
});

it("the table contains each step once", () => {
  const page = readFileSync(new URL("../../../docs/design/whatwg-steps.md", import.meta.url), "utf8");
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  expect(rows).toHaveLength(readSteps().size);
});
