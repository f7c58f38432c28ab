/** The report of a run: a Markdown page, and the same as data. */
import { compareCases } from "./cases.mjs";
import { count, DID_NOT_RUN, inOrder } from "./verdicts.mjs";

/**
 * @typedef {object} Run facts of a run without its results
 * @property {string} agent
 * @property {string} entry of the package: jetsocket, whatwg or ws
 * @property {string} version of the package
 * @property {string} suite
 * @property {string} server "Docker" or "Python 2.7"
 * @property {number} lanes
 * @property {readonly string[]} patterns
 * @property {string} started ISO 8601
 * @property {number} durationMs
 * @property {{ id: string, why: string }[]} unfinished
 * @property {string[]} problems failures that belong to no case
 * @property {Record<string, string>} notes the client's first error in each case, by case id
 *
 * @typedef {object} Report
 * @property {Run} run
 * @property {readonly string[]} ids
 * @property {ReadonlyMap<string, import("./verdicts.mjs").Pinned>} pinned
 * @property {ReadonlyMap<string, import("./verdicts.mjs").Result>} results
 * @property {import("./verdicts.mjs").Judgement} judgement
 */

const SLOWEST_SHOWN = 10;

/** The suite's groups, by the first number of a case. */
const GROUPS = new Map([
  ["1", "Framing"],
  ["2", "Pings and pongs"],
  ["3", "Reserved bits"],
  ["4", "Opcodes"],
  ["5", "Fragmentation"],
  ["6", "UTF-8"],
  ["7", "Closing"],
  ["9", "Limits and performance"],
  ["10", "Auto-fragmentation"],
  ["12", "Compression: payloads and sizes"],
  ["13", "Compression: parameters"],
]);

/**
 * Returns the summary line.
 * @param {Report} report
 */
export function sentence({ run, ids, judgement }) {
  const counts = inOrder(judgement.behavior).map(([verdict, cases]) => `${cases} ${verdict}`);
  const failed = countFailed(judgement, run);
  const close = `close: ${judgement.closeAsPinned} as pinned`;
  const time = `in ${inWords(run.durationMs)}`;
  return `autobahn: ${[ids.length === 1 ? "1 case" : `${ids.length} cases`, ...counts, `${failed} failed`, close, time].join(", ")}`;
}

/**
 * @param {import("./verdicts.mjs").Judgement} judgement
 * @param {Run} run
 */
export function countFailed(judgement, run) {
  // A problem that belongs to no case must fail the run too.
  return judgement.deviations.length > 0 ? judgement.deviations.length : Math.min(run.problems.length, 1);
}

/**
 * @param {Report} report
 * @returns {{ passed: number, failed: number, skipped: number }}
 */
export function summary({ run, ids, judgement }) {
  const failed = countFailed(judgement, run);
  return { passed: ids.length - judgement.deviations.length, failed, skipped: 0 };
}

/** @param {Report} report */
export function data({ run, ids, pinned, results, judgement }) {
  const deviations = new Map(judgement.deviations.map(({ id, what }) => [id, what]));
  const cases = ids.map((id) => {
    const { behavior, behaviorClose, remoteCloseCode, duration } = results.get(id) ?? {};
    const verdicts = { behavior: behavior ?? DID_NOT_RUN, behaviorClose: behaviorClose ?? DID_NOT_RUN };
    const deviation = deviations.get(id);
    const rest = { pinned: pinned.get(id), remoteCloseCode, durationMs: duration, deviation };
    return [id, { ...verdicts, ...rest }];
  });
  const { behavior, close, closeAsPinned } = judgement;
  return { run, counts: { behavior, close, closeAsPinned }, cases: Object.fromEntries(cases) };
}

/** @param {Report} report */
export function page(report) {
  const { run } = report;
  return `${[
    "# Autobahn conformance",
    `${sentence(report).replace(/^autobahn: /, "")}.`,
    table(
      ["", ""],
      [
        ["Package", `${run.agent} ${run.version}, from the packed tarball`],
        [
          "Class",
          run.entry === "jetsocket" ? "WebSocket of jetsocket" : `WebSocket of jetsocket/${run.entry}`,
        ],
        ["Suite", `${run.suite} on ${run.server}, ${run.lanes} side by side`],
        ["Cases", run.patterns.join(", ")],
        ["Started", run.started],
      ],
    ),
    "## Groups",
    groupTable(report),
    "## Deviations from the pinned verdicts",
    deviationTable(report),
    "## Informational",
    informational(report),
    "## Slowest",
    slowest(report),
    "`results.json` lists every case. The suite's own record of each case is under `cases/`.",
  ].join("\n\n")}\n`;
}

/** @param {Report} report */
function groupTable({ ids, results, judgement }) {
  const deviating = new Set(judgement.deviations.map(({ id }) => id));
  const columns = inOrder(judgement.behavior).map(([verdict]) => verdict);
  const groups = groupBy(ids);
  const row = (/** @type {string} */ name, /** @type {readonly string[]} */ members) => {
    /** @type {Record<string, number>} */
    const counts = {};
    for (const id of members) count(counts, results.get(id)?.behavior ?? DID_NOT_RUN);
    const time = members.reduce((sum, id) => sum + (results.get(id)?.duration ?? 0), 0);
    const failed = members.filter((id) => deviating.has(id)).length;
    const cells = columns.map((verdict) => String(counts[verdict] ?? 0));
    return [name, String(members.length), ...cells, String(failed), seconds(time)];
  };
  const rows = [...groups].map(([name, members]) => row(`${name} ${GROUPS.get(name) ?? ""}`.trim(), members));
  return table(["group", "cases", ...columns, "deviating", "time"], [...rows, row("all", ids)]);
}

/**
 * @param {readonly string[]} ids
 * @returns {Map<string, string[]>} by the first number of an id
 */
function groupBy(ids) {
  const groups = new Map();
  for (const id of ids) {
    const [group] = id.split(".");
    groups.set(group, [...(groups.get(group) ?? []), id]);
  }
  return groups;
}

/** @param {Report} report */
function deviationTable({ run, judgement }) {
  const problems = run.problems.map((problem) => ["", problem, ""]);
  const rows = judgement.deviations.map(({ id, what }) => [id, what, run.notes[id] ?? ""]);
  if (rows.length + problems.length === 0) return "None.";
  return table(["case", "what", "the client's first error"], [...problems, ...rows]);
}

/** @param {Report} report */
function informational({ ids, results }) {
  const found = ids.filter((id) => results.get(id)?.behavior === "INFORMATIONAL");
  if (found.length === 0) return "None.";
  return table(
    ["case", "what was seen"],
    found.map((id) => [id, results.get(id)?.result ?? ""]),
  );
}

/** @param {Report} report */
function slowest({ results }) {
  const rows = [...results]
    .sort(
      ([leftId, left], [rightId, right]) => right.duration - left.duration || compareCases(leftId, rightId),
    )
    .slice(0, SLOWEST_SHOWN)
    .map(([id, { duration }]) => [id, seconds(duration)]);
  return table(["case", "time"], rows);
}

/**
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 */
function table(head, rows) {
  const line = (/** @type {readonly string[]} */ cells) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll(/\s+/g, " ")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** @param {number} ms */
function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** @param {number} ms */
function inWords(ms) {
  const whole = Math.round(ms / 1000);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
