import type { WaitOptions } from "../runtime/wait.js";
import type { Sendable } from "./pending-message.js";

/**
 * Estimates of the memory that a queued message takes besides its bytes on the wire. They were measured on messages of
 * one byte, as the growth of the process for each, and so contain what the garbage collector needs to work in.
 */

/** Bytes of a queued message with its promise. */
const messageOverhead = 1024;

/** Bytes of a copy of binary data, besides its content. */
const copyOverhead = 1024;

/** Bytes of a timer, or of a listener of a signal. */
const waitOverhead = 1024;

/** Bytes of what a framed message is known by to its owner. */
export const ownedMessageOverhead: number = 512;

/**
 * So many bytes of overhead are not counted, so that marks far below it mean bytes on the wire. A bound on memory is
 * exceeded by at most this.
 */
export const freeOverhead: number = 1024 * 1024;

/** What a queued message takes besides its bytes. @param size - Its bytes on the wire, or in UTF-8. */
export function overheadOf(data: Sendable, size: number, options: WaitOptions | undefined): number {
  let overhead = messageOverhead;
  if (options?.signal !== undefined || options?.timeout !== undefined) overhead += waitOverhead;
  if (typeof data !== "string") return overhead + copyOverhead;
  // One character outside Latin-1 makes a string take two bytes for each.
  return size === data.length ? overhead : overhead + Math.max(0, data.length * 2 - size);
}

/**
 * A copy of bytes that the caller may change, in memory of its own: a slice of Node's pool would keep 8 KiB alive for a
 * message of a few bytes.
 */
export function ownCopyOf(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}
