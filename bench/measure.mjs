// Measures all clients of one scenario.
import { clients } from "./clients/index.mjs";
import { measureOnce, startServer } from "./processes.mjs";

/**
 * The measurements of one scenario: the results of each client, one per round.
 *
 * @typedef {object} Reading
 * @property {import("./scenarios/index.mjs").Scenario} scenario
 * @property {Record<string, import("./processes.mjs").Result[]>} rounds
 */

/**
 * Measures the clients of one scenario alternately, in forward and backward order, each time in a fresh process.
 *
 * @param {import("./scenarios/index.mjs").Scenario} scenario
 * @param {readonly string[]} names
 * @param {(name: string) => number} roundsOf
 * @returns {Promise<Reading>}
 */
export async function measureScenario(scenario, names, roundsOf) {
  const able = names.filter((name) => clients[name].lacks?.(scenario) !== true);
  const rounds = Object.fromEntries(able.map((name) => [name, []]));
  const server = await startServer(scenario.name);
  try {
    for (let round = 0; able.some((name) => round < roundsOf(name)); round++) {
      const turn = able.filter((name) => round < roundsOf(name));
      if (round % 2 === 1) turn.reverse();
      for (const name of turn) rounds[name].push(await measureOnce(name, scenario, server.facts));
    }
  } finally {
    await server.stop();
  }
  return { scenario, rounds };
}
