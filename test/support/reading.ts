// The ways in which a client can read messages: recv(), for await, and a handler.
import type { Message, RecordedClient } from "./scene.js";

/** Reads messages into `into` until the end. Returns the error that ended it, or "ended". */
export type Read = (ws: RecordedClient["ws"], into: Message[]) => Promise<unknown>;

const byRecv: Read = async (ws, into) => {
  for (;;) {
    try {
      into.push(await ws.recv());
    } catch (error) {
      return error;
    }
  }
};

const byIterator: Read = async (ws, into) => {
  try {
    for await (const message of ws) into.push(message);
  } catch (error) {
    return error;
  }
  return "ended";
};

const byHandler: Read = async (ws, into) => {
  ws.on("message", ({ data }) => into.push(data));
  return ws.run().then(
    () => "ended",
    (error: unknown) => error,
  );
};

/** Every way to read messages. */
export const ways: readonly (readonly [name: string, read: Read])[] = [
  ["recv()", byRecv],
  ["for await", byIterator],
  ["a handler", byHandler],
];
