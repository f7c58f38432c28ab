// The WebSocket that a newer Node brings.
import { connectWhatwg } from "./whatwg.mjs";

/** @type {import("./index.mjs").Client["connect"]} */
export function connect({ url }, settings) {
  return connectWhatwg(new globalThis.WebSocket(url), settings);
}
