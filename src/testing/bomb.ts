import { constants, deflateRawSync } from "node:zlib";
import { Opcode } from "../../protocol/index.js";
import { frame } from "./frame.js";

const blockSize = 1024 * 1024;

/** The compressed frame (RFC 7692 7.2.1) of a binary message of `size` zeros: a thousandth of that on the wire. */
export function bombFrame(size: number): Buffer {
  const block = deflated(blockSize);
  const blocks = Array.from({ length: Math.floor(size / blockSize) }, () => block);
  const bytes = Buffer.concat([...blocks, deflated(size % blockSize)]);
  // RFC 7692 7.2.1: the last four bytes, 00 00 ff ff, are left out.
  return frame({ opcode: Opcode.binary, rsv1: true, payload: bytes.subarray(0, bytes.length - 4) });
}

function deflated(size: number): Buffer {
  return deflateRawSync(Buffer.alloc(size), { finishFlush: constants.Z_FULL_FLUSH });
}
