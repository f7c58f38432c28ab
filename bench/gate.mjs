// `npm run bench -- --gate`: compares measured ratios with the recorded ones.
import { readFile, writeFile } from "node:fs/promises";
import { baseline } from "./clients/index.mjs";
import { decide } from "./gate-decision.mjs";
import { machine } from "./machine.mjs";
import { measureScenario } from "./measure.mjs";
import { fewestRounds } from "./rounds.mjs";
import { scenarioNamed } from "./scenarios/index.mjs";
import { median, pairedRatios } from "./statistics.mjs";
import { figures } from "./table.mjs";

const file = new URL("recorded.json", import.meta.url);
const subject = "jetsocket";
const gated = [
  ...["recv-text-128B", "recv-text-16KiB", "recv-binary-64KiB", "recv-compressed-200B"],
  ...["send-text-128B", "send-binary-64KiB", "send-compressed-200B", "round-trip-128B"],
];

/**
 * Compares the ratios of the named scenarios, or of a default selection, with the recorded ones and prints one line per
 * scenario; or records them.
 *
 * @param {object} options
 * @param {readonly import("./scenarios/index.mjs").Scenario[]} options.chosen
 * @param {number | undefined} options.rounds
 * @param {boolean} options.isRecording
 * @returns {Promise<0 | 1>} The exit code.
 */
export async function checkGate({ chosen, rounds = fewestRounds, isRecording }) {
  if (rounds < fewestRounds) throw new RangeError(`the gate needs at least ${fewestRounds} rounds`);
  const recorded = await readRecorded();
  console.log(`${machine()}; ${rounds} rounds, times less CPU than ${baseline}: median (minimum to maximum)`);
  let isPassed = true;
  for (const scenario of chosen.length > 0 ? chosen : gated.map(scenarioNamed)) {
    const reading = await measureScenario(scenario, [subject, baseline], () => rounds);
    const ratios = pairedRatios(reading.rounds[subject], reading.rounds[baseline]);
    const line = `${scenario.name}: ${figures(ratios)}`;
    if (isRecording) {
      recorded[scenario.name] = Number(median(ratios).toPrecision(3));
      console.log(`recorded ${line}`);
    } else {
      const verdict = decide(ratios, recorded[scenario.name]);
      isPassed &&= verdict.isPassed;
      console.log(`${verdict.isPassed ? "ok  " : "FAIL"} ${line}; ${verdict.reason}`);
    }
  }
  if (isRecording) await writeFile(file, `${JSON.stringify(recorded, undefined, 2)}\n`);
  return isPassed ? 0 : 1;
}

async function readRecorded() {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    return {};
  }
}
