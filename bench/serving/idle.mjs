// The server side of the kind `idle`.
import { closeFrame, pongFrame, prepareStream } from "../frames.mjs";

const opcodes = { close: 0x8, ping: 0x9 };

/**
 * Answers pings, and answers each message with a message of the same size.
 *
 * @param {import("../scenarios/index.mjs").Scenario} scenario
 */
export async function prepare(scenario) {
  const { messages } = await prepareStream(scenario);
  return { serve, facts: {} };

  function serve(socket) {
    let rest = Buffer.alloc(0);
    socket.on("data", (bytes) => {
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      for (let frame = firstFrame(rest); frame !== undefined; frame = firstFrame(rest)) {
        rest = rest.subarray(frame.size);
        if (frame.opcode === opcodes.ping) socket.write(pongFrame(frame.payload));
        else if (frame.opcode === opcodes.close) socket.end(closeFrame());
        else if (frame.opcode < 0x8) socket.write(messages[0]);
      }
    });
  }
}

/** Parses and unmasks a client frame of less than 64 KiB. Returns `undefined` if the frame is incomplete. */
function firstFrame(bytes) {
  if (bytes.length < 6) return undefined;
  const isLong = (bytes[1] & 0x7f) === 126;
  const length = isLong ? bytes.readUInt16BE(2) : bytes[1] & 0x7f;
  const begin = isLong ? 8 : 6;
  if (bytes.length < begin + length) return undefined;
  const key = bytes.subarray(begin - 4, begin);
  const payload = bytes.subarray(begin, begin + length).map((byte, index) => byte ^ key[index % 4]);
  return { opcode: bytes[0] & 0x0f, payload, size: begin + length };
}
