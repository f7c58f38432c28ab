// The client of the package `ws`.
import { WebSocket } from "ws";
import { connectWith } from "./event-emitter.mjs";

/** @type {import("./index.mjs").Client["connect"]} */
export const connect = (server, settings) => connectWith(WebSocket, server, settings);
