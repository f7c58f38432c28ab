// Shared by the scripts of this folder: measures alternatives in turn by the CPU time of this process.
import { median } from "../statistics.mjs";

const rounds = 9;
/** Least CPU time of one turn in microseconds; the resolution of `process.cpuUsage()` is 1 us. */
const turnTime = 4000;

/**
 * Performs an operation `times` times and returns a part of the last result.
 *
 * @typedef {(times: number) => unknown} Run
 */

/** The last result. It is exported, so that the compiler cannot remove the calls. */
export let kept;

/**
 * Returns a run that calls one function repeatedly. The measured time includes the call, 2 to 3 ns.
 *
 * @param {() => unknown} operation
 * @returns {Run}
 */
export function repeat(operation) {
  return (times) => {
    for (let count = 0; count < times; count++) kept = operation();
  };
}

/**
 * Measures the alternatives of each row in turn, in forward and backward order, and prints the CPU time of all threads
 * per operation in nanoseconds, as the median of the rounds. Runs may return a promise.
 *
 * @param {string} title
 * @param {Record<string, Record<string, Run>>} rows - Alternatives by column name.
 */
export async function compare(title, rows) {
  console.log(`\n${title}: ns of CPU, median of ${rounds} rounds, Node ${process.version}`);
  const table = [];
  for (const [row, runs] of Object.entries(rows)) {
    const names = Object.keys(runs);
    const times = {};
    for (const name of names) times[name] = await calibrate(runs[name]);
    const costs = Object.fromEntries(names.map((name) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const name of round % 2 === 0 ? names : names.toReversed()) {
        costs[name].push((await timed(runs[name], times[name])) / times[name]);
      }
    }
    table.push([row, ...names.map((name) => format(median(costs[name]) * 1000))]);
    if (table.length === 1) table.unshift(["", ...names]);
  }
  print(table);
}

/**
 * Warms up a run and returns the number of operations that fill a turn. It takes the faster of two turns, because the
 * compiler may slow down one of them.
 */
async function calibrate(run) {
  let times = 1;
  for (;;) {
    const time = Math.min(await timed(run, times), await timed(run, times));
    if (time >= turnTime) return times;
    times = Math.max(times * 2, time > 200 ? Math.ceil((times * turnTime * 1.1) / time) : 0);
  }
}

async function timed(run, times) {
  const before = process.cpuUsage();
  const result = run(times);
  kept = result instanceof Promise ? await result : result;
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function format(nanoseconds) {
  if (nanoseconds >= 99.5) return Math.round(nanoseconds).toLocaleString("en-US");
  return nanoseconds.toPrecision(2);
}

/** Prints a table with aligned columns. @param {readonly string[][]} table */
export function print(table) {
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => (row[column] ?? "").length)));
  for (const row of table) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]),
    );
    console.log(cells.join("   "));
  }
}

/** Formats a size in B, KiB or MiB. @param {number} bytes */
export function sizeName(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${bytes / 1024} KiB` : `${bytes / 1024 ** 2} MiB`;
}
