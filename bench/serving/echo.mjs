// The server side of the kind `echo`.
import { FrameCounter } from "./frame-counter.mjs";
import { prepareStream } from "../frames.mjs";

/**
 * Answers each message with a message of the same size, made in advance.
 *
 * @param {import("../scenarios/index.mjs").Scenario} scenario
 */
export async function prepare(scenario) {
  const { messages, bytesPerMessage } = await prepareStream(scenario);
  const replies = Buffer.concat(Array(scenario.underWay).fill(messages[0]));
  return { serve, facts: { bytesPerMessage } };

  function serve(socket) {
    const counter = new FrameCounter();
    let answered = 0;
    socket.on("data", (bytes) => {
      counter.add(bytes);
      const whole = counter.messages - (counter.isInsideFrame ? 1 : 0);
      socket.write(replies.subarray(0, (whole - answered) * bytesPerMessage));
      answered = whole;
    });
  }
}
