// `npm run interop`: runs the packed client against servers of other libraries. See README.md.
import { mkdtemp, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { tmpdir } from "node:os";
import { allFailed, runChecks } from "./run-checks.mjs";
import { checks as allChecks } from "./checks/index.mjs";
import { importPackedClient } from "./packed-client.mjs";
import { makeCertificates } from "./certificates.mjs";
import { preparePython } from "./python-environment.mjs";
import { servers as allServers } from "./servers.mjs";
import { clearReport, summaryOf, tableOf, writeReport } from "./report.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const idleTimeout = 5_000;

const { values: chosen } = parseArgs({
  options: {
    server: { type: "string", multiple: true },
    check: { type: "string", default: "" },
  },
});
const servers = allServers.filter(({ name }) => chosen.server?.includes(name) ?? true);
const checks = allChecks.filter(({ name }) => name.includes(chosen.check));
if (servers.length === 0 || checks.length === 0) {
  throw new Error(`unknown server or check; servers: ${allServers.map(({ name }) => name).join(", ")}`);
}

await clearReport();
const results = await runInFolder(await mkdtemp(join(tmpdir(), "jetsocket-interop-")));
await writeReport(results);
const { passed, failed, skipped } = summaryOf(results);
console.log(`${tableOf(results)}\n\n${passed} passed, ${failed} failed, ${skipped} skipped`);
if (failed > 0) process.exitCode = 1;

// A client leaves no timer or socket open, so a process that does not exit by itself is a failure too.
setTimeout(() => {
  console.error(`FAILED: still open after all checks: ${process.getActiveResourcesInfo().join(", ")}`);
  process.exit(1);
}, idleTimeout).unref();

async function runInFolder(folder) {
  try {
    const [jetsocket, certificates] = await Promise.all([
      importPackedClient(root, folder),
      makeCertificates(folder),
    ]);
    const results = [];
    for (const server of servers) {
      const interpreter = server.needsPython ? await pythonOrError() : process.execPath;
      if (interpreter instanceof Error) results.push(...allFailed(server.name, checks, interpreter));
      else results.push(...(await runChecks({ jetsocket, server, interpreter, certificates }, checks)));
    }
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function pythonOrError() {
  return preparePython().catch((error) => error);
}
