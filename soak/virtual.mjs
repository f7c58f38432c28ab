/**
 * The virtual soak: weeks in less than a minute. `node soak/virtual.mjs [--seed N] [--days N] [--twice] [--trace FILE]
 * [--sabotage lost|doubled|order|trace]`, or `node soak/run.mjs --virtual`. Time and network are those of
 * `jetsocket/testing`.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { faultKinds } from "./virtual-plan.mjs";
import { VirtualWorld } from "./virtual-world.mjs";

const standardDays = 30;
const sabotages = ["lost", "doubled", "order", "trace"];

/**
 * @param {object} options
 * @param {number} options.seed
 * @param {number} [options.days]
 * @param {boolean} [options.twice] - Runs the same seed again and compares the two traces.
 * @param {string} [options.trace] - A file for the trace of the first run; the second adds `.2` to its name.
 * @param {"lost" | "doubled" | "order" | "trace"} [options.sabotage]
 * @returns {Promise<boolean>} true if no problem was found
 */
export async function runVirtualSoak({ seed, days = standardDays, twice = false, trace, sabotage }) {
  if (sabotage !== undefined && !sabotages.includes(sabotage))
    throw new Error(`--sabotage takes ${sabotages.join(", ")}, not "${sabotage}"`);
  if (!(days >= 1 / 24)) throw new Error(`--days takes 0.05 and more, not ${days}`);
  const ofRuns = sabotage === "trace" ? undefined : sabotage;
  const first = await runOnce({ seed, days, sabotage: ofRuns, tracePath: trace });
  if (!twice) return first.isGood;
  const tracePath = trace && `${trace}.2`;
  const second = await runOnce({ seed, days, sabotage, tracePath });
  const isSame = first.hash === second.hash;
  console.log(isSame ? "the same trace twice" : "FAILED: the two traces differ");
  return first.isGood && second.isGood && isSame;
}

/** @param {import("./virtual-world.mjs").WorldOptions} options */
async function runOnce(options) {
  const begin = performance.now();
  const usageBefore = process.cpuUsage();
  const result = await new VirtualWorld(options).run();
  const wallSeconds = (performance.now() - begin) / 1_000;
  const { user, system } = process.cpuUsage(usageBefore);
  const problems = judge(result, options);
  print(result, options, `${wallSeconds.toFixed(1)} s (${((user + system) / 1e6).toFixed(1)} s of CPU)`);
  for (const problem of problems) console.log(`FAILED: ${problem}`);
  return { isGood: problems.length === 0, hash: result.hash };
}

function judge({ lanes, faults, isHeld }, { days }) {
  const hours = Math.round(days * 24);
  const problems = lanes.flatMap((entry) => judgeLane(entry));
  for (const kind of faultKinds) {
    if (faults[kind] !== hours) problems.push(`${faults[kind] ?? 0} faults ${kind} in ${hours} hours`);
  }
  const fewest = Math.floor(hours / 24 / 2);
  const [storm, age] = lanes;
  // Six kinds of faults cut the connection, mostly inside a message.
  if (storm.service.counts.cutsInside < 4.5 * hours)
    problems.push(`${storm.service.counts.cutsInside} cuts inside a message`);
  if (age.service.counts.connections <= Math.floor(hours / 23))
    problems.push("a connection exceeded its maximum age");
  for (const { name, lane } of lanes) {
    if (lane.counts.rotations < fewest)
      problems.push(`${name}: ${lane.counts.rotations} rotations, fewer than ${fewest}`);
  }
  if (isHeld) problems.push("a timer or a connection is still open");
  return problems;
}

function judgeLane({ name, lane, service }) {
  const problems = [...lane.problems];
  for (const [direction, checker] of [
    ["down", lane.down],
    ["up", service.up],
  ]) {
    const { lost, duplicated, outOfOrder, broken, first } = checker;
    if (lost + duplicated + outOfOrder + broken > 0)
      problems.push(
        `${name} ${direction}: lost ${lost}, duplicated ${duplicated}, out of order ${outOfOrder}, broken ${broken}; first: ${first}`,
      );
  }
  const { resets, closed } = lane.counts;
  if (resets > 0) problems.push(`${name}: ${resets} times missing messages were abandoned`);
  if (closed !== 1) problems.push(`${name}: the event closed was emitted ${closed} times`);
  return problems;
}

function print({ seconds, lanes, faults, brokenRotations, lines, hash }, { seed, days }, took) {
  console.log(`virtual soak, seed ${seed}: ${days} days (${seconds} s) in ${took}`);
  console.log(`  faults: ${faultKinds.map((kind) => `${kind} ${faults[kind] ?? 0}`).join(", ")}`);
  for (const { name, lane, service } of lanes) printLane(name, lane, service);
  console.log(`  rotations met by a reset: ${brokenRotations}`);
  console.log(`  trace: ${lines} lines, sha256 ${hash}`);
}

function printLane(name, lane, service) {
  const { counts, down, longestSilenceMs, verdicts } = lane;
  const { up } = service;
  const wrong = ({ lost, duplicated, outOfOrder }) =>
    `lost ${lost}, duplicated ${duplicated}, out of order ${outOfOrder}`;
  console.log(`  ${name}: down ${down.highest} (${wrong(down)}), up ${up.highest} (${wrong(up)})`);
  console.log(
    `    connections ${service.counts.connections}, reconnects ${counts.reconnects}, rotations ${counts.rotations}, ` +
      `gaps ${counts.gaps}, recovered ${counts.recovered}, abandoned ${counts.resets}, dropped ${counts.dropped}, ` +
      `sent again ${up.repeats}`,
  );
  console.log(
    `    cuts inside a message ${service.counts.cutsInside}; replays in band ${service.counts.inBand}, returned ${service.counts.returned}; ` +
      `silences ${counts.silences}, detected after at most ${longestSilenceMs} ms`,
  );
  const ends = Object.entries(verdicts).map(([verdict, count]) => `${verdict} ${count}`);
  console.log(`    ends: ${ends.join(", ")}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      days: { type: "string" },
      twice: { type: "boolean" },
      trace: { type: "string" },
      sabotage: { type: "string" },
    },
  });
  const { seed, days, twice, trace, sabotage } = values;
  const options = { seed: Number(seed), days: Number(days ?? standardDays), twice, trace, sabotage };
  process.exitCode = (await runVirtualSoak(options)) ? 0 : 1;
}
