// What all of these scripts share: alternatives measured in turns, by the CPU time of this process.
import { median } from "../statistics.mjs";

const rounds = 9;
/** Microseconds of CPU that one turn takes at the least; `process.cpuUsage()` counts whole microseconds. */
const turnTime = 4000;

/**
 * Does a thing so many times, and gives something of the last result.
 *
 * @typedef {(times: number) => unknown} Run
 */

/** What came out last: as anybody could read it, no call is left out as useless. */
export let kept;

/**
 * A run that calls one function again and again; the call itself is part of what is measured, 2 to 3 ns.
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
 * Measures the alternatives of each row in turns, forwards and backwards, and prints nanoseconds of CPU (all threads)
 * for each time, the median of the rounds. Runs may give a promise.
 *
 * @param {string} title
 * @param {Record<string, Record<string, Run>>} rows - Alternatives by their names, which are the columns.
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

/** How many times fill a turn, twice in a row: one slow turn may be the work of the compiler. It has warmed up by then. */
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

/** Each column as wide as its widest cell. @param {readonly string[][]} table */
export function print(table) {
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => (row[column] ?? "").length)));
  for (const row of table) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]),
    );
    console.log(cells.join("   "));
  }
}

/** A size as people write it. @param {number} bytes */
export function sizeName(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${bytes / 1024} KiB` : `${bytes / 1024 ** 2} MiB`;
}
