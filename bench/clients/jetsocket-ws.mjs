// The class of `jetsocket/ws`, used as that of `ws`.
import { builtEntry } from "./built.mjs";
import { connectWith } from "./event-emitter.mjs";

const { WebSocket } = await import(await builtEntry("./ws"));

/** @type {import("./index.mjs").Client["connect"]} */
export const connect = (server, settings) => connectWith(WebSocket, server, settings);
