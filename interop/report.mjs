// The report of an interop run: a table, a summary and JSON.
import { mkdir, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

const folder = fileURLToPath(new URL("report", import.meta.url));
const words = { passed: "ok", failed: "FAILED", skipped: "skipped" };

/**
 * The result of one check against one server.
 *
 * @typedef {object} Result
 * @property {string} server - The library and its version.
 * @property {string} check
 * @property {"passed" | "failed" | "skipped"} outcome
 * @property {string} [reason]
 */

/** @param {readonly Result[]} results */
export function tableOf(results) {
  const servers = [...new Set(results.map((result) => result.server))];
  const checks = [...new Set(results.map((result) => result.check))];
  const outcome = (check, server) =>
    words[results.find((result) => result.check === check && result.server === server)?.outcome] ?? "";
  const rows = [
    ["check", ...servers],
    ...checks.map((check) => [check, ...servers.map((server) => outcome(check, server))]),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`,
  );
  lines.splice(1, 0, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`);
  const reasons = results
    .filter(({ reason }) => reason !== undefined)
    .map(({ server, check, outcome, reason }) => `- ${server}, ${check}: ${words[outcome]}: ${reason}`);
  return [...lines, ...(reasons.length > 0 ? ["", ...reasons] : [])].join("\n");
}

/** @param {readonly Result[]} results */
export function summaryOf(results) {
  const count = (outcome) => results.filter((result) => result.outcome === outcome).length;
  return { passed: count("passed"), failed: count("failed"), skipped: count("skipped") };
}

/** Deletes the report of an earlier run, so that an interrupted run leaves no outdated report. */
export function clearReport() {
  return rm(folder, { recursive: true, force: true });
}

/** @param {readonly Result[]} results */
export async function writeReport(results) {
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, "table.md"),
    `# The client against servers of others\n\n${tableOf(results)}\n`,
  );
  await writeFile(join(folder, "summary.json"), `${JSON.stringify(summaryOf(results))}\n`);
}
