// Lends one large buffer for a short time, to one user at a time. This module does not clear the buffer between two
// users.

/**
 * Smallest size in bytes for which the spare buffer is lent. Allocating a smaller buffer takes no longer than borrowing
 * the spare buffer.
 */
const minSize = 32 * 1024;

/**
 * One large buffer for temporary use. New memory would cause a page fault per 4 KiB, and a page fault takes longer than
 * copying 4 KiB.
 */
export class SpareBuffer {
  readonly #size: number;
  #buffer: Buffer | undefined;
  #isBorrowed = false;

  constructor(size: number) {
    this.#size = size;
  }

  /** Returns `undefined` if the buffer is in use, or if `size` is too small or too large. */
  borrow(size: number): Buffer | undefined {
    if (this.#isBorrowed || size < minSize || size > this.#size) return undefined;
    this.#isBorrowed = true;
    this.#buffer ??= Buffer.allocUnsafeSlow(this.#size);
    return this.#buffer;
  }

  /** @param buffer - The result of {@link borrow}. Any other buffer is ignored. */
  release(buffer: Buffer | undefined): void {
    if (buffer === this.#buffer) this.#isBorrowed = false;
  }
}
