// Runs the program of one client in a process of its own: `node --require resolve-ws.cjs program.mjs NAME URL`.
import { once } from "node:events";

const [name, url] = process.argv.slice(2);
const { run } = await import(`./programs/${name}.mjs`);

/** Asks the parent to cut all connections. Resolves when they are cut. */
async function drop() {
  process.send({ kind: "drop" });
  await once(process, "message");
}

try {
  const result = await run({ url, drop });
  process.send({ kind: "done", made: globalThis.socketsMade, ...result }, () => process.exit(0));
} catch (error) {
  const text = error instanceof Error ? error.stack : JSON.stringify(error);
  process.send({ kind: "failed", error: text }, () => process.exit(1));
}
