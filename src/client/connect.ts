import type { Provided, Url, WebSocketOptions } from "../options/options.js";
import { handled, rejected } from "../runtime/wait.js";
import { WebSocket } from "./websocket.js";

/**
 * Makes a client and opens its connection: `await using feed = await connect("wss://stream.example.com/ws")`.
 *
 * @throws as the constructor and {@link WebSocket.connect} do; every error rejects the promise.
 */
export function connect<Received = unknown, Sent = unknown>(
  url: Provided<Url>,
  options?: WebSocketOptions<Received, Sent>,
): Promise<WebSocket<Received, Sent>> {
  try {
    const client = new WebSocket<Received, Sent>(url, options);
    return handled(client.connect().then(() => client));
  } catch (error) {
    return rejected(error);
  }
}
