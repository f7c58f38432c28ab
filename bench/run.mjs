// `npm run bench`: measures the built package and its peers in one run. See README.md.
import { access } from "node:fs/promises";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { addOtherBuild, clients, otherBuild, thoseThere } from "./clients/index.mjs";
import { checkGate } from "./gate.mjs";
import { machine } from "./machine.mjs";
import { measureScenario } from "./measure.mjs";
import { fewestRounds } from "./rounds.mjs";
import { writeReport } from "./report.mjs";
import { dropInClients, dropInScenarios } from "./scenarios/drop-ins.mjs";
import { groupOf, scenarioNamed } from "./scenarios/index.mjs";
import { takeSnapshot } from "./snapshot.mjs";
import { linesOf } from "./table.mjs";

const execute = promisify(execFile);
const here = new URL(".", import.meta.url);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string" },
    clients: { type: "string" },
    package: { type: "string", default: fileURLToPath(new URL("..", here)) },
    other: { type: "string" },
    "drop-ins": { type: "boolean", default: false },
    gate: { type: "boolean", default: false },
    record: { type: "boolean", default: false },
  },
});
const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
if (rounds !== undefined && !(Number.isInteger(rounds) && rounds >= 1)) {
  throw new RangeError(`--rounds is ${values.rounds}; it must be a whole number of at least 1`);
}
const areDropIns = values["drop-ins"];
const chosen = [...positionals, ...(areDropIns ? dropInScenarios : [])].map(scenarioNamed);
if (values.other !== undefined) addOtherBuild(takeSnapshot(values.other));
const names = values.clients?.split(",") ?? (areDropIns ? dropInClients : undefined);
for (const name of names ?? []) {
  if (!(name in clients))
    throw new RangeError(`unknown client ${name}; known clients: ${Object.keys(clients).join(", ")}`);
}
await installPeers();
// Without this listener, SIGINT would skip the "exit" listeners, which delete the snapshot.
process.on("SIGINT", () => process.exit(130));
Object.assign(process.env, takeSnapshot(values.package));

if (values.gate) process.exitCode = await checkGate({ chosen, rounds, isRecording: values.record });
else if (chosen.length > 0) await measureChosen();
else await writeReport({ rounds, names });

async function measureChosen() {
  console.log(`${machine()}; ${rounds ?? fewestRounds} rounds: median (minimum to maximum)`);
  for (const scenario of chosen) {
    const group = groupOf(scenario);
    const usual = group.clients.filter((name) => group.isWhole || clients[name].isMain);
    const wanted = await thoseThere(names ?? [...(values.other ? [otherBuild] : []), ...usual]);
    const reading = await measureScenario(scenario, wanted, () => rounds ?? fewestRounds);
    console.log(`\n${linesOf([reading], group)}`);
  }
}

async function installPeers() {
  await access(new URL("node_modules/undici/package.json", here)).catch(() =>
    execute("npm", ["ci"], { cwd: fileURLToPath(here) }),
  );
}
