// Converts the negotiated parameters to options of `node:zlib`.
import type { ZlibOptions } from "node:zlib";
import type { DeflaterOptions } from "./codec.js";
import { constants } from "./node-zlib.js";

/** The base-2 logarithm of zlib's smallest window for raw DEFLATE. Node uses 9 bits if 8 bits are requested. */
const minZlibWindowBits = 9;

/**
 * Returns the base-2 logarithm of the window size for inflating. A peer that uses zlib can use a window of 9 bits even
 * if 8 bits were negotiated.
 */
export function inflateWindowBits(windowBits: number): number {
  return Math.max(windowBits, minZlibWindowBits);
}

/** Returns the options with which zlib's deflater respects the negotiated window. */
export function deflateOptions(options: DeflaterOptions): ZlibOptions {
  const { level, memLevel, windowBits } = options;
  return {
    level,
    memLevel,
    windowBits: Math.max(windowBits, minZlibWindowBits),
    // RFC 7692 7.1.2: no match may refer to bytes before the negotiated window. With the strategy Z_RLE, all matches
    // have the distance 1.
    strategy: windowBits < minZlibWindowBits ? constants.Z_RLE : constants.Z_DEFAULT_STRATEGY,
  };
}
