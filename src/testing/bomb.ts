/**
 * Creates a compressed frame that inflates to a large message, for tests of size limits. This module does not send the
 * frame.
 */
import { constants, deflateRawSync } from "node:zlib";
import { Opcode } from "../../protocol/index.js";
import { frame } from "./frame.js";

const blockSize = 1024 * 1024;

/**
 * Returns a compressed frame (RFC 7692 7.2.1) with a binary message of `size` zero bytes. The size of the frame is
 * about a thousandth of `size`.
 */
export function bombFrame(size: number): Buffer {
  const block = deflated(blockSize);
  const blocks = Array.from({ length: Math.floor(size / blockSize) }, () => block);
  const bytes = Buffer.concat([...blocks, deflated(size % blockSize)]);
  // RFC 7692 7.2.1: the sender removes the last four bytes, 00 00 ff ff.
  return frame({ opcode: Opcode.binary, rsv1: true, payload: bytes.subarray(0, bytes.length - 4) });
}

function deflated(size: number): Buffer {
  return deflateRawSync(Buffer.alloc(size), { finishFlush: constants.Z_FULL_FLUSH });
}
