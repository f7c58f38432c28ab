// Recovers messages from the queued frames that were not sent. Because of this module, the queue need not keep the
// messages in addition to their frames. This module does not decompress frames.
import { Opcode, type Role } from "./constants.js";
import { utf8Text } from "./fast-buffer.js";
import { FrameParser, type FrameSink } from "./frame-parser.js";
import { hasRsv1, isControl, opcodeOf } from "./frame-header.js";
import { PayloadBuffer } from "./payload-buffer.js";
import type { SegmentChain } from "./segment-chain.js";
import type { Segment } from "./segment-pool.js";

/** The contents of a chain of queued frames. */
export interface UnsentFrames {
  /** The completely unsent messages, in order. */
  readonly messages: (string | Buffer)[];
  readonly controls: { readonly first: number; readonly payload: Buffer }[];
  /** The segments that contain the rest of a partly sent frame. They contain no other frame. */
  readonly partialFrame: Segment[];
  /** Segments whose frames were all copied. Nothing refers to the memory of these segments any more. */
  readonly emptied: Segment[];
}

/**
 * Removes all segments from a chain and parses their frames.
 *
 * @param role - The role of the endpoint that wrote the frames.
 * @param originals - The uncompressed originals of the compressed messages in the chain, in order. The frames of these
 *   messages cannot be decoded, because this endpoint does not have the compression context of the peer.
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
    const framesStart = isInsideFrames ? start : firstFrame;
    if (framesStart !== -1) {
      isInsideFrames = true;
      parser.receive(bytes, framesStart, end);
      // Removes the frames that begin in this segment, because they are already parsed. Only the bytes before these
      // frames remain: the end of a frame that began in an earlier segment.
      segment.end = framesStart;
      segment.firstFrame = -1;
      segment.messageCount = 1;
      segment.compressedCount = 0;
    }
    if (framesStart === start) unsent.emptied.push(segment);
    else unsent.partialFrame.push(segment);
  }
  return unsent;
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
      else unsent.messages.push(opcodeOf(first) === Opcode.text ? utf8Text(payload) : payload);
    },
    onFrameError(error): void {
      throw error;
    },
  };
}
