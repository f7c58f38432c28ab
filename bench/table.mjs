// Formats measurements as tables. It measures nothing.
import { clients } from "./clients/index.mjs";
import { median, pairedRatios, spread } from "./statistics.mjs";

/**
 * Returns one line for each client of each scenario.
 *
 * @param {readonly import("./measure.mjs").Reading[]} readings
 * @param {{ baseline: string, unit: string, more?: string | undefined }} group
 */
export function linesOf(readings, { baseline, unit, more }) {
  const rows = [["scenario", "client", unit, `times less than ${baseline}`, ...(more ? [more] : [])]];
  for (const { scenario, rounds } of readings) {
    for (const [client, results] of Object.entries(rounds)) {
      const row = [scenario.name, client, figures(results.map(({ cost }) => cost))];
      row.push(figures(pairedRatios(results, rounds[baseline] ?? [])));
      if (more) row.push(figures(results.map((result) => result.more)));
      rows.push(row);
    }
  }
  return alignedTable(rows);
}

/**
 * Returns one line per scenario and one column per client: the costs of the baseline and of the subject, and the ratio
 * of the baseline's cost to that of each client.
 *
 * @param {readonly import("./measure.mjs").Reading[]} readings
 * @param {{ baseline: string, subject: string }} group
 */
export function comparisonOf(readings, { baseline, subject }) {
  const names = clientsOf(readings);
  const others = names.filter((name) => name !== baseline);
  const shown = [baseline, subject].filter((name, index, both) => both.indexOf(name) === index);
  const rows = [["scenario", ...shown, ...others.map((name) => `${name}, times less`)]];
  for (const { scenario, rounds } of readings) {
    const costs = shown.map((name) => figures(rounds[name].map(({ cost }) => cost)));
    const ratios = others.map((name) => figures(pairedRatios(rounds[name] ?? [], rounds[baseline])));
    rows.push([scenario.name, ...costs, ...ratios]);
  }
  return alignedTable(rows);
}

/** Returns the costs of each client. @param {readonly import("./measure.mjs").Reading[]} readings */
export function costsOf(readings) {
  return perClient(readings, ({ cost }) => cost);
}

/** Returns the second figure of each client. @param {readonly import("./measure.mjs").Reading[]} readings */
export function secondFiguresOf(readings) {
  return perClient(readings, ({ more }) => more);
}

function perClient(readings, figureOf) {
  const names = clientsOf(readings);
  const rows = [["scenario", ...names]];
  for (const { scenario, rounds } of readings) {
    rows.push([scenario.name, ...names.map((name) => figures((rounds[name] ?? []).map(figureOf)))]);
  }
  return alignedTable(rows);
}

/** Sorts clients into the order of `clients`. */
function clientsOf(readings) {
  return Object.keys(clients).filter((name) => readings.some(({ rounds }) => name in rounds));
}

/** Formats rows as a Markdown table like Prettier. @param {readonly string[][]} rows */
export function alignedTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`,
  );
  lines.splice(1, 0, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`);
  return lines.join("\n");
}

/** Formats the median, and the minimum and the maximum in brackets. @param {readonly number[]} values */
export function figures(values) {
  if (values.length === 0) return "";
  if (values.length === 1) return figure(values[0]);
  const [least, greatest] = spread(values);
  return `${figure(median(values))} (${figure(least)} to ${figure(greatest)})`;
}

function figure(value) {
  return value >= 1000 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}
