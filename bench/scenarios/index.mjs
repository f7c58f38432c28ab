import { baseline, clients } from "../clients/index.mjs";
import { ofTheProcess } from "./process.mjs";
import { receiving } from "./receive.mjs";
import { secure } from "./secure.mjs";
import { sending } from "./send.mjs";

/**
 * What is measured, as data. `kind` names the module in `kinds/` that runs in the client's process, and the one in
 * `serving/` that runs in the server's.
 *
 * @typedef {object} Scenario
 * @property {string} name
 * @property {"receive" | "send" | "echo" | "connect" | "idle" | "import" | "scavenges"} kind
 * @property {import("../payloads.mjs").Payload} payload
 * @property {number} [warmUpMilliseconds] - Default 700.
 * @property {boolean} [isForMainClients] - The other peers are left out, to keep the whole run short.
 * @property {"context" | "without-context"} [compression] - What is agreed on of permessage-deflate: both ends take
 *   their context over, or neither does.
 * @property {boolean} [isSecure] - Over TLS.
 * @property {number} [fragments] - Frames in a message. Default 1.
 * @property {boolean} [isParsed] - JSON becomes a value.
 * @property {boolean} [isOneAtATime] - Each read brings one message.
 * @property {number} [burst] - Messages that are sent before the server's answer is waited for.
 * @property {boolean} [isOnePerTick] - Each message of a burst is sent in a tick of its own.
 * @property {number} [underWay] - Messages between the sides at any time.
 * @property {number} [connections] - That idle.
 * @property {number} [idleMilliseconds] - For which they do.
 * @property {string[]} [execArgv] - Flags of the client's Node.
 *
 * Scenarios that stand in one table.
 *
 * @typedef {object} Group
 * @property {string} title
 * @property {string} unit - Of the figure that is compared: less is better.
 * @property {string} [more] - Of a second figure, which is shown.
 * @property {readonly string[]} clients
 * @property {string} baseline - The client that the others are compared with.
 * @property {boolean} [isWhole] - A scenario that is asked for by name has all clients, not the main ones alone, and the
 *   table shows what each takes.
 * @property {number} [rounds] - At most.
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
