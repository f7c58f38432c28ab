// The list of servers and their known differences.
import { fileURLToPath } from "node:url";

/**
 * A server of the checks.
 *
 * `echoesCloseCode`: true if its answer to the client's Close has the client's code, false if it always has 1000.
 * `compressesFragments`: true if it also compresses messages that it sends in fragments.
 *
 * @typedef {object} Server
 * @property {string} name
 * @property {boolean} needsPython
 * @property {string} script
 * @property {{ echoesCloseCode: boolean, compressesFragments: boolean }} traits
 */

/** @type {readonly Server[]} */
export const servers = [
  {
    name: "ws",
    needsPython: false,
    script: scriptPath("ws-server.mjs"),
    traits: { echoesCloseCode: true, compressesFragments: true },
  },
  {
    name: "websockets",
    needsPython: true,
    script: scriptPath("websockets_server.py"),
    traits: { echoesCloseCode: true, compressesFragments: true },
  },
  {
    name: "aiohttp",
    needsPython: true,
    script: scriptPath("aiohttp_server.py"),
    traits: { echoesCloseCode: false, compressesFragments: false },
  },
];

function scriptPath(name) {
  return fileURLToPath(new URL(`servers/${name}`, import.meta.url));
}
