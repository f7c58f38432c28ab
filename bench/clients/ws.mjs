import { WebSocket } from "ws";
import { once } from "node:events";

/** @type {import("./index.mjs").Client["connect"]} */
export async function connect({ url, ca }, { isBinary, isCompressed, isParsed, onMessage }) {
  const ws = new WebSocket(url, {
    ...(isCompressed && { perMessageDeflate: { threshold: 0 } }),
    ...(ca !== undefined && { ca }),
  });
  // `ws` gives text as a Buffer, and what is measured is a string in the hands of the user.
  if (isBinary) ws.on("message", (data) => onMessage(data));
  else if (isParsed) ws.on("message", (data) => onMessage(JSON.parse(data.toString())));
  else ws.on("message", (data) => onMessage(data.toString()));
  await once(ws, "open");
  return { send: (data) => ws.send(data), disconnect: () => ws.terminate() };
}
