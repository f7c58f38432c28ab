import { readFile } from "node:fs/promises";

const root = new URL("../../", import.meta.url);
/** Taken as built, by the door that an import goes through. */
const { exports } = JSON.parse(await readFile(new URL("package.json", root), "utf8"));
const { WebSocket } = await import(new URL(exports["."].import.default, root).href);

/**
 * @param {string} url
 * @param {(text: string) => void} onText
 * @returns {Promise<() => void>} Ends the connection.
 */
export async function receive(url, onText) {
  const ws = new WebSocket(url, { reconnect: false, heartbeat: false, deserializer: (data) => data });
  ws.on("message", ({ data }) => onText(data));
  await ws.connect();
  return () => ws.terminate();
}
