// The window of DEFLATE: a buffer of the last bytes of a stream. It allocates memory as the stream grows.

const firstCapacity = 1024;

/** The last bytes of a stream, up to the window size. */
export class SlidingWindow {
  readonly #maxSize: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #words: DataView = new DataView(this.#bytes.buffer);
  #size = 0;
  #writeOffset = 0;

  constructor(windowBits: number) {
    this.#maxSize = 2 ** windowBits;
  }

  get size(): number {
    return this.#size;
  }

  /** The memory of the window, a ring buffer once the window is full. Its length is 0 or a power of two. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** The same memory as {@link bytes}. */
  get words(): DataView {
    return this.#words;
  }

  /** Index in {@link bytes} at which the next byte is written. The newest byte is at the index before it. */
  get writeOffset(): number {
    return this.#writeOffset;
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

  /** Grows the memory. The bytes start at index 0 until the capacity reaches the window size; only then they wrap. */
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
