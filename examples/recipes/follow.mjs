// The code under test: it subscribes on each new connection, and passes messages on.
import { WebSocket } from "jetsocket";

/**
 * @param {string} url
 * @param {(message: unknown) => void} onMessage
 * @param {import("jetsocket").WebSocketOptions<unknown, unknown>} [options]
 */
export function follow(url, onMessage, options) {
  const ws = new WebSocket(url, {
    ...options,
    onConnection: (connection) => connection.send({ subscribe: "trades" }),
  });
  ws.on("message", ({ data }) => onMessage(data));
  void ws.run();
  return ws;
}
