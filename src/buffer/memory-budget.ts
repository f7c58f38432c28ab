/** Held messages beyond this count for more than their bytes, so that a flood of tiny ones is bounded too. */
const freeMessageCount = 1_000;
/** Bytes that the objects around a held message take. */
const messageOverhead = 256;

/** Counts the memory of held messages against a bound in bytes. It holds no message itself. */
export class MemoryBudget {
  readonly #maxBytes: number;
  #count = 0;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** How many messages are held. */
  get count(): number {
    return this.#count;
  }

  #total(): number {
    return this.#bytes + Math.max(this.#count - freeMessageCount, 0) * messageOverhead;
  }

  /** The bound is met. */
  get isFull(): boolean {
    return this.#total() >= this.#maxBytes;
  }

  /** A quarter of the bound is free. */
  get isBelowThreshold(): boolean {
    return this.#total() <= this.#maxBytes * 0.75;
  }

  add(bytes: number): void {
    this.#count++;
    this.#bytes += bytes;
  }

  remove(bytes: number, count: number = 1): void {
    this.#count -= count;
    this.#bytes -= bytes;
  }
}
