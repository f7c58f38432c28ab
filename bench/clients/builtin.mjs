// The built-in WebSocket of newer versions of Node.
import { connectWhatwg } from "./whatwg.mjs";

/** @type {import("./index.mjs").Client["connect"]} */
export function connect({ url }, settings) {
  return connectWhatwg(new globalThis.WebSocket(url), settings);
}
