/** Provides `connect()`, which creates a client and waits for its connection. It does not add behaviour of its own. */
import type { ClientOptions, Provided, Url } from "../options/options.js";
import { refuseMoreArguments } from "../options/resolve-options.js";
import { WebSocket } from "./websocket.js";

/**
 * Creates a client and opens its connection: `await using feed = await connect("wss://stream.example.com/ws")`.
 *
 * @param url - The URL of the server, or a function that returns it for each attempt.
 * @returns a promise for the connected client.
 * @throws the errors of the constructor and of {@link WebSocket.connect}. Every error rejects the promise. If no code
 *   handles the rejection, it is an unhandled rejection.
 */
export function connect<Received = unknown, Sent = unknown>(
  url: Provided<Url>,
  options?: ClientOptions<Received, Sent>,
): Promise<WebSocket<Received, Sent>>;
export async function connect<Received, Sent>(
  url: Provided<Url>,
  options?: ClientOptions<Received, Sent>,
  ...others: readonly unknown[]
): Promise<WebSocket<Received, Sent>> {
  refuseMoreArguments(others);
  const client = new WebSocket<Received, Sent>(url, options);
  await client.connect();
  return client;
}
