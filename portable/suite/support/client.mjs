// Creates clients for the tests, and ends everything that a test has started.
import { WebSocket } from "jetsocket";
import { serve } from "./server.mjs";

/** Options for a client with one connection and no timers. */
export const plain = { reconnect: false, heartbeat: false };

/**
 * Runs `body` with a server and a client for it. Both are ended afterwards.
 *
 * @param {(peer: object, number: number) => unknown} script - What the server does on each connection.
 * @param {(ws: WebSocket, server: object) => unknown} body
 * @param {object} [options] - Options of the client, in addition to `plain`.
 * @param {object} [serverOptions]
 */
export async function withClient(script, body, options = {}, serverOptions = {}) {
  const server = await serve(script, serverOptions);
  const ws = new WebSocket(server.url, { ...plain, ...options });
  try {
    return await body(ws, server);
  } finally {
    ws.terminate();
    await server.close();
  }
}

/** A server that accepts the client, and closes when the client does. */
export async function hold(peer) {
  await peer.accept();
  await peer.untilClose();
  peer.close(1000);
}

/** A server that accepts the client with these header fields, and sends these frames. */
export const sending =
  (frames, ...fields) =>
  async (peer) => {
    await peer.accept(...fields);
    peer.write(...frames);
    await peer.untilClose();
    peer.end();
  };

/** Receives the next messages. */
export async function take(ws, count) {
  const messages = [];
  while (messages.length < count) messages.push(await ws.recv());
  return messages;
}

/** Resolves with the next event of this name. */
export function next(ws, name) {
  return new Promise((resolve) => ws.once(name, resolve));
}

/** Returns the error that the promise rejects with. */
export async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("the promise was not rejected");
}
