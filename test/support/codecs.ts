// Options and helpers for tests of the codecs of permessage-deflate.
import { expect } from "vitest";
import { ProtocolError } from "../../protocol/errors.js";

export const context = { windowBits: 15, keepsContext: true };
export const noContext = { windowBits: 15, keepsContext: false };

/** A limit in bytes that no message of the tests reaches. */
export const noLimit: number = 64 * 1024 * 1024;

/** Returns the ProtocolError that `action` throws. */
export function failureOf(action: () => unknown): ProtocolError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return error as ProtocolError;
  }
  throw new Error("nothing was thrown");
}

/** A message of empty final blocks with fixed codes. */
export function finalBlocks(count: number): Buffer {
  return Buffer.alloc(2 * count, Buffer.of(0x03, 0x00));
}

/** A sink that must not be called. */
export const unusedSink = {
  onInflated: (): void => {
    throw new Error("not expected");
  },
};
