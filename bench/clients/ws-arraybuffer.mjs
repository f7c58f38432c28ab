// The client of the package `ws`, with the type of binary messages that classes with the browser interface have.
import { WebSocket } from "ws";
import { connectWith } from "./event-emitter.mjs";

/** @type {import("./index.mjs").Client["connect"]} */
export const connect = (server, settings) => connectWith(WebSocket, server, settings, "arraybuffer");
