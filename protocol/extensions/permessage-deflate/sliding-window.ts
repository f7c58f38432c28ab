// The window of DEFLATE: a buffer of the last bytes of a stream. Its memory grows with the stream, up to the window
// size.

const firstCapacity = 1024;

/** Number of bytes that {@link SlidingWindow.copyMatch} copies at once. */
export const stride = 8;

/** The last bytes of a stream, up to the window size. */
export class SlidingWindow {
  readonly #maxSize: number;
  /** The memory of the window: a ring buffer when the window is full. Its length is 0 or a power of two. */
  #bytes: Uint8Array = new Uint8Array(0);
  /** A DataView of {@link #bytes}, for access to several bytes at once. */
  #words: DataView = new DataView(this.#bytes.buffer);
  #size = 0;
  /** Index at which the next byte is written. The newest byte is at the previous index. */
  #writeOffset = 0;

  constructor(windowBits: number) {
    this.#maxSize = 2 ** windowBits;
  }

  get size(): number {
    return this.#size;
  }

  clear(): void {
    this.#size = 0;
    this.#writeOffset = 0;
  }

  append(source: Uint8Array, start: number, end: number): void {
    const from = Math.max(start, end - this.#maxSize);
    const count = end - from;
    this.#reserve(this.#size + count);
    const bytes = this.#bytes;
    const split = from + Math.min(count, bytes.length - this.#writeOffset);
    bytes.set(source.subarray(from, split), this.#writeOffset);
    if (split < end) bytes.set(source.subarray(split, end), 0);
    this.#writeOffset = (this.#writeOffset + count) & (bytes.length - 1);
    this.#size = Math.min(this.#size + count, this.#maxSize);
  }

  /** Copies the whole window to `target`, the oldest byte first. */
  copyTo(target: Uint8Array, offset: number): void {
    target.set(this.#bytes.subarray(this.#writeOffset, this.#size), offset);
    target.set(this.#bytes.subarray(0, this.#writeOffset), offset + this.#size - this.#writeOffset);
  }

  /**
   * Copies the part of a match that lies in the window (RFC 1951 3.2.3). This method can also overwrite up to 7 bytes
   * after the copied bytes.
   *
   * @param target - The memory of the output; `words` is a view of it.
   * @param at - Index in `target` of the first byte of the match. `matchEnd` is the index after its last byte.
   * @param distance - Distance of the match from the end of the window in bytes.
   * @returns The index after the copied bytes, or -1 if the distance exceeds the window.
   */
  copyMatch(target: Uint8Array, words: DataView, at: number, matchEnd: number, distance: number): number {
    if (distance > this.#size) return -1;
    const end = Math.min(matchEnd, at + distance);
    const bytes = this.#bytes;
    const source = this.#words;
    const mask = bytes.length - 1;
    let from = (this.#writeOffset - distance) & mask;
    let to = at;
    if (from + end - to + stride > bytes.length) {
      while (to < end) target[to++] = bytes[from++ & mask]!;
      return end;
    }
    for (; to < end; to += stride, from += stride) {
      words.setInt32(to, source.getInt32(from, true), true);
      words.setInt32(to + 4, source.getInt32(from + 4, true), true);
    }
    return end;
  }

  /**
   * Grows the memory to `size` bytes or more, but not beyond the window size. The oldest byte is at index 0, because
   * the window is not full yet.
   */
  #reserve(size: number): void {
    let capacity = Math.max(this.#bytes.length, firstCapacity);
    while (capacity < size) capacity *= 2;
    capacity = Math.min(capacity, this.#maxSize);
    if (capacity === this.#bytes.length) return;
    const grown = new Uint8Array(capacity);
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
    this.#words = new DataView(grown.buffer);
    this.#writeOffset = this.#size;
  }
}
