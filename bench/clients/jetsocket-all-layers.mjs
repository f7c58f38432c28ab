import { createClient, handling } from "./jetsocket.mjs";
import { sequencePlace } from "../payloads.mjs";

/** What a feed that must not lose anything uses: it reconnects, pings, and reads a sequence number from each text. */
const layers = {
  heartbeat: 30_000,
  replay: { sequence: (text) => Number(text.slice(sequencePlace.begin, sequencePlace.end)) },
};

/** @type {import("./index.mjs").Client["connect"]} */
export async function connect(server, settings) {
  return handling(createClient(server, settings, layers), settings);
}
