// Registers tests with node:test, limits their time, and records each result in the file PORTABLE_RESULTS.
import { appendFileSync } from "node:fs";
import process from "node:process";
import { test as register } from "node:test";

/** The program that runs this suite. */
export const runtime = "Bun" in globalThis ? "bun" : "Deno" in globalThis ? "deno" : "node";

/** Longest time for one test in milliseconds. */
const deadline = 15_000;

/**
 * Registers a test.
 *
 * @param {string} name
 * @param {() => unknown} body
 * @param {{ bun?: string, deno?: string, node?: string }} [skip] - Why the test is skipped, by runtime.
 */
export function test(name, body, skip = {}) {
  const reason = skip[runtime];
  register(name, async () => {
    if (reason !== undefined) return record({ name, outcome: "skipped", reason });
    try {
      await within(deadline, body());
    } catch (error) {
      record({ name, outcome: "failed", reason: String(error?.message ?? error) });
      throw error;
    }
    record({ name, outcome: "passed" });
  });
}

/** Rejects if the promise is not settled within `ms` milliseconds. */
export async function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not finished after ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function record(result) {
  const file = process.env.PORTABLE_RESULTS;
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(result)}\n`);
}
