// The types and the list of all scenarios. The other files of this folder define them.
import { baseline, clients } from "../clients/index.mjs";
import { ofTheProcess } from "./process.mjs";
import { receiving } from "./receive.mjs";
import { secure } from "./secure.mjs";
import { sending } from "./send.mjs";

/**
 * A scenario. `kind` is the name of the module in `kinds/` that runs in the client's process and of the module in
 * `serving/` that runs in the server's process.
 *
 * @typedef {object} Scenario
 * @property {string} name
 * @property {"receive" | "send" | "echo" | "connect" | "idle" | "import" | "scavenges"} kind
 * @property {import("../payloads.mjs").Payload} payload
 * @property {number} [warmUpMilliseconds] - Default 700.
 * @property {boolean} [isForMainClients] - True if the other peers are omitted, to keep the complete run short.
 * @property {"context" | "without-context"} [compression] - permessage-deflate with context
 *   takeover in both directions, or in none. Default: no compression.
 * @property {boolean} [isSecure] - True to use TLS.
 * @property {number} [fragments] - Frames in a message. Default 1.
 * @property {boolean} [isParsed] - True if the client parses JSON.
 * @property {boolean} [isOneAtATime] - True if each read contains one message.
 * @property {number} [burst] - Messages that are sent before waiting for the server's answer.
 * @property {boolean} [isOnePerTick] - True if each message of a burst is sent in a separate tick.
 * @property {number} [underWay] - Messages in flight at any time.
 * @property {number} [connections] - Number of idle connections.
 * @property {number} [idleMilliseconds] - Time for which they are idle.
 * @property {string[]} [execArgv] - Node flags of the client's process.
 *
 * Scenarios in one table.
 *
 * @typedef {object} Group
 * @property {string} title
 * @property {string} unit - Unit of the compared figure; less is better.
 * @property {string} [more] - Unit of a second figure, which is only shown.
 * @property {readonly string[]} clients
 * @property {string} baseline - The client that the others are compared with.
 * @property {boolean} [isWhole] - True if a scenario selected by name is run with all clients instead of the main ones,
 *   and the table shows the costs of each.
 * @property {number} [rounds] - Greatest number of rounds.
 * @property {readonly Scenario[]} scenarios
 */

const usual = {
  unit: "us of CPU per message",
  baseline,
  clients: Object.keys(clients).filter((name) => !clients[name].isVariant),
};

/** @type {readonly Group[]} */
export const groups = [...receiving, ...sending, ...secure, ...ofTheProcess].map((group) => ({
  ...usual,
  ...group,
}));

/** @type {readonly Scenario[]} */
const scenarios = groups.flatMap((group) => group.scenarios);

/**
 * @param {string} name
 * @returns {Scenario}
 */
export function scenarioNamed(name) {
  const scenario = scenarios.find((candidate) => candidate.name === name);
  if (scenario !== undefined) return scenario;
  throw new RangeError(`no scenario ${name}; there are: ${scenarios.map((known) => known.name).join(", ")}`);
}

/** @param {Scenario} scenario */
export function groupOf(scenario) {
  return groups.find((group) => group.scenarios.includes(scenario));
}
