/** The main soak: a numbered stream in each direction, and faults drawn from a seed that end the connections. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child, endChildren } from "./child.mjs";
import { countsOf, drawFaults } from "./faults.mjs";
import { FaultDriver } from "./fault-driver.mjs";
import { findLeaks } from "./measure.mjs";

const mebibyte = 1024 * 1024;
/** Heap growth in bytes that is allowed for compiled code and caches. */
const mostHeapGrowth = 4 * mebibyte;

/**
 * The lanes. The faults of the acknowledged lanes are counted together.
 * @type {{ name: string, isAcknowledged: boolean, replays: "inBand" | "returned", reads: "iterator" | "handler", compress: boolean }[]}
 */
const lanes = [
  { name: "in-band", isAcknowledged: true, replays: "inBand", reads: "iterator", compress: false },
  { name: "returned", isAcknowledged: true, replays: "returned", reads: "handler", compress: true },
  { name: "unacknowledged", isAcknowledged: false, replays: "returned", reads: "iterator", compress: false },
];

/**
 * @param {{ seed: number, faults: number, sabotage: "lost" | "doubled" | "order" | undefined }} options
 * @returns {Promise<boolean>}
 */
export async function runMainSoak({ seed, faults, sabotage }) {
  const folder = await mkdtemp(join(tmpdir(), "jetsocket-soak-"));
  const began = performance.now();
  console.log(
    `soak: seed ${seed}, ${faults} forced ends with acknowledgement, ${Math.round(faults / 3)} without`,
  );
  const driver = new FaultDriver({ folder, sabotage });
  try {
    const problems = await runLanes(driver, { seed, faults, folder, sabotage });
    const seconds = Math.round((performance.now() - began) / 1_000);
    for (const problem of problems) console.error(`  ${problem}`);
    console.log(`soak: ${problems.length === 0 ? "passed" : "FAILED"} in ${seconds} s, seed ${seed}`);
    return problems.length === 0;
  } finally {
    driver.close();
    await endChildren();
    if (process.env.SOAK_KEEP === undefined) await rm(folder, { recursive: true, force: true });
    else console.log(`soak: journals in ${folder}`);
  }
}

/** @param {FaultDriver} driver */
async function runLanes(driver, { seed, faults, folder, sabotage }) {
  const problems = [];
  const checker = new Child("checker.mjs");
  await driver.start();
  // A short warm-up run, so that code loaded and compiled once does not count as growth.
  await driver.runLane({ ...lanes[0], name: "warm-up", folder }, drawFaults(seed + 99, 20));
  const start = await driver.measure();
  const acknowledged = lanes.filter((lane) => lane.isAcknowledged).length;
  const done = new Map();
  for (const [index, lane] of lanes.entries()) {
    const total = Math.round(lane.isAcknowledged ? faults / acknowledged : faults / 3);
    const result = await driver.runLane({ ...lane, folder, sabotage }, drawFaults(seed + index, total));
    problems.push(...result.problems.map((problem) => `${lane.name}: ${problem}`));
    const checked = await checkLane(checker, folder, lane, result);
    problems.push(...checked.problems.map((problem) => `${lane.name}: ${problem}`));
    problems.push(...checkUnsent(result).map((problem) => `${lane.name}: ${problem}`));
    console.log(`${lane.name}: ${describeLane(result)}\n  ${checked.line}`);
    if (lane.isAcknowledged) {
      for (const [kind, count] of result.done) done.set(kind, (done.get(kind) ?? 0) + count);
    }
  }
  problems.push(...checkCounts(done, faults));
  const end = await driver.measure();
  problems.push(...findLeaks(start, end, mostHeapGrowth));
  console.log(
    `faults with acknowledgement: ${[...done].map(([kind, count]) => `${kind} ${count}`).join(", ")}\n` +
      `client: handles ${countHandles(start)} -> ${countHandles(end)}, listeners ${start.listeners} -> ${end.listeners}, ` +
      `heap ${formatSize(start.heapUsed)} -> ${formatSize(end.heapUsed)}, ` +
      `outside ${formatSize(start.external)} -> ${formatSize(end.external)}, rss ${formatSize(start.rss)} -> ${formatSize(end.rss)}`,
  );
  return problems;
}

function checkLane(checker, folder, lane, { sent, head, ends }) {
  const request = {
    down: join(folder, `down-${lane.name}.log`),
    up: join(folder, `up-${lane.name}.log`),
    downLast: head,
    upLast: sent,
    kind: lane.isAcknowledged ? "acknowledged" : "unacknowledged",
    ends,
  };
  return checker.ask(request, "checked", 60_000);
}

/** A flood must leave messages unsent; otherwise the wire was not stuck. */
function checkUnsent({ ends, floods }) {
  return floods > 0 && unsentOf(ends) === 0 ? [`no message was unsent at ${floods} floods`] : [];
}

function unsentOf(ends) {
  return ends.reduce((sum, { unsent }) => sum + unsent, 0);
}

/** Checks that each kind of fault occurred often enough. */
function checkCounts(done, faults) {
  const problems = [];
  const total = [...done.values()].reduce((left, right) => left + right, 0);
  if (total < faults) problems.push(`only ${total} of ${faults} forced ends were done`);
  for (const [kind, count] of countsOf(faults)) {
    const wanted = faults >= 2_000 ? 100 : Math.min(1, count);
    if ((done.get(kind) ?? 0) < wanted) problems.push(`only ${done.get(kind) ?? 0} of the fault ${kind}`);
  }
  return problems;
}

function describeLane({ counts, verdicts, seconds, slowestSilenceMs, ends, floods }) {
  const endings = Object.entries(verdicts).map(([verdict, count]) => `${verdict} ${count}`);
  return (
    `${seconds} s, ${counts.attempts} attempts, ${counts.opened} connections, gaps ${counts.gaps}, ` +
    `recovered ${counts.recovered}, resets ${counts.resets}, ` +
    `floods ${floods}, unsent in reports ${unsentOf(ends)}, silence detected within ${Math.round(slowestSilenceMs)} ms\n` +
    `  ${endings.join(", ")}`
  );
}

function formatSize(bytes) {
  return `${(bytes / mebibyte).toFixed(1)} MiB`;
}

function countHandles({ handles }) {
  return Object.values(handles).reduce((left, right) => left + right, 0);
}
