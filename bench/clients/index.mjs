// The interface of a client, and the list of clients with their settings.
import { access } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { builtEntry } from "./built.mjs";

/**
 * A module in this folder.
 *
 * @typedef {object} Client
 * @property {boolean} [isFloor] - True if it only counts bytes and sends frames made in advance.
 * @property {number} [warmUpMilliseconds] - Instead of the scenario's.
 * @property {(server: import("../client-process.mjs").Server, settings: Settings) => Promise<Connection>} connect
 *
 * @typedef {object} Settings
 * @property {boolean} isBinary - True if the server sends binary messages.
 * @property {boolean} isCompressed - True if permessage-deflate is negotiated and messages of all sizes are compressed.
 * @property {boolean} isParsed - True if the server sends JSON, which the client must parse.
 * @property {boolean} isLookedAfter - True for the client's default options with a heartbeat every second.
 * @property {(data: any) => void} onMessage - A string, bytes, or the parsed value.
 * @property {(size: number) => void} onBytes - Called by the floor instead of `onMessage`.
 *
 * @typedef {object} Connection
 * @property {(data: string | Buffer) => void} send
 * @property {() => void} disconnect
 */

/**
 * The settings of a client's process.
 *
 * @typedef {object} Runner
 * @property {string} [module] - Name of its module. Default: its own name.
 * @property {string} [node] - Folder of its Node in node_modules. Default: the Node of the run.
 * @property {Record<string, string>} [env]
 * @property {boolean} [isMain] - True if it is part of a run without named clients and has all rounds.
 * @property {boolean} [isVariant] - True if it is another use of a client. It appears only in tables that name it.
 * @property {readonly string[] | (() => Promise<readonly string[]>)} [imports] - The modules that a user imports. Default: its name.
 * @property {(scenario: import("../scenarios/index.mjs").Scenario) => boolean} [lacks] - Returns true for a scenario that it does not support.
 * @property {() => Promise<boolean>} [isThere] - Called before a run; false if it is not available.
 */

const withoutAddOns = { WS_NO_BUFFER_UTIL: "1", WS_NO_UTF_8_VALIDATE: "1" };
const withBufferUtil = { WS_NO_UTF_8_VALIDATE: "1" };

const neverCompresses = ({ compression }) => compression !== undefined;
const sendsUncompressed = ({ compression, kind }) => compression !== undefined && kind === "send";

/** @type {Record<string, Runner>} */
export const clients = {
  jetsocket: { isMain: true, imports: async () => [await builtEntry(".")] },
  "jetsocket-protocol": { imports: async () => [await builtEntry("./protocol")] },
  "jetsocket-whatwg": { imports: async () => [await builtEntry("./whatwg")] },
  "jetsocket-ws": { imports: async () => [await builtEntry("./ws")] },
  ws: { isMain: true, env: withoutAddOns },
  "ws-bufferutil": { module: "ws", env: withBufferUtil },
  undici: { lacks: sendsUncompressed },
  websocket: { lacks: neverCompresses },
  "node-22": builtin("node-22"),
  "node-24": builtin("node-24"),
  "node-26": builtin("node-26"),
  builtin: { ...builtin(), isVariant: true },
  socket: {
    isMain: true,
    lacks: neverCompresses,
    imports: ["node:net", "node:tls", "node:crypto", "node:zlib"],
  },
  "ws-arraybuffer": { isVariant: true, env: withoutAddOns },
  "jetsocket-whatwg-nodebuffer": { isVariant: true },
  "jetsocket-for-await": { isMain: true, isVariant: true },
  "jetsocket-recv": { isMain: true, isVariant: true },
  "jetsocket-batches": { isMain: true, isVariant: true, isThere: hasBatches },
  "jetsocket-all-layers": { isMain: true, isVariant: true },
  "jetsocket-public-codecs": { isMain: true, isVariant: true },
};

/** Name of another build of the package, which is compared with the measured one. */
export const otherBuild = "jetsocket-other";

/** @param {Record<string, string>} env - Environment variables of its processes. */
export function addOtherBuild(env) {
  clients[otherBuild] = { module: "jetsocket", env };
}

/** @param {string} [node] - Default: the Node of the run, if it has the class (Node 22). */
function builtin(node) {
  // The built-in client has no option for a trusted certificate.
  const lacks = (scenario) => sendsUncompressed(scenario) || scenario.isSecure === true;
  const isThere = async () =>
    node === undefined ? globalThis.WebSocket !== undefined : exists(nodeAt(node));
  return { node, module: "builtin", lacks, isThere };
}

/** Each client is compared with this one, where nothing else is said. */
export const baseline = "ws";

async function hasBatches() {
  const { WebSocket } = await import(await builtEntry("."));
  return "batches" in WebSocket.prototype;
}

/** @param {string} module @returns {Promise<Client>} */
export function loadClient(module) {
  return import(`./${module}.mjs`);
}

/** Those that can be run here and now. @param {readonly string[]} names */
export async function thoseThere(names) {
  const there = await Promise.all(names.map((name) => clients[name].isThere?.() ?? true));
  return names.filter((_, index) => there[index]);
}

/** The program that runs a client. @param {string} name */
export function nodeOf(name) {
  const { node } = clients[name];
  return node === undefined ? process.execPath : nodeAt(node);
}

/** What a user of a client imports. @param {string} module */
export async function importsOf(module) {
  const { imports = [module] } = clients[module];
  return typeof imports === "function" ? await imports() : imports;
}

function nodeAt(folder) {
  return fileURLToPath(new URL(`../node_modules/${folder}/bin/node`, import.meta.url));
}

function exists(file) {
  return access(file).then(
    () => true,
    () => false,
  );
}
