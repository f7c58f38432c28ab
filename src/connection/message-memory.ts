// Estimates the memory that a queued message takes in addition to its bytes on the wire. The estimates are the measured
// growth of the process per message of 1 byte. They include the headroom of the garbage collector and are not exact.
import type { WaitOptions } from "../runtime/wait.js";
import type { Sendable } from "./pending-message.js";

/** Bytes of memory for a queued message with its promise. */
const messageOverhead = 1024;

/** Bytes of memory for a copy of binary data, in addition to the data. */
const copyOverhead = 1024;

/** Bytes of memory for a timer or an abort listener. */
const waitOverhead = 1024;

/**
 * Bytes of memory for one token. A token identifies a framed message, so that the code that sent the message can
 * recognize the message.
 */
export const ownedMessageOverhead: number = 512;

/**
 * The number of bytes of overhead that do not count toward a limit. If a queue has less overhead, only its bytes on the
 * wire count. The memory of a queue may exceed its limit by at most this number of bytes.
 */
export const freeOverhead: number = 1024 * 1024;

/**
 * Returns the bytes of memory that a queued message takes in addition to `size`.
 * @param size - The size of the message in bytes, on the wire or as UTF-8.
 */
export function overheadOf(data: Sendable, size: number, options: WaitOptions | undefined): number {
  let overhead = messageOverhead;
  if (options?.signal !== undefined || options?.timeout !== undefined) overhead += waitOverhead;
  if (typeof data !== "string") return overhead + copyOverhead;
  // If one character is outside Latin-1, V8 stores the whole string with two bytes per character.
  return size === data.length ? overhead : overhead + Math.max(0, data.length * 2 - size);
}

/**
 * Copies bytes that the caller may change later. The copy has its own memory, because a slice of Node's pool would keep
 * 8 KiB alive for a message of a few bytes.
 */
export function ownCopyOf(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}
