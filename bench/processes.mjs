// Starts the server process and the client processes of a scenario.
import { createInterface } from "node:readline";
import { execFile, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { once } from "node:events";
import { clients, nodeOf } from "./clients/index.mjs";

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
    facts: line,
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
 * @param {import("./scenarios/index.mjs").Scenario} scenario
 * @param {string} serverFacts
 * @returns {Promise<Result>}
 *
 * @typedef {object} Result
 * @property {number} cost - Cost in the unit of the scenario's group; less is better.
 * @property {number} [more] - The second figure of the scenario.
 */
export async function measureOnce(client, { name, execArgv = [] }, serverFacts) {
  const { env, module = client } = clients[client];
  const args = [...execArgv, script("client-process.mjs"), module, name, serverFacts];
  const options = { timeout: measureTimeout, env: { ...process.env, ...env } };
  const { error, stdout, stderr } = await new Promise((resolve) =>
    execFile(nodeOf(client), args, options, (error, stdout, stderr) => resolve({ error, stdout, stderr })),
  );
  if (error !== null) throw new Error(`${client}, ${name}: ${stderr || error.message}`);
  return JSON.parse(stdout);
}

function script(name) {
  return fileURLToPath(new URL(name, import.meta.url));
}
