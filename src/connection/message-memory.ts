// Estimates of the memory that a queued message takes in addition to its bytes on the wire. They are the measured
// growth of the process per 1-byte message, so they include the headroom of the garbage collector. They are not exact.
import type { WaitOptions } from "../runtime/wait.js";
import type { Sendable } from "./pending-message.js";

/** Bytes of a queued message with its promise. */
const messageOverhead = 1024;

/** Bytes of a copy of binary data, in addition to its content. */
const copyOverhead = 1024;

/** Bytes of a timer or of an abort listener. */
const waitOverhead = 1024;

/** Bytes of the token that identifies a framed message to its owner. */
export const ownedMessageOverhead: number = 512;

/**
 * Bytes of overhead that are not counted, so that small water marks mean bytes on the wire. A memory limit is exceeded
 * by at most this amount.
 */
export const freeOverhead: number = 1024 * 1024;

/**
 * Returns the bytes of memory that a queued message takes in addition to its size.
 * @param size - Bytes on the wire, or in UTF-8.
 */
export function overheadOf(data: Sendable, size: number, options: WaitOptions | undefined): number {
  let overhead = messageOverhead;
  if (options?.signal !== undefined || options?.timeout !== undefined) overhead += waitOverhead;
  if (typeof data !== "string") return overhead + copyOverhead;
  // V8 stores a string with one character outside Latin-1 as two bytes per character.
  return size === data.length ? overhead : overhead + Math.max(0, data.length * 2 - size);
}

/**
 * Copies bytes that the caller may change. The copy has its own memory: a slice of Node's pool would keep 8 KiB alive
 * for a message of a few bytes.
 */
export function ownCopyOf(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}
