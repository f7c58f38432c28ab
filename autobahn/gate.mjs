/**
 * The gate: compares the results of a run with the pinned verdicts and writes the report. It runs no case.
 * `node autobahn/gate.mjs` checks the results of the last run again.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";
import { selectCases } from "./cases.mjs";
import { countFailed, data, page, sentence, summary } from "./report.mjs";
import { readResults } from "./results.mjs";
import { judge, readPinned } from "./verdicts.mjs";

const HERE = import.meta.dirname;
const REPORT_FOLDER = reportFolderOf("jetsocket");
export const EXPECTED_FILE = join(HERE, "expected-results.json");
const DEVIATIONS_PRINTED = 20;

/** @param {import("./arguments.mjs").Entry} entry */
export function reportFolderOf(entry) {
  return join(HERE, entry === "jetsocket" ? "report" : `report-${entry}`);
}

/**
 * Reads `run.json` and `cases/` in the report folder and writes its other files.
 * @param {{ reportFolder?: string, expectedFile?: string }} [places]
 * @returns {Promise<boolean>} true if every verdict equals the pinned one
 */
export async function passGate({ reportFolder = REPORT_FOLDER, expectedFile = EXPECTED_FILE } = {}) {
  /** @type {import("./report.mjs").Run} */
  const run = JSON.parse(await readFile(join(reportFolder, "run.json"), "utf8"));
  const pinned = await readPinned(expectedFile);
  const ids = selectCases([...pinned.keys()], run.patterns);
  const results = await readResults(join(reportFolder, "cases"), run.agent, ids);
  const unfinished = new Map(run.unfinished.map(({ id, why }) => [id, why]));
  const judgement = judge(ids, pinned, results, unfinished);
  const report = { run, ids, pinned, results, judgement };

  await writeFile(join(reportFolder, "index.md"), page(report));
  await writeFile(join(reportFolder, "results.json"), asJson(data(report)));
  await writeFile(join(reportFolder, "summary.json"), asJson(summary(report)));
  print(report);
  return countFailed(judgement, run) === 0;
}

/** @param {import("./report.mjs").Report} report */
function print(report) {
  const { run, judgement } = report;
  for (const problem of run.problems) console.log(`autobahn: ${problem}`);
  const shown = judgement.deviations.slice(0, DEVIATIONS_PRINTED);
  for (const { id, what } of shown) console.log(`autobahn: ${id} ${what}`);
  const rest = judgement.deviations.length - shown.length;
  if (rest > 0) console.log(`autobahn: and ${rest} more, see index.md in the report`);
  console.log(sentence(report));
}

/** @param {unknown} value */
function asJson(value) {
  return `${JSON.stringify(value, null, 2)}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { values } = parseArgs({ options: { report: { type: "string" }, expected: { type: "string" } } });
  try {
    const isPassed = await passGate({
      reportFolder: values.report ?? REPORT_FOLDER,
      expectedFile: values.expected ?? EXPECTED_FILE,
    });
    process.exitCode = isPassed ? 0 : 1;
  } catch (error) {
    console.error(`autobahn: ${/** @type {Error} */ (error).message}`);
    process.exitCode = 1;
  }
}
