// How every class with the interface of the package `ws` is used. This module does not import that package.
import { once } from "node:events";

/**
 * @param {typeof import("ws").WebSocket} type
 * @param {import("../client-process.mjs").Server} server
 * @param {import("./index.mjs").Settings} settings
 * @param {string} [binaryType]
 * @returns {Promise<import("./index.mjs").Connection>}
 */
export async function connectWith(type, { url, ca }, settings, binaryType = "nodebuffer") {
  const { isBinary, isCompressed, isParsed, onMessage } = settings;
  const ws = new type(url, {
    ...(isCompressed && { perMessageDeflate: { threshold: 0 } }),
    ...(ca !== undefined && { ca }),
  });
  ws.binaryType = binaryType;
  // `ws` delivers text as a Buffer. Every client must deliver a string, so the conversion is measured too.
  if (isBinary) ws.on("message", (data) => onMessage(data));
  else if (isParsed) ws.on("message", (data) => onMessage(JSON.parse(data.toString())));
  else ws.on("message", (data) => onMessage(data.toString()));
  await once(ws, "open");
  return { send: (data) => ws.send(data), disconnect: () => ws.terminate() };
}
