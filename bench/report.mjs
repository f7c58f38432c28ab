// Measures all scenarios and writes bench/RESULTS.md.
import { writeFile } from "node:fs/promises";
import { clients, thoseThere } from "./clients/index.mjs";
import { writeSpeedTable } from "../tools/speed-table.mjs";
import { machine, versions } from "./machine.mjs";
import { measureScenario } from "./measure.mjs";
import { fewestRounds, roundsFor } from "./rounds.mjs";
import { groups } from "./scenarios/index.mjs";
import { comparisonOf, costsOf, secondFiguresOf } from "./table.mjs";

const file = new URL("RESULTS.md", import.meta.url);
const subject = "jetsocket";

/**
 * Measures everything and writes RESULTS.md.
 *
 * @param {{ rounds: number | undefined, names: readonly string[] | undefined }} options
 */
export async function writeReport({ rounds, names }) {
  const begun = performance.now();
  const known = await thoseThere(names ?? Object.keys(clients));
  const sections = [];
  for (const group of groups) {
    const readings = [];
    for (const scenario of group.scenarios) {
      const wanted = wantedOf(group, scenario).filter((name) => known.includes(name));
      console.log(`${group.title}: ${scenario.name}`);
      readings.push(await measureScenario(scenario, wanted, (name) => roundsFor(name, group, rounds)));
    }
    sections.push(sectionOf(group, readings));
  }
  const minutes = Math.round((performance.now() - begun) / 60_000);
  await writeFile(file, `${[heading(known, minutes, rounds), ...sections].join("\n\n")}\n`);
  writeSpeedTable();
  console.log(`bench/RESULTS.md and the table in README.md are written, after ${minutes} minutes`);
}

function wantedOf(group, { isForMainClients }) {
  return isForMainClients ? group.clients.filter((name) => clients[name].isMain) : group.clients;
}

function heading(known, minutes, rounds) {
  const howMany =
    `\`jetsocket\`, \`ws\` and \`socket\` have ${rounds ?? fewestRounds} rounds, other peers a third of them, ` +
    "idle\nconnections three.";
  return [
    "# Results",
    "Written by `npm run bench`; [README.md](README.md) describes what is measured and how.",
    `${machine()}.\n${versions(known)}.\nThe run took ${minutes} minutes.`,
    'Each cell is a median, with the least and the greatest in brackets. "Times less" is the ratio to the first client of\n' +
      "the table, taken within each round: above 1 takes less than it. `socket` is the floor: it counts bytes and writes\n" +
      `frames made beforehand. ${howMany}`,
  ].join("\n\n");
}

function sectionOf({ title, unit, baseline, more, isWhole }, readings) {
  const parts = [`## ${title}`, `In ${unit}.`];
  if (isWhole) parts.push(costsOf(readings));
  parts.push(comparisonOf(readings, { baseline, subject }));
  if (more !== undefined) parts.push(`In ${more}:`, secondFiguresOf(readings));
  return parts.join("\n\n");
}
