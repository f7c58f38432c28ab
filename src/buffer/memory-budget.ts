// Counts the memory of buffered messages against a limit in bytes. It does not store messages.

/**
 * Number of buffered messages whose overhead is not counted. The overhead of further messages is counted, so that the
 * limit also applies to many tiny messages.
 */
const freeMessageCount = 1_000;
/** Memory in bytes of the objects that belong to one buffered message. */
const messageOverhead = 256;

export class MemoryBudget {
  readonly #maxBytes: number;
  #count = 0;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Number of buffered messages. */
  get count(): number {
    return this.#count;
  }

  #total(): number {
    return this.#bytes + Math.max(this.#count - freeMessageCount, 0) * messageOverhead;
  }

  /** True when the limit is reached. */
  get isFull(): boolean {
    return this.#total() >= this.#maxBytes;
  }

  /** True when at least a quarter of the limit is free. */
  get isBelowThreshold(): boolean {
    return this.#total() <= this.#maxBytes * 0.75;
  }

  add(bytes: number): void {
    this.#count++;
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    this.#count--;
    this.#bytes -= bytes;
  }
}
