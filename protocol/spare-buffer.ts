/** What is smaller costs no more in memory of its own. */
const minSize = 32 * 1024;

/**
 * One large buffer that is kept for whoever needs such for a while: fresh memory from the system costs a page fault
 * for each 4 KiB, which is more than to copy them.
 */
export class SpareBuffer {
  readonly #size: number;
  #free: Buffer | undefined;
  #isBorrowed = false;

  constructor(size: number) {
    this.#size = size;
  }

  /** `undefined` where it is in use, too small, or more than is needed. */
  borrow(size: number): Buffer | undefined {
    if (this.#isBorrowed || size < minSize || size > this.#size) return undefined;
    this.#isBorrowed = true;
    this.#free ??= Buffer.allocUnsafeSlow(this.#size);
    return this.#free;
  }

  /** @param buffer - What {@link borrow} gave. */
  release(buffer: Buffer | undefined): void {
    if (buffer !== undefined) this.#isBorrowed = false;
  }
}
