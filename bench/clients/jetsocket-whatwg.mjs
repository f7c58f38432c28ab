// The class of `jetsocket/whatwg`, used as that of browsers, with its default options.
import { builtEntry } from "./built.mjs";
import { connectWhatwg } from "./whatwg.mjs";

const { WebSocket } = await import(await builtEntry("./whatwg"));

/** @type {import("./index.mjs").Client["connect"]} */
export const connect = connecting();

/**
 * @param {string} [binaryType]
 * @returns {import("./index.mjs").Client["connect"]}
 */
export function connecting(binaryType) {
  return (server, settings) =>
    connectWhatwg(new WebSocket(server.url, [], optionsFor(server, settings)), settings, binaryType);
}

function optionsFor({ ca }, settings) {
  return {
    ...(settings.isLookedAfter && { heartbeat: { interval: 1000 } }),
    ...(settings.isCompressed && { compressionThreshold: 0 }),
    ...(ca !== undefined && { tls: { ca } }),
  };
}
