import { fileURLToPath } from "node:url";

/**
 * The servers, as data.
 *
 * `echoesCloseCode`: whether the answer to the client's Close carries the client's code, or 1000 always.
 * `compressesFragments`: whether a message that it sends in fragments is compressed where that was agreed.
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
