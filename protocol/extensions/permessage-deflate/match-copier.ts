// Copies the matches of DEFLATE (RFC 1951 3.2.3) within the output of a message and from its window.
import type { Buffer } from "node:buffer";
import { type SlidingWindow, stride } from "./sliding-window.js";

/** The longest match of DEFLATE (RFC 1951 3.2.5). */
const maxLength = 258;

/** Number of bytes that must be free in the output after the start of a match. */
export const copyMargin: number = maxLength + stride;

/** The output of a message. Each match is copied to the output, from earlier output or from the window. */
export class MatchCopier {
  readonly bytes: Buffer;
  readonly #words: DataView;

  /** @param bytes - The output. It must have {@link copyMargin} free bytes after the start of each match. */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.#words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /**
   * Copies `length` bytes to position `at`, from the position that is `distance` bytes before `at`.
   * @returns The position after the copied bytes, or -1 if the distance exceeds the window.
   */
  copy(at: number, length: number, distance: number, window: SlidingWindow): number {
    const { bytes } = this;
    const words = this.#words;
    const end = at + length;
    let to = at;
    if (distance > to) {
      to = window.copyMatch(bytes, words, to, end, distance - to);
      if (to < 0) return -1;
    }
    let from = to - distance;
    if (distance < stride) {
      while (to < end) bytes[to++] = bytes[from++]!;
      return end;
    }
    // Copies 8 bytes at a time. Later output overwrites the bytes that are written past the end of the match.
    for (; to < end; to += stride, from += stride) {
      words.setInt32(to, words.getInt32(from, true), true);
      words.setInt32(to + 4, words.getInt32(from + 4, true), true);
    }
    return end;
  }
}
