import { createInterface } from "node:readline";
import { execFile, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { once } from "node:events";
import { promisify } from "node:util";

const execute = promisify(execFile);
const measureTimeout = 120_000;

/**
 * Starts the server of a scenario.
 *
 * @param {string} scenario
 */
export async function startServer(scenario) {
  const child = spawn(process.execPath, [script("server-process.mjs"), scenario], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exit = once(child, "exit");
  const died = exit.then(() => {
    throw new Error("the server ended before it listened");
  });
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), "line"), died]);
  died.catch(() => {});
  return {
    port: JSON.parse(line).port,
    stop: async () => {
      child.stdin.end();
      await exit;
    },
  };
}

/**
 * Measures one client once, in a process of its own.
 *
 * @param {string} client
 * @param {string} scenario
 * @param {number} port
 * @returns {Promise<{ microsecondsPerMessage: number }>}
 */
export async function measureOnce(client, scenario, port) {
  const args = [script("client-process.mjs"), client, scenario, String(port)];
  try {
    const { stdout } = await execute(process.execPath, args, { timeout: measureTimeout });
    return JSON.parse(stdout);
  } catch (error) {
    throw new Error(`${client}, ${scenario}: ${error.stderr || error.message}`, { cause: error });
  }
}

function script(name) {
  return fileURLToPath(new URL(name, import.meta.url));
}
