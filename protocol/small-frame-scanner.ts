// Finds batches in received bytes. A batch is a sequence of small unmasked frames with the same first byte. Each frame
// is a complete message. The scanner does not validate or deliver the messages.
import { headerSizeFor } from "./frame-header.js";

/** Maximum size of a batch in bytes. A message that the application keeps also keeps its whole batch in memory. */
const maxBatchSize = 8 * 1024;

/**
 * If the messages of a batch are not all delivered, the next batch has at most this size in bytes. A small batch limits
 * the work that is done for undelivered messages.
 */
const minBatchSize = 256;

/** Finds the batches of one connection. */
export class SmallFrameScanner {
  #maxSize = maxBatchSize;
  /** Offset of the end of the batch that was found last. */
  end = 0;
  /** Number of bytes above 0x7f in the frame headers of the batch that was found last. */
  nonAsciiCount = 0;

  /**
   * Looks for a batch that starts at `start`.
   * @returns `true` if the batch contains at least two messages, otherwise `false`.
   */
  find(bytes: Buffer, start: number, end: number, maxPayloadSize: number): boolean {
    const first = bytes[start]!;
    const limit = Math.min(end, start + this.#maxSize);
    let at = start;
    let count = 0;
    let nonAsciiCount = 0;
    while (at + 4 <= limit && bytes[at] === first) {
      const size = payloadSizeAt(bytes, at);
      const next = at + headerSizeFor(size, false) + size;
      if (size === -1 || size > maxPayloadSize || next > limit) break;
      at = next;
      count++;
      // The first byte of each header is above 0x7f. The last byte of a header of four bytes may also be above 0x7f.
      nonAsciiCount += size >= 126 && (size & 0x80) !== 0 ? 2 : 1;
    }
    if (count < 2) {
      if (limit < end) this.#grow();
      return false;
    }
    this.end = at;
    this.nonAsciiCount = nonAsciiCount;
    return true;
  }

  /** Must be called after messages of a batch were delivered. `position` is the end of the last delivered message. */
  endBatch(position: number): void {
    if (position < this.end) this.#maxSize = minBatchSize;
    else this.#grow();
  }

  #grow(): void {
    this.#maxSize = Math.min(this.#maxSize * 2, maxBatchSize);
  }
}

/** Returns the payload size in bytes of a small unmasked frame. Returns -1 for any other frame. */
export function payloadSizeAt(bytes: Buffer, at: number): number {
  const second = bytes[at + 1]!;
  if (second < 126) return second;
  if (second > 126) return -1;
  const size = (bytes[at + 2]! << 8) | bytes[at + 3]!;
  // RFC 6455 5.2: a size below 126 must be encoded in one byte. The result -1 lets the frame parser reject the frame.
  return size < 126 || size > maxBatchSize ? -1 : size;
}
