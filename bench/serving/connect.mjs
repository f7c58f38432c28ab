import { closeFrame } from "../frames.mjs";

/** Nothing is said on the connections; a Close is answered, and the first to end the stream has ended it. */
export function prepare() {
  return { serve: (socket) => socket.once("data", () => socket.end(closeFrame())), facts: {} };
}
