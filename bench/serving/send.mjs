// The server side of the kind `send`.
import { FrameCounter } from "./frame-counter.mjs";
import { textFrame } from "../frames.mjs";

/**
 * Counts messages and answers each complete burst with the number of bytes received so far.
 *
 * @param {import("../scenarios/index.mjs").Scenario} scenario
 */
export function prepare({ burst }) {
  return { serve, facts: {} };

  function serve(socket) {
    const counter = new FrameCounter();
    let next = burst;
    socket.on("data", (bytes) => {
      counter.add(bytes);
      if (counter.messages < next) return;
      if (counter.isInsideFrame) return;
      next += burst;
      socket.write(textFrame(String(counter.bytes)));
    });
  }
}
