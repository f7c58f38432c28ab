// The server side of the kind `connect`.
import { closeFrame } from "../frames.mjs";

/** Sends no messages. Answers the first bytes of a client with a Close and ends the stream. */
export function prepare() {
  return { serve: (socket) => socket.once("data", () => socket.end(closeFrame())), facts: {} };
}
