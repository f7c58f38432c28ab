// The record of a received message in the inbox or in a reorder buffer, and the size of its memory. It does not decode
// messages.
import { utf8Bytes, utf8Text } from "../../../protocol/index.js";
import { ownCopyOf } from "../../connection/message-memory.js";

/** A received message. It contains the undecoded data, too, because a `rawMessage` listener may be added later. */
export interface ReceivedMessage {
  /** The decoded value. Valid only if `isDecoded` is `true`. */
  value: unknown;
  isDecoded: boolean;
  /** The undecoded message; `undefined` if `onReplay` returned the value. */
  readonly data: string | Buffer | undefined;
  /** The size in bytes, after decompression. */
  readonly size: number;
  /** The time of arrival, in milliseconds of the runtime's clock. */
  readonly at: number;
  /** The result of `buffer.keyOf`. With `"conflate"`, a newer message with the same key replaces this message. */
  key: unknown;
  /** Listeners with an id up to this number have received the message already. 0 means no listener. */
  deliveredToId: number;
}

export function undecoded(data: string | Buffer, size: number, at: number): ReceivedMessage {
  return { value: undefined, isDecoded: false, data, size, at, key: undefined, deliveredToId: 0 };
}

/** @param data - The undecoded message; `undefined` if `onReplay` returned the value. */
export function decoded(
  value: unknown,
  data: string | Buffer | undefined,
  size: number,
  at: number,
): ReceivedMessage {
  return { value, isDecoded: true, data, size, at, key: undefined, deliveredToId: 0 };
}

/** The largest size, in bytes, of a message that may be a slice of a larger string or buffer. */
const maxSlicedSize = 1024;

/**
 * Copies a small text. A small text may be a slice of a string of up to 8 KiB, and V8 keeps the whole string alive. An
 * inbox with keys may keep one slice of each string. Without a copy, its memory would be many times `maxBytes`.
 */
export function detachedCopy(data: string | Buffer): string | Buffer {
  return typeof data === "string" && data.length <= maxSlicedSize ? utf8Text(utf8Bytes(data)) : data;
}

/** Creates a message for a reorder buffer. Copies a small message, because it is a view of a larger read buffer. */
export function detachedMessage(
  value: unknown,
  data: string | Buffer,
  size: number,
  at: number,
): ReceivedMessage {
  if (size > maxSlicedSize) return decoded(value, data, size, at);
  const own = typeof data === "string" ? detachedCopy(data) : ownCopyOf(data);
  const isData = Object.is(value, data);
  return decoded(isData ? own : value, own, size, at);
}

/**
 * Returns the estimated memory of a message in bytes: the size after decompression, or the size of the string if the
 * string is larger. The size of a decoded value cannot be measured. The estimate for a decoded value is the size of its
 * message.
 */
export function memoryOf({ value, data, size }: ReceivedMessage): number {
  if (data === undefined) return 0;
  // V8 stores a text with non-ASCII characters in one or two bytes per character. The estimate assumes two bytes.
  const own = typeof data === "string" && data.length < size ? Math.max(size, data.length * 2) : size;
  return Object.is(value, data) ? own : own * 2;
}
