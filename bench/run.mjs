// `npm run bench`: the built package against its peers, side by side in one run. See README.md.
import { access } from "node:fs/promises";
import { cpus } from "node:os";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { clientNames } from "./clients/index.mjs";
import { measureOnce, startServer } from "./processes.mjs";
import { scenarioNamed, scenarios } from "./scenarios.mjs";
import { tableOf } from "./table.mjs";

const execute = promisify(execFile);
const here = new URL(".", import.meta.url);
const fewestRounds = 7;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: String(fewestRounds) },
  },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new RangeError(`--rounds is ${values.rounds}`);
const chosen = positionals.length > 0 ? positionals.map(scenarioNamed) : scenarios;

await access(new URL("../dist", here)).catch(() => {
  throw new Error("there is no dist/: run `npm run build` first");
});
await access(new URL("node_modules/ws/package.json", here)).catch(() =>
  execute("npm", ["ci"], { cwd: fileURLToPath(here) }),
);

console.log(
  `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}; ${rounds} rounds: median (least to greatest)`,
);
const readings = [];
for (const scenario of chosen) readings.push(await read(scenario));
console.log(tableOf(readings, clientNames[0]));

async function read({ name }) {
  const server = await startServer(name);
  const reading = { scenario: name, rounds: Object.fromEntries(clientNames.map((client) => [client, []])) };
  try {
    for (let round = 0; round < rounds; round++) {
      for (const client of clientNames) {
        const { microsecondsPerMessage } = await measureOnce(client, name, server.port);
        reading.rounds[client].push(microsecondsPerMessage);
      }
    }
  } finally {
    await server.stop();
  }
  return reading;
}
