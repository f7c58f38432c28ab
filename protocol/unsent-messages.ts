import { Opcode, type Role } from "./constants.js";
import { FrameParser, type FrameSink } from "./frame-parser.js";
import { hasRsv1, isControl, opcodeOf } from "./frame-header.js";
import { PayloadBuffer } from "./payload-buffer.js";
import type { SegmentChain } from "./segment-chain.js";

/**
 * Reads back the messages of frames that never left, so that sending them costs nothing extra.
 *
 * @param role - The role of the end that wrote them.
 * @param originals - The compressed ones among them, in their order: their frames cannot be read without the peer's window.
 */
export function readUnsentMessages(
  chain: SegmentChain,
  role: Role,
  originals: readonly (string | Buffer)[],
): (string | Buffer)[] {
  const messages: (string | Buffer)[] = [];
  const payload = new PayloadBuffer();
  let first = 0;
  let compressedCount = 0;
  const sink: FrameSink = {
    onFrameHeader(firstByte): void {
      first = firstByte;
    },
    onFramePayload(bytes, start, end, isLast): void {
      payload.append(bytes, start, end);
      if (!isLast) return;
      const bytesOfFrame = payload.take();
      if (isControl(first)) return;
      if (hasRsv1(first)) messages.push(originals[compressedCount++]!);
      else messages.push(opcodeOf(first) === Opcode.text ? bytesOfFrame.toString() : bytesOfFrame);
    },
    onFrameError(error): void {
      throw error;
    },
  };
  const parser = new FrameParser(sink, role === "client" ? "server" : "client");
  let isInsideFrames = false;
  for (let segment = chain.shift(); segment !== undefined; segment = chain.shift()) {
    // The end of a frame whose beginning has left is not read.
    const start = isInsideFrames ? segment.start : Math.max(segment.start, segment.firstFrame);
    if (segment.firstFrame === -1 && !isInsideFrames) continue;
    isInsideFrames = true;
    parser.receive(segment.bytes, start, segment.end);
  }
  return messages;
}
