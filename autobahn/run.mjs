/**
 * The conformance run: `node autobahn/run.mjs [--cases '6.*'] [--servers 2] [--server docker|python] [--tarball FILE]
 * [--entry jetsocket|whatwg|ws]`.
 * Needs a built package (`npm run build`), unless a tarball is given.
 */
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArguments } from "./arguments.mjs";
import { selectCases } from "./cases.mjs";
import { endChildren } from "./child.mjs";
import { EXPECTED_FILE, passGate, reportFolderOf } from "./gate.mjs";
import { runLane } from "./lane.mjs";
import { installPackage } from "./package.mjs";
import { CaseQueue } from "./queue.mjs";
import { gatherResults } from "./results.mjs";
import { prepareServers } from "./server.mjs";
import { SUITE_VERSION } from "./specification.mjs";
import { readPinned } from "./verdicts.mjs";

const AGENT = "jetsocket";
const RUN_LIMIT_MS = 60 * 60_000;
const PROGRESS_MS = 30_000;

/**
 * The exit code of a run that was stopped by a signal.
 * @type {number | undefined}
 */
let stopCode;

/** @param {string} folder for all files of the run except its report */
async function run(folder) {
  const { patterns, lanes: wantedLanes, server, tarball, entry } = parseArguments(process.argv.slice(2));
  const ids = selectCases([...(await readPinned(EXPECTED_FILE)).keys()], patterns);
  const installed = await installPackage(folder, tarball);
  const servers = await prepareServers(server);
  const lanes = Math.min(wantedLanes, ids.length);
  const reportFolder = reportFolderOf(entry);
  const caseFolder = join(reportFolder, "cases");
  await rm(reportFolder, { recursive: true, force: true });
  await mkdir(caseFolder, { recursive: true });

  const started = new Date().toISOString();
  const startMs = performance.now();
  const queue = new CaseQueue(ids);
  const timers = watch(queue);
  const testee = { ...installed, entry };
  const runOne = (/** @type {unknown} */ _, /** @type {number} */ index) =>
    runOneLane({ folder: join(folder, `lane-${index + 1}`), caseFolder, patterns, servers, testee, queue });
  const notes = await Promise.all(Array.from({ length: lanes }, runOne));
  for (const timer of timers) clearTimeout(timer);
  if (stopCode !== undefined) return false;

  /** @type {import("./report.mjs").Run} */
  const facts = {
    agent: AGENT,
    entry,
    version: installed.version,
    suite: `autobahntestsuite ${SUITE_VERSION}`,
    server: servers.name,
    lanes,
    patterns,
    started,
    durationMs: Math.round(performance.now() - startMs),
    unfinished: queue.unfinished,
    problems: queue.problems,
    notes: Object.assign({}, ...notes),
  };
  await writeFile(join(reportFolder, "run.json"), `${JSON.stringify(facts, null, 2)}\n`);
  return passGate({ reportFolder });
}

/**
 * Starts a server and a testee, runs cases, and copies the results. Errors are recorded in the queue.
 * @param {object} lane
 * @param {string} lane.folder
 * @param {string} lane.caseFolder
 * @param {readonly string[]} lane.patterns
 * @param {Awaited<ReturnType<typeof prepareServers>>} lane.servers
 * @param {{ folder: string, file: string, entry: string }} lane.testee
 * @param {CaseQueue} lane.queue
 * @returns {Promise<Record<string, string>>} the client's first error in each case, by case id
 */
async function runOneLane({ folder, caseFolder, patterns, servers, testee, queue }) {
  try {
    await mkdir(folder);
    const server = await servers.start(folder, patterns);
    const { taken, notes } = await runLane({ server, installed: testee, agent: AGENT, queue });
    await server.stop();
    const written = await gatherResults(server.resultFolder, caseFolder);
    if (written < taken) queue.stop(`the suite wrote ${written} results of ${taken} cases`);
    return notes;
  } catch (error) {
    queue.stop(/** @type {Error} */ (error).message);
    return {};
  }
}

/** @param {CaseQueue} queue */
function watch(queue) {
  const begin = performance.now();
  const progress = setInterval(() => {
    const seconds = Math.round((performance.now() - begin) / 1000);
    console.log(`autobahn: ${queue.finished} of ${queue.total} cases after ${seconds} s`);
  }, PROGRESS_MS);
  const limit = setTimeout(() => {
    queue.stop(`the run took more than ${RUN_LIMIT_MS / 60_000} min, so the rest was not tried`);
  }, RUN_LIMIT_MS);
  return [progress, limit];
}

const folder = await realpath(await mkdtemp(join(tmpdir(), "jetsocket-autobahn-")));

for (const [signal, exitCode] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
  process.once(signal, () => {
    console.error(`autobahn: stopped by ${signal}`);
    stopCode = exitCode;
    // The run ends when its processes have ended.
    void endChildren();
  });
}

try {
  const isPassed = await run(folder);
  process.exitCode = stopCode ?? (isPassed ? 0 : 1);
} catch (error) {
  if (stopCode === undefined) console.error(`autobahn: ${/** @type {Error} */ (error).message}`);
  process.exitCode = stopCode ?? 1;
} finally {
  await endChildren();
  await rm(folder, { recursive: true, force: true });
}
