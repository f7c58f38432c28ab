// `jetsocket` with reconnecting, heartbeat and replay.
import { createClient, handling } from "./jetsocket.mjs";
import { sequencePlace } from "../payloads.mjs";

const { begin, end } = sequencePlace;

/** Parses digit by digit, as docs/replay.md advises. `Number(text.slice(begin, end))` takes 1.5 times as long. */
function sequence(text) {
  let number = 0;
  for (let at = begin; at < end; at++) number = number * 10 + text.charCodeAt(at) - 48;
  return number;
}

/** The options of a feed without losses: it reconnects, pings, and reads a sequence number from each text. */
const layers = { heartbeat: 30_000, replay: { sequence } };

/** @type {import("./index.mjs").Client["connect"]} */
export async function connect(server, settings) {
  return handling(createClient(server, settings, layers), settings);
}
