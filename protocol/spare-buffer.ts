// Lends one large buffer for a short time, to one user at a time.

/** Minimum size in bytes of a request: allocating a smaller buffer is not slower than borrowing. */
const minSize = 32 * 1024;

/**
 * One large buffer for temporary use. Freshly allocated memory would cause a page fault per 4 KiB, which takes longer
 * than copying 4 KiB.
 */
export class SpareBuffer {
  readonly #size: number;
  #free: Buffer | undefined;
  #isBorrowed = false;

  constructor(size: number) {
    this.#size = size;
  }

  /** Returns `undefined` if the buffer is in use, or if `size` is too small or too large. */
  borrow(size: number): Buffer | undefined {
    if (this.#isBorrowed || size < minSize || size > this.#size) return undefined;
    this.#isBorrowed = true;
    this.#free ??= Buffer.allocUnsafeSlow(this.#size);
    return this.#free;
  }

  /** @param buffer - The result of {@link borrow}. */
  release(buffer: Buffer | undefined): void {
    if (buffer !== undefined) this.#isBorrowed = false;
  }
}
