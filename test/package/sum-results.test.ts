// The summary line and the table of steps that tools/sum-results.mjs prints.
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { root } from "./packed.js";

const unit = {
  numTotalTests: 12,
  numPassedTests: 10,
  numFailedTests: 0,
  numPendingTests: 1,
  numTodoTests: 1,
};
const conformance = { passed: 517, failed: 0, skipped: 0 };

describe("the summary line of CI", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "jetsocket-sum-"));
    await writeFile(join(folder, "unit.json"), JSON.stringify(unit));
    await writeFile(join(folder, "conformance.json"), JSON.stringify(conformance));
    await writeFile(join(folder, "empty.json"), "{}");
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  it.each([
    [
      "adds up all steps",
      ["test 0 unit", "lint 0 -", "autobahn 0 conformance"],
      "528 passed, 0 failed, 2 skipped",
      0,
    ],
    [
      "counts a step without a report as one test",
      ["lint 1 -", "types 0 -"],
      "1 passed, 1 failed, 0 skipped",
      1,
    ],
    [
      "counts a failed step whose tests all passed as one failure",
      ["test 1 unit"],
      "10 passed, 1 failed, 2 skipped",
      1,
    ],
    [
      "counts a missing report as one failure",
      ["test 0 unit", "interop 0 lost"],
      "10 passed, 1 failed, 2 skipped",
      1,
    ],
    ["counts an empty report as one failure", ["interop 0 empty"], "0 passed, 1 failed, 0 skipped", 1],
    ["fails if no step ran", [], "0 passed, 0 failed, 0 skipped", 1],
  ])("%s", async (_, steps, closing, status) => {
    const lines = steps.map((step) => {
      const [name, code, report] = step.split(" ");
      return [name, code, "1", report === "-" ? "-" : join(folder, `${report}.json`)].join("\t") + "\n";
    });
    await writeFile(join(folder, "steps.tsv"), lines.join(""));
    const args = [join(root, "tools/sum-results.mjs"), join(folder, "steps.tsv")];
    const run = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect(run.stdout.trimEnd().split("\n").at(-1)).toBe(closing);
    expect(run.status).toBe(status);
  });

  it("prints the seconds and the share of each step", async () => {
    const lines = ["install\t0\t30\t-\n", "lint\t1\t90\t-\n"];
    await writeFile(join(folder, "steps.tsv"), lines.join(""));
    const args = [join(root, "tools/sum-results.mjs"), join(folder, "steps.tsv")];
    const { stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect(stdout).toMatch(/^install +30 s +25 % +ok$/m);
    expect(stdout).toMatch(/^lint +90 s +75 % +failed \(exit code 1\)$/m);
    expect(stdout).toMatch(/^total +120 s, 2\.0 minutes$/m);
  });
});
