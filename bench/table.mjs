import { median, spread } from "./statistics.mjs";

/**
 * What was measured of one scenario: microseconds of CPU per message, by client, one for each round.
 *
 * @typedef {{ scenario: string, rounds: Record<string, number[]> }} Reading
 */

/**
 * One line for each scenario and peer. The ratio is taken within each round, so that what disturbs the machine
 * meets both sides; it says how many times less CPU the subject takes.
 *
 * @param {readonly Reading[]} readings
 * @param {string} subject
 */
export function tableOf(readings, subject) {
  const rows = [["scenario", `${subject}, us/message`, "peer, us/message", "times less CPU, paired"]];
  for (const { scenario, rounds } of readings) {
    for (const [peer, values] of Object.entries(rounds)) {
      if (peer === subject) continue;
      const ratios = values.map((value, round) => value / rounds[subject][round]);
      rows.push([scenario, figures(rounds[subject]), `${peer} ${figures(values)}`, figures(ratios)]);
    }
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`,
  );
  lines.splice(1, 0, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`);
  return lines.join("\n");
}

function figures(values) {
  const [least, greatest] = spread(values);
  return `${median(values).toPrecision(3)} (${least.toPrecision(3)} to ${greatest.toPrecision(3)})`;
}
