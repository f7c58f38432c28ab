// The WebSocket of the package `undici`.
import { Agent, WebSocket } from "undici";
import { connectWhatwg } from "./whatwg.mjs";

/** @type {import("./index.mjs").Client["connect"]} */
export function connect({ url, ca }, settings) {
  const options = ca === undefined ? {} : { dispatcher: new Agent({ connect: { ca } }) };
  return connectWhatwg(new WebSocket(url, options), settings);
}
