// The limits of received messages: their defaults and checks. The message assembler enforces the limits.
import { constants } from "node:buffer";

export interface MessageLimits {
  /** Maximum size of a message in bytes, after decompression. */
  readonly maxMessageSize: number;
  /** Maximum payload size of a frame in bytes, on the wire. */
  readonly maxFrameSize: number;
  /** Maximum number of frames of a message. Control frames between them do not count. */
  readonly maxFragments: number;
}

const defaultMaxMessageSize = 64 * 1024 * 1024;

/**
 * Enough for a message of the default maximum size in fragments of 512 bytes, and for a message of 4 MiB in fragments of
 * 64 bytes and an empty last one (Autobahn 9.3.1). A fragment takes 0.1 to 0.4 us and no memory beyond its payload.
 */
const defaultMaxFragments = 131_072;

/**
 * @throws RangeError if a size is not a whole number from 1 to the maximum string length, or if `maxFragments` is not a
 *   whole number of at least 1.
 */
export function resolveLimits(
  given: Partial<Record<keyof MessageLimits, number | undefined>>,
): MessageLimits {
  const maxMessageSize = checkSize("maxMessageSize", given.maxMessageSize ?? defaultMaxMessageSize);
  return {
    maxMessageSize,
    maxFrameSize: checkSize("maxFrameSize", given.maxFrameSize ?? maxMessageSize),
    maxFragments: checkCount("maxFragments", given.maxFragments ?? defaultMaxFragments),
  };
}

function checkCount(name: string, count: number): number {
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new RangeError(`${name} is ${count}: it must be a whole number of at least 1.`);
}

function checkSize(name: string, size: number): number {
  // A text message longer than the maximum string length of V8 could not be delivered.
  if (Number.isInteger(size) && size > 0 && size <= constants.MAX_STRING_LENGTH) return size;
  throw new RangeError(
    `${name} is ${size}: it must be a whole number of bytes from 1 to ${constants.MAX_STRING_LENGTH}.`,
  );
}
