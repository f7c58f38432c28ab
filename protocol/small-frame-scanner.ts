// Finds runs in received bytes. A run is a sequence of small unmasked frames of the same kind, each a complete message.
// The scanner does not validate or deliver the messages.
import { headerSizeFor } from "./frame-header.js";

/** Maximum size of a run in bytes. It is also the maximum memory that one kept message of a run keeps alive. */
export const maxRunSize: number = 8 * 1024;

/** Maximum size in bytes of the run after one that was not consumed completely: preparing its rest was wasted. */
const minRunSize = 256;

/** Receives complete messages without their frames. */
export interface SmallFrameSink {
  /** Whether no message is incomplete and a message of `maxSize` bytes is within the limits. */
  mayTakeRun(maxSize: number): boolean;
  /** Returns a copy of the bytes of a run in memory that the application may keep. */
  copyRun(bytes: Buffer, start: number, end: number): Buffer;
  onSmallMessage(data: string | Buffer, size: number): void;
  /**
   * Whether texts are passed to {@link onLentText} and runs of binary messages are rejected. May change between two
   * messages.
   */
  readonly isLending: boolean;
  /** Receives an ASCII text as a view of the received bytes. */
  onLentText(bytes: Buffer, start: number, end: number): void;
}

/** Finds the runs of one connection, so that all messages of a run are prepared by one call. */
export class SmallFrameScanner {
  #maxSize = maxRunSize;
  /** End of the run that was found last. */
  end = 0;
  /** Number of bytes above 0x7f in the frame headers of this run. */
  nonAsciiCount = 0;

  /**
   * Looks for a run that starts at `start`.
   * @returns `false` if fewer than two messages follow each other.
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
      // The first byte of each header is above 0x7f. In a header of four bytes, the last one may be too.
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

  /** Must be called after a run was used. `position` is the end of its consumed bytes. */
  endRun(position: number): void {
    if (position < this.end) this.#maxSize = minRunSize;
    else this.#grow();
  }

  #grow(): void {
    this.#maxSize = Math.min(this.#maxSize * 2, maxRunSize);
  }
}

/** Returns the payload size in bytes of a small unmasked frame; -1 for any other frame. */
export function payloadSizeAt(bytes: Buffer, at: number): number {
  const second = bytes[at + 1]!;
  if (second < 126) return second;
  if (second > 126) return -1;
  const size = (bytes[at + 2]! << 8) | bytes[at + 3]!;
  // RFC 6455 5.2: a length that is not encoded in the fewest bytes is rejected by the check of the header.
  return size < 126 || size > maxRunSize ? -1 : size;
}
