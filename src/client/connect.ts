import type { Provided, Url, WebSocketOptions } from "../options/options.js";
import { WebSocket } from "./websocket.js";

/**
 * Makes a client and opens its connection: `await using feed = await connect("wss://stream.example.com/ws")`.
 *
 * @throws as the constructor and {@link WebSocket.connect} do; every error rejects the promise. A call whose failure
 *   nobody handles ends in an unhandled rejection.
 */
export async function connect<Received = unknown, Sent = unknown>(
  url: Provided<Url>,
  options?: WebSocketOptions<Received, Sent>,
): Promise<WebSocket<Received, Sent>> {
  const client = new WebSocket<Received, Sent>(url, options);
  await client.connect();
  return client;
}
