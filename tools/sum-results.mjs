// Sums the steps of a CI run: prints what each came to, then `N passed, N failed, N skipped`, and fails
// where a step failed. Takes the file with a line per step: name, exit code, seconds, report or `-`.
import { readFileSync } from "node:fs";

/** The counts of a report: vitest's own JSON, or `{ passed, failed, skipped }`. */
function countsOf(file) {
  const report = JSON.parse(readFileSync(file, "utf8"));
  const counts =
    "numTotalTests" in report
      ? {
          passed: report.numPassedTests,
          failed: report.numFailedTests,
          skipped: report.numPendingTests + report.numTodoTests,
        }
      : { passed: report.passed, failed: report.failed, skipped: report.skipped };
  if (!Object.values(counts).every((count) => Number.isInteger(count) && count >= 0)) {
    throw new Error(`${file} does not say how many passed, failed and were skipped`);
  }
  return counts;
}

/** A step with no counts of its own is one check, and so is the end of a step that fails with no count of it. */
function judge({ name, code, report }) {
  const hasPassed = code === 0;
  if (report === "-") return { passed: Number(hasPassed), failed: Number(!hasPassed), skipped: 0 };
  try {
    const counts = countsOf(report);
    return { ...counts, failed: hasPassed ? counts.failed : Math.max(1, counts.failed) };
  } catch (error) {
    console.error(`${name}: no counts: ${error.message}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

const steps = readFileSync(process.argv[2], "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => line.split("\t"))
  .map(([name, code, seconds, report]) => ({ name, code: Number(code), seconds, report }));

const sum = { passed: 0, failed: 0, skipped: 0 };
console.log("");
for (const step of steps) {
  const counts = judge(step);
  for (const key of Object.keys(sum)) sum[key] += counts[key];
  const verdict = counts.failed === 0 ? "ok" : `failed (exit code ${step.code})`;
  console.log(`${step.name.padEnd(9)} ${step.seconds.padStart(5)} s  ${verdict}`);
}
if (steps.length === 0 || sum.failed > 0) process.exitCode = 1;
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
