// Runs all checks against one server.
import { CheckContext } from "./check-context.mjs";
import { PeerProcess } from "./peer-process.mjs";
import { within } from "./deadline.mjs";

const checkTimeout = 15_000;
/** Time limit in milliseconds for all checks of one server. The remaining checks fail without being run. */
const serverTimeout = 90_000;
const longestReason = 600;

/**
 * Runs the checks against one server, one after another. Never rejects: every error is a failed check.
 *
 * @param {object} setting
 * @param {object} setting.jetsocket - The module under test.
 * @param {import("./servers.mjs").Server} setting.server
 * @param {string} setting.interpreter - Path of the program that runs the server's script.
 * @param {object} setting.certificates
 * @param {readonly import("./checks/index.mjs").Check[]} checks
 * @returns {Promise<import("./report.mjs").Result[]>}
 */
export async function runChecks({ jetsocket, server, interpreter, certificates }, checks) {
  const { certificateFile, keyFile } = certificates;
  const peer = new PeerProcess([interpreter, server.script, certificateFile, keyFile]);
  try {
    const listening = await peer.listening();
    const results = [];
    const begun = performance.now();
    for (const [index, check] of checks.entries()) {
      if (performance.now() - begun > serverTimeout) {
        const late = new Error(`not run: the previous checks took ${serverTimeout} ms`);
        return [...results, ...allFailed(listening.library, checks.slice(index), late)];
      }
      const context = new CheckContext({ jetsocket, server, peer, listening, certificates });
      results.push(await runCheck(check, context, listening.library));
    }
    return results;
  } catch (error) {
    return allFailed(server.name, checks, error);
  } finally {
    await peer.stop();
    if (peer.errorOutput !== "")
      process.stderr.write(`${server.name} wrote to its standard error:\n${peer.errorOutput}\n`);
  }
}

/** Returns a failed result for every check of a server that could not be started, so that none is omitted. */
export function allFailed(server, checks, error) {
  const reason = reasonOf(error);
  return checks.map((check) => ({ server, check: check.name, outcome: "failed", reason }));
}

async function runCheck(check, context, server) {
  try {
    await within(check.run(context), checkTimeout, "the check to end");
    return { server, check: check.name, outcome: "passed" };
  } catch (error) {
    return { server, check: check.name, outcome: "failed", reason: reasonOf(error) };
  } finally {
    await context.cleanUp();
  }
}

function reasonOf(error) {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.replace(/\s+/g, " ").slice(0, longestReason);
}
