// The size limits of received messages: their defaults and checks. The message assembler enforces the limits.
import { constants } from "node:buffer";

export interface MessageLimits {
  /** Maximum size of a message in bytes, after decompression. */
  readonly maxMessageSize: number;
  /** Maximum payload size of a frame in bytes, on the wire. */
  readonly maxFrameSize: number;
}

const defaultMaxMessageSize = 64 * 1024 * 1024;

/** @throws RangeError if a size is not a whole number from 1 to the maximum string length. */
export function resolveLimits(
  given: Partial<Record<keyof MessageLimits, number | undefined>>,
): MessageLimits {
  const maxMessageSize = checkSize("maxMessageSize", given.maxMessageSize ?? defaultMaxMessageSize);
  return { maxMessageSize, maxFrameSize: checkSize("maxFrameSize", given.maxFrameSize ?? maxMessageSize) };
}

function checkSize(name: string, size: number): number {
  // A text message longer than the maximum string length of V8 could not be delivered.
  if (Number.isInteger(size) && size > 0 && size <= constants.MAX_STRING_LENGTH) return size;
  throw new RangeError(
    `${name} is ${size}: it must be a whole number of bytes from 1 to ${constants.MAX_STRING_LENGTH}.`,
  );
}
