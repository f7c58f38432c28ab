import { WebSocket } from "ws";
import { once } from "node:events";

/**
 * @param {string} url
 * @param {(text: string) => void} onText
 * @returns {Promise<() => void>} Ends the connection.
 */
export async function receive(url, onText) {
  const ws = new WebSocket(url);
  // `ws` gives text as a Buffer, and what is measured is a string in the hands of the user.
  ws.on("message", (data) => onText(data.toString()));
  await once(ws, "open");
  return () => ws.terminate();
}
