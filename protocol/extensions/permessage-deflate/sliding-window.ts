const firstCapacity = 1024;

/** The last bytes of a stream, as many as its window holds; takes memory as they come. */
export class SlidingWindow {
  readonly #maxSize: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #words: DataView = new DataView(this.#bytes.buffer);
  #size = 0;
  #next = 0;

  constructor(windowBits: number) {
    this.#maxSize = 2 ** windowBits;
  }

  get size(): number {
    return this.#size;
  }

  /** The bytes as they lie: a ring, as soon as its size is that of the window. A power of two in length, or none. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** The same memory as {@link bytes}. */
  get words(): DataView {
    return this.#words;
  }

  /** Where in {@link bytes} the next byte goes; the newest stands before it. */
  get next(): number {
    return this.#next;
  }

  clear(): void {
    this.#size = 0;
    this.#next = 0;
  }

  append(source: Uint8Array, start: number, end: number): void {
    const from = Math.max(start, end - this.#maxSize);
    const count = end - from;
    this.#reserve(this.#size + count);
    const bytes = this.#bytes;
    const split = from + Math.min(count, bytes.length - this.#next);
    bytes.set(source.subarray(from, split), this.#next);
    if (split < end) bytes.set(source.subarray(split, end), 0);
    this.#next = (this.#next + count) & (bytes.length - 1);
    this.#size = Math.min(this.#size + count, this.#maxSize);
  }

  /** Writes all of it, the oldest byte first. */
  copyTo(target: Uint8Array, offset: number): void {
    target.set(this.#bytes.subarray(this.#next, this.#size), offset);
    target.set(this.#bytes.subarray(0, this.#next), offset + this.#size - this.#next);
  }

  /** Nothing wraps before the capacity has reached its maximum: until then the bytes stand from 0 on. */
  #reserve(size: number): void {
    let capacity = Math.max(this.#bytes.length, firstCapacity);
    while (capacity < size) capacity *= 2;
    capacity = Math.min(capacity, this.#maxSize);
    if (capacity === this.#bytes.length) return;
    const grown = new Uint8Array(capacity);
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
    this.#words = new DataView(grown.buffer);
    this.#next = this.#size;
  }
}
