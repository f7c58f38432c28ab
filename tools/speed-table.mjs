// Writes the speed table of README.md from bench/RESULTS.md. `npm run bench` calls it after each full run.
// It measures nothing.
import { readFileSync, writeFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { alignedTable } from "../bench/table.mjs";

const readme = new URL("../README.md", import.meta.url);
const results = new URL("../bench/RESULTS.md", import.meta.url);
const begin = "<!-- Written by tools/speed-table.mjs from bench/RESULTS.md. -->\n";
const end = "\n<!-- End of what tools/speed-table.mjs writes. -->";

/** The scenarios in the README's table, with their titles there. */
const shown = {
  "recv-text-128B": "receive text of 128 B, many messages in one read",
  "recv-text-16KiB": "receive text of 16 KiB, many messages in one read",
  "recv-binary-1MiB": "receive a binary message of 1 MiB",
  "recv-compressed-200B": "receive a message of 200 B, compressed with context",
  "send-text-128B": "send text of 128 B, many messages in one tick",
  "send-tick-text-128B": "send text of 128 B, one message in one tick",
  "send-binary-64KiB": "send binary messages of 64 KiB, many in one tick",
  connect: "open a connection",
  idle: "resident memory of an idle connection",
  "idle-compressed": "resident memory of an idle connection after compressed messages in both directions",
};

/** @param {string} line A row of a Markdown table. */
function cellsOf(line) {
  return line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
}

/** @param {string} cell A median, followed by the minimum and the maximum in brackets. */
function medianOf(cell) {
  return cell.replace(/ \(.*$/, "");
}

/** @param {string} scenario */
function unitOf(scenario) {
  return scenario.startsWith("idle") ? "KiB" : "us";
}

/**
 * Returns the first row of each scenario as an object with the column names as keys.
 *
 * @param {string} text RESULTS.md
 * @returns {Map<string, Record<string, string>>}
 */
function readingsOf(text) {
  const readings = new Map();
  let names = [];
  for (const line of text.split("\n")) {
    if (!line.startsWith("|")) continue;
    const cells = cellsOf(line);
    if (cells[0] === "scenario") names = cells;
    else if (!readings.has(cells[0])) {
      readings.set(cells[0], Object.fromEntries(cells.map((cell, column) => [names[column], cell])));
    }
  }
  return readings;
}

/** @param {string} text RESULTS.md */
function tableOf(text) {
  const readings = readingsOf(text);
  const [, version] = /\bws (\d+\.\d+)\.\d+/.exec(text);
  const rows = [
    ["scenario", "jetsocket", `\`ws\` ${version}`, "`ws` compared with jetsocket (lowest to highest ratio)"],
  ];
  for (const [scenario, title] of Object.entries(shown)) {
    const reading = readings.get(scenario);
    if (reading === undefined) throw new Error(`bench/RESULTS.md has no scenario ${scenario}`);
    const costs = [reading.jetsocket, reading.ws].map((cell) => `${medianOf(cell)} ${unitOf(scenario)}`);
    const ratio = reading["jetsocket, times less"].replace(" (", " times as much (");
    rows.push([title, ...costs, `\`ws\`: ${ratio}`]);
  }
  return alignedTable(rows);
}

/** @param {string} text RESULTS.md */
function machineOf(text) {
  const [, node, processors] = /^(Node v[\d.]+), .*?, (\d+ x [^,]+),/m.exec(text);
  return `${node}, ${processors}.`;
}

/**
 * @param {string} page README.md
 * @param {string} text RESULTS.md
 * @returns {string} The page with the figures of `text`.
 */
export function withSpeedTable(page, text) {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error("README.md has lost the comments around its table of figures");
  return `${page.slice(0, from)}${begin}\n${machineOf(text)}\n\n${tableOf(text)}\n${page.slice(to)}`;
}

export function writeSpeedTable() {
  writeFileSync(readme, withSpeedTable(readFileSync(readme, "utf8"), readFileSync(results, "utf8")));
}

if (argv[1] === fileURLToPath(import.meta.url)) writeSpeedTable();
