import type { ZlibOptions } from "node:zlib";
import type { DeflaterOptions } from "./codec.js";
import { constants } from "./node-zlib.js";

/** The least window that zlib's raw DEFLATE has; asked for 8 bits, Node silently takes 9. */
const minZlibWindowBits = 9;

/** A peer with a zlib of its own may have made 9 bits of the agreed 8 too. */
export function inflateWindowBits(windowBits: number): number {
  return Math.max(windowBits, minZlibWindowBits);
}

/** What makes zlib's deflater keep to the agreed window. */
export function deflateOptions(options: DeflaterOptions): ZlibOptions {
  const { level, memLevel, windowBits } = options;
  return {
    level,
    memLevel,
    windowBits: Math.max(windowBits, minZlibWindowBits),
    // RFC 7692 7.1.2: nothing may refer to bytes before the agreed window. With Z_RLE all distances are 1.
    strategy: windowBits < minZlibWindowBits ? constants.Z_RLE : constants.Z_DEFAULT_STRATEGY,
  };
}
