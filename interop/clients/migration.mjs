// Runs the program of docs/from-reconnecting-websocket.md as it is before the migration, with reconnecting-websocket and
// with partysocket. The output must be the output that the page shows, which the programs after the migration print too.
import { execFile, fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const here = fileURLToPath(new URL(".", import.meta.url));
const root = join(here, "../..");
const timeLimit = 30_000;

/** The packages, each with the name by which programs import its class. */
const packages = { "reconnecting-websocket": "reconnecting-websocket", partysocket: "partysocket/ws" };

/**
 * @returns {Promise<[isGood: boolean, name: string, detail: string][]>}
 */
export async function checkMigration() {
  const page = await readFile(join(root, "docs/from-reconnecting-websocket.md"), "utf8");
  const [, expected] = /^```text\n(.*?)^```$/ms.exec(page);
  const program = await readFile(join(root, "examples/migration/reconnecting-before.mjs"), "utf8");
  // Imports are resolved from the folder of the program.
  const folder = join(here, ".migration");
  await mkdir(folder, { recursive: true });
  const playground = fork(join(root, "examples/playground.mjs"), ["0"]);
  const [{ url }] = await once(playground, "message");
  const env = { ...process.env, PLAYGROUND: url };
  const results = [];
  for (const [name, path] of Object.entries(packages)) {
    const file = join(folder, `${name}.mjs`);
    await writeFile(file, program.replace('from "reconnecting-websocket"', `from "${path}"`));
    const result = await run(process.execPath, [file], { env, timeout: timeLimit }).then(
      ({ stdout }) => stdout,
      String,
    );
    const isGood = result === expected;
    results.push([isGood, name, isGood ? "prints the same before and after the migration" : result]);
  }
  playground.disconnect();
  return results;
}
