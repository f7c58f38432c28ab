// The server side of the kind `receive`.
import { prepareStream } from "../frames.mjs";
import { sequencePlace, sequenceStart } from "../payloads.mjs";

/**
 * Delay between two messages in microseconds, so that the client reads each message separately. Clients take longer for
 * large messages.
 */
function betweenSingleMessages(size) {
  return size < 16 * 1024 ? 40 : 100;
}

/** @param {import("../scenarios/index.mjs").Scenario} scenario */
export async function prepare(scenario) {
  const { chunk, messages, bytesPerMessage } = await prepareStream(scenario);
  const facts = { bytesPerMessage };
  if (scenario.isOneAtATime) return { serve: (socket) => sendSingly(socket, messages[0]), facts };
  if (scenario.payload.content !== "numbered")
    return { serve: (socket) => sendAll(socket, () => chunk), facts };
  const { size } = scenario.payload;
  return { serve: (socket) => sendAll(socket, numberedChunks(chunk, size, bytesPerMessage)), facts };
}

function sendAll(socket, nextChunk) {
  const write = () => {
    while (!socket.destroyed && socket.write(nextChunk()));
  };
  socket.resume().on("drain", write);
  write();
}

/** Copies the chunk and continues the numbers of its messages. */
function numberedChunks(chunk, size, bytesPerMessage) {
  let sequence = sequenceStart;
  const place = bytesPerMessage - size + sequencePlace.begin;
  return () => {
    const copy = Buffer.from(chunk);
    for (let at = place; at < copy.length; at += bytesPerMessage) copy.latin1Write(String(sequence++), at);
    return copy;
  };
}

function sendSingly(socket, message) {
  socket.resume();
  const milliseconds = betweenSingleMessages(message.length) / 1000;
  let next = 0;
  const write = () => {
    if (socket.destroyed) return;
    const now = performance.now();
    if (now >= next) {
      socket.write(message);
      next = now + milliseconds;
    }
    setImmediate(write);
  };
  write();
}
