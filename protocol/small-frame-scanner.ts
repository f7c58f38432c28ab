import { headerSizeFor } from "./frame-header.js";

/** The bytes of a run, and so the memory that one message of it can hold on to. */
export const maxRunSize: number = 8 * 1024;

/** Of the next run, where one was left half way: its rest was made ready for nothing. */
const minRunSize = 256;

/** Takes messages that came whole, one after the other. */
export interface SmallFrameSink {
  /** `true` between two messages, where one of this size is within the limits. */
  mayTakeRun(maxSize: number): boolean;
  /** The bytes of a run in memory that may be kept. */
  copyRun(bytes: Buffer, start: number, end: number): Buffer;
  onSmallMessage(data: string | Buffer, size: number): void;
  /**
   * Texts go to {@link onLentText}, and runs of binary messages are not wanted; may change from one message to the
   * next.
   */
  readonly isLending: boolean;
  /** One of ASCII alone, where it lies. */
  onLentText(bytes: Buffer, start: number, end: number): void;
}

/** Finds the small messages of one read that follow each other, so that one call makes them ready. */
export class SmallFrameScanner {
  #maxSize = maxRunSize;
  /** Where the run that was found ends. */
  end = 0;
  /** The bytes of its headers that are above 0x7f. */
  aboveAscii = 0;

  /**
   * Looks for whole messages of the kind that begins at `start`, without a mask.
   * @returns `false` where not two of them follow each other.
   */
  find(bytes: Buffer, start: number, end: number, maxPayloadSize: number): boolean {
    const first = bytes[start]!;
    const limit = Math.min(end, start + this.#maxSize);
    let at = start;
    let count = 0;
    let aboveAscii = 0;
    while (at + 4 <= limit && bytes[at] === first) {
      const size = payloadSizeAt(bytes, at);
      const behind = at + headerSizeFor(size, false) + size;
      if (size === -1 || size > maxPayloadSize || behind > limit) break;
      at = behind;
      count++;
      // The first byte of each header, and the last of a longer one where it is so large.
      aboveAscii += size >= 126 && (size & 0x80) !== 0 ? 2 : 1;
    }
    if (count < 2) {
      if (limit < end) this.#grow();
      return false;
    }
    this.end = at;
    this.aboveAscii = aboveAscii;
    return true;
  }

  /** The run was taken as far as `position`. */
  endRun(position: number): void {
    if (position < this.end) this.#maxSize = minRunSize;
    else this.#grow();
  }

  #grow(): void {
    this.#maxSize = Math.min(this.#maxSize * 2, maxRunSize);
  }
}

/** The payload's size in the frame of a small message without a mask; -1 where it is none. */
export function payloadSizeAt(bytes: Buffer, at: number): number {
  const second = bytes[at + 1]!;
  if (second < 126) return second;
  if (second > 126) return -1;
  const size = (bytes[at + 2]! << 8) | bytes[at + 3]!;
  // RFC 6455 5.2: what is not encoded in the fewest bytes is left to the check of the header.
  return size < 126 || size > maxRunSize ? -1 : size;
}
