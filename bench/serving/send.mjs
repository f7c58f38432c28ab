import { FrameCounter } from "./frame-counter.mjs";
import { textFrame } from "../frames.mjs";

/**
 * Counts, and answers each whole burst with the number of bytes that have come.
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
