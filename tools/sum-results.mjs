// Adds up the steps of a CI run. Prints the seconds, the share and the result of each step, then
// `N passed, N failed, N skipped`. Fails if a step failed. Its argument is a file with one line per step:
// name, exit code, seconds, and the path of its report or `-`, separated by tabs.
import { readFileSync } from "node:fs";

/** Reads the counts of a report, which is vitest's JSON or `{ passed, failed, skipped }`. */
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
    throw new Error(`${file} has no counts of passed, failed and skipped tests`);
  }
  return counts;
}

/** Returns the counts of a step. A step without a report counts as one test. A failed step has at least one failure. */
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
  .map(([name, code, seconds, report]) => ({ name, code: Number(code), seconds: Number(seconds), report }));

const total = steps.reduce((seconds, step) => seconds + step.seconds, 0);
const sum = { passed: 0, failed: 0, skipped: 0 };
console.log("");
for (const step of steps) {
  const counts = judge(step);
  for (const key of Object.keys(sum)) sum[key] += counts[key];
  const verdict = counts.failed === 0 ? "ok" : `failed (exit code ${step.code})`;
  const share = total === 0 ? 0 : Math.round((100 * step.seconds) / total);
  console.log(
    `${step.name.padEnd(13)} ${String(step.seconds).padStart(5)} s ${String(share).padStart(3)} %  ${verdict}`,
  );
}
console.log(`${"total".padEnd(13)} ${String(total).padStart(5)} s, ${(total / 60).toFixed(1)} minutes`);
if (steps.length === 0 || sum.failed > 0) process.exitCode = 1;
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
