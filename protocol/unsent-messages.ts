import { Opcode, type Role } from "./constants.js";
import { FrameParser, type FrameSink } from "./frame-parser.js";
import { hasRsv1, isControl, opcodeOf } from "./frame-header.js";
import { PayloadBuffer } from "./payload-buffer.js";
import type { SegmentChain } from "./segment-chain.js";
import type { Segment } from "./segment-pool.js";

/** What has waited in a chain of frames. */
export interface UnsentFrames {
  /** The messages of which not a byte was handed out, in their order. */
  readonly messages: (string | Buffer)[];
  readonly controls: { readonly first: number; readonly payload: Buffer }[];
  /** The rest of a frame that is half out, in segments that hold nothing else. */
  readonly partialFrame: Segment[];
  /** Segments whose frames were all copied out: nothing refers to their memory any more. */
  readonly emptied: Segment[];
}

/**
 * Empties a chain and reads its frames back, so that sending them costs nothing extra.
 *
 * @param role - The role of the end that wrote them.
 * @param originals - The compressed ones among them, in their order: their frames cannot be read without the peer's
 *   window.
 */
export function readUnsentFrames(
  chain: SegmentChain,
  role: Role,
  originals: readonly (string | Buffer)[],
): UnsentFrames {
  const unsent: UnsentFrames = { messages: [], controls: [], partialFrame: [], emptied: [] };
  const parser = new FrameParser(readInto(unsent, originals), role === "client" ? "server" : "client");
  let isInsideFrames = false;
  for (let segment = chain.shift(); segment !== undefined; segment = chain.shift()) {
    const { start, firstFrame, end, bytes } = segment;
    if (isInsideFrames) {
      parser.receive(bytes, start, end);
      unsent.emptied.push(segment);
      continue;
    }
    isInsideFrames = firstFrame !== -1;
    if (isInsideFrames) parser.receive(bytes, firstFrame, end);
    if (start === firstFrame) unsent.emptied.push(segment);
    else unsent.partialFrame.push(trimToPartialFrame(segment));
  }
  return unsent;
}

/** Leaves in a segment only the end of the frame that has begun before it. */
function trimToPartialFrame(segment: Segment): Segment {
  if (segment.firstFrame === -1) return segment;
  segment.end = segment.firstFrame;
  segment.firstFrame = -1;
  segment.messageCount = 1;
  segment.compressedCount = 0;
  return segment;
}

function readInto(unsent: UnsentFrames, originals: readonly (string | Buffer)[]): FrameSink {
  const pieces = new PayloadBuffer();
  let first = 0;
  let compressedCount = 0;
  return {
    onFrameHeader(firstByte): void {
      first = firstByte;
    },
    onFramePayload(bytes, start, end, isLast): void {
      pieces.append(bytes, start, end);
      if (!isLast) return;
      const payload = pieces.take();
      if (isControl(first)) unsent.controls.push({ first, payload });
      else if (hasRsv1(first)) unsent.messages.push(originals[compressedCount++]!);
      else unsent.messages.push(opcodeOf(first) === Opcode.text ? payload.toString() : payload);
    },
    onFrameError(error): void {
      throw error;
    },
  };
}
