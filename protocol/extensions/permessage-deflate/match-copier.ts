import type { Buffer } from "node:buffer";
import type { SlidingWindow } from "./sliding-window.js";

/** How many bytes are copied at once, and how many therefore may be written behind the end of a match. */
const stride = 8;

/** The longest match of DEFLATE (RFC 1951 3.2.5). */
const maxLength = 258;

export const copyMargin: number = maxLength + stride;

/** What a message inflates to, and the copying of what it repeats: from itself, or from the messages before it. */
export class MatchCopier {
  readonly bytes: Buffer;
  readonly #words: DataView;

  /** @param bytes - Where it all goes, with {@link copyMargin} behind what there may be when a match begins. */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.#words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /**
   * Copies `length` bytes from `distance` bytes before the position `at` to there.
   * @returns Where they end; -1 where the distance reaches behind the window.
   */
  copy(at: number, length: number, distance: number, window: SlidingWindow): number {
    const { bytes } = this;
    const words = this.#words;
    const end = at + length;
    let to = at;
    if (distance > to) {
      to = this.#copyFrom(window, to, end, distance - to);
      if (to < 0) return -1;
    }
    let from = to - distance;
    if (distance < stride) {
      while (to < end) bytes[to++] = bytes[from++]!;
      return end;
    }
    // Twice four bytes: what is written too much is overwritten by what comes next.
    for (; to < end; to += stride, from += stride) {
      words.setInt32(to, words.getInt32(from, true), true);
      words.setInt32(to + 4, words.getInt32(from + 4, true), true);
    }
    return end;
  }

  #copyFrom(window: SlidingWindow, at: number, matchEnd: number, back: number): number {
    if (back > window.size) return -1;
    const end = Math.min(matchEnd, at + back);
    const { bytes, words } = window;
    const mask = bytes.length - 1;
    let from = (window.next - back) & mask;
    let to = at;
    if (from + end - to + stride > bytes.length) {
      while (to < end) this.bytes[to++] = bytes[from++ & mask]!;
      return end;
    }
    for (; to < end; to += stride, from += stride) {
      this.#words.setInt32(to, words.getInt32(from, true), true);
      this.#words.setInt32(to + 4, words.getInt32(from + 4, true), true);
    }
    return end;
  }
}
