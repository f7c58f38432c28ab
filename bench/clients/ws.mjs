// The client of the package `ws`.
import { WebSocket } from "ws";
import { once } from "node:events";

/** @type {import("./index.mjs").Client["connect"]} */
export async function connect({ url, ca }, { isBinary, isCompressed, isParsed, onMessage }) {
  const ws = new WebSocket(url, {
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
