/** Runs 10,000 failing attempts: checks that stack and memory do not grow and that delays stay within their bounds. */
import { Child } from "./child.mjs";
import { findLeaks } from "./measure.mjs";

const attempts = 10_000;
const limitMs = 5 * 60_000;
const mostHeapGrowth = 1024 * 1024;

/** @returns {Promise<boolean>} */
export async function runFailures() {
  let hasPassed = true;
  for (const kind of ["refused", "provider"]) {
    const client = new Child("failing-client.mjs", { execArgv: ["--expose-gc", "--stack-trace-limit=200"] });
    const result = await client.ask({ kind, attempts }, "failed", limitMs);
    await client.end();
    const problems = [...result.problems];
    if (result.late !== undefined) {
      const { start, early, late, end } = result;
      // During the run an attempt is in progress, so handles are compared only between start and end.
      problems.push(...findLeaks({ ...early, handles: late.handles }, late, mostHeapGrowth));
      problems.push(...findLeaks(start, { ...end, heapUsed: 0, external: 0 }, 0));
    }
    for (const problem of problems) console.error(`  ${kind}: ${problem}`);
    hasPassed &&= problems.length === 0;
    console.log(
      `failures, ${kind}: ${problems.length === 0 ? "passed" : "FAILED"}: ${result.attempts} attempts, ` +
        `waits ${result.shortest.toFixed(2)} to ${result.longest.toFixed(2)} ms, ` +
        `stack ${result.shallowest} to ${result.deepest} frames, ` +
        `heap ${result.early?.heapUsed} -> ${result.late?.heapUsed} bytes`,
    );
  }
  return hasPassed;
}
