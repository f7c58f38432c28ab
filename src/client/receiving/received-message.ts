// The record of a received message in the inbox or in a reorder buffer, and the size of its memory.

/** A received message. It keeps the undecoded data for `rawMessage` listeners that are added later. */
export interface ReceivedMessage<Received> {
  /** Meaningless while `isDecoded` is `false`. */
  value: Received;
  isDecoded: boolean;
  /** The undecoded message; `undefined` if `onReplay` returned the value. */
  readonly data: string | Buffer | undefined;
  /** Bytes, after decompression. */
  readonly size: number;
  /** The time of arrival, in milliseconds of the runtime's clock. */
  readonly at: number;
  /** The result of `buffer.keyOf`. With `"conflate"`, a newer message with the same key replaces this one. */
  key: unknown;
  /** Listeners with an id up to this one already received the message; 0 if none did. */
  deliveredToId: number;
}

export function undecoded<Received>(
  data: string | Buffer,
  size: number,
  at: number,
): ReceivedMessage<Received> {
  return { value: undefined as Received, isDecoded: false, data, size, at, key: undefined, deliveredToId: 0 };
}

/** @param data - The undecoded message; `undefined` if `onReplay` returned the value. */
export function decoded<Received>(
  value: Received,
  data: string | Buffer | undefined,
  size: number,
  at: number,
): ReceivedMessage<Received> {
  return { value, isDecoded: true, data, size, at, key: undefined, deliveredToId: 0 };
}

/** The largest size, in bytes, of a message that may be a slice of a larger string or buffer. */
const maxSlicedSize = 1024;

/**
 * Copies a small text. A small text may be a slice of a string of up to 8 KiB, which V8 keeps alive as long as the
 * slice. With keys, the inbox may keep one slice of each such string, so that its memory would exceed `maxBytes` many
 * times.
 */
export function detachedCopy(data: string | Buffer): string | Buffer {
  return typeof data === "string" && data.length <= maxSlicedSize ? Buffer.from(data).toString() : data;
}

/**
 * Creates a message for a reorder buffer. Small messages are copied, because they are views of a larger read buffer.
 */
export function detachedMessage<Received>(
  value: Received,
  data: string | Buffer,
  size: number,
  at: number,
): ReceivedMessage<Received> {
  if (size > maxSlicedSize) return decoded(value, data, size, at);
  const own = typeof data === "string" ? detachedCopy(data) : copyOf(data);
  const isData = Object.is(value, data);
  return decoded(isData ? (own as Received) : value, own, size, at);
}

/** Allocates outside of Node's buffer pool, because a pooled copy would keep 8 KiB alive. */
function copyOf(data: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(data.length);
  data.copy(copy);
  return copy;
}

/**
 * Returns the estimated memory of a message in bytes: the size after decompression, or the size of the decoded string
 * if that is larger. It counts twice if the value is not the message itself, because the real size of a value cannot be
 * measured.
 */
export function memoryOf({ value, data, size }: ReceivedMessage<unknown>): number {
  if (data === undefined) return 0;
  // V8 stores a text with non-ASCII characters with one or two bytes per character. This assumes two.
  const own = typeof data === "string" && data.length < size ? Math.max(size, data.length * 2) : size;
  return Object.is(value, data) ? own : own * 2;
}
