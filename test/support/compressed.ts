// Messages of permessage-deflate as a peer sends them, and bytes that do not compress.
import { constants, deflateRawSync, type ZlibOptions } from "node:zlib";
import { DeflateBlocks } from "./deflate-blocks.js";

/** Returns bytes that do not compress. They are the same in each run. */
export function noise(size: number, seed: number = 1): Buffer {
  const bytes = Buffer.alloc(size);
  let state = seed;
  for (let index = 0; index < size; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

/** Compresses a message like a peer without context takeover (RFC 7692 7.2.1). */
export function compress(message: string | Uint8Array, options: ZlibOptions = {}): Buffer {
  return deflateRawSync(message, { ...options, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

/** Number of bytes that {@link storedMessage} adds to its content. */
export const storedOverhead = 6;

/** A message of one stored block. It is {@link storedOverhead} bytes longer than its content of less than 64 KiB. */
export function storedMessage(content: Uint8Array): Buffer {
  return new DeflateBlocks().stored(Buffer.from(content).toString("latin1")).flush().bytes();
}

/** A message of one match, so it can be inflated only with the bytes of earlier messages. */
export function matchMessage(length: number, distance: number): Buffer {
  return new DeflateBlocks().fixed([{ length, distance }]).flush().bytes();
}
