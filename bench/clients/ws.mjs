// The client of the package `ws`, and how every class with its interface is used.
import { WebSocket } from "ws";
import { once } from "node:events";

/** @type {import("./index.mjs").Client["connect"]} */
export const connect = (server, settings) => connectWith(WebSocket, server, settings);

/**
 * @param {typeof WebSocket} type
 * @param {import("../client-process.mjs").Server} server
 * @param {import("./index.mjs").Settings} settings
 * @returns {Promise<import("./index.mjs").Connection>}
 */
export async function connectWith(type, { url, ca }, { isBinary, isCompressed, isParsed, onMessage }) {
  const ws = new type(url, {
    ...(isCompressed && { perMessageDeflate: { threshold: 0 } }),
    ...(ca !== undefined && { ca }),
  });
  // `ws` delivers text as a Buffer. Every client must deliver a string, so the conversion is measured too.
  if (isBinary) ws.on("message", (data) => onMessage(data));
  else if (isParsed) ws.on("message", (data) => onMessage(JSON.parse(data.toString())));
  else ws.on("message", (data) => onMessage(data.toString()));
  await once(ws, "open");
  return { send: (data) => ws.send(data), disconnect: () => ws.terminate() };
}
