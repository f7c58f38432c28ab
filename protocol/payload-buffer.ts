const minChunkSize = 1024;

/** What may be taken beyond the bytes received. */
const maxSpareSize = 64 * 1024;

/** So many times what is here of a payload may be reserved for the rest. */
const maxGrowth = 16;

/** The most that a kept payload pins beside itself. */
const maxPinnedSize = 8 * 1024;

/**
 * Gathers the pieces of a payload. Memory follows what has come, not what was announced: it is never more
 * than twice the bytes received and 64 KiB, and a thousand tiny pieces cost no more than their bytes.
 */
export class PayloadBuffer {
  readonly #full: Buffer[] = [];
  #chunk: Buffer | undefined;
  #used = 0;
  #fullSize = 0;

  get size(): number {
    return this.#fullSize + this.#used;
  }

  /** @param expectedSize - Of the whole payload, where that is known: then it is gathered in one piece if memory allows. */
  append(bytes: Uint8Array, start: number, end: number, expectedSize?: number): void {
    let at = start;
    while (at < end) {
      const chunk = this.#chunkWithRoom(end - at, expectedSize);
      const size = Math.min(end - at, chunk.length - this.#used);
      chunk.set(bytes.subarray(at, at + size), this.#used);
      this.#used += size;
      at += size;
    }
  }

  #chunkWithRoom(wanted: number, expectedSize: number | undefined): Buffer {
    let chunk = this.#chunk;
    if (chunk !== undefined) {
      if (this.#used < chunk.length) return chunk;
      this.#full.push(chunk);
      this.#fullSize += chunk.length;
      this.#used = 0;
    }
    const received = this.#fullSize + wanted;
    if (expectedSize !== undefined && this.#fullSize + expectedSize <= 2 * received + maxSpareSize)
      return this.#makeWhole(expectedSize);
    const guess = Math.max(received * maxGrowth, minChunkSize);
    const capacity = Math.min(expectedSize ?? Infinity, guess, received + maxSpareSize);
    chunk = Buffer.allocUnsafeSlow(capacity - this.#fullSize);
    this.#chunk = chunk;
    return chunk;
  }

  /** What is here moves to where the whole payload has room, so that it need not be joined. */
  #makeWhole(size: number): Buffer {
    const whole = Buffer.allocUnsafeSlow(size);
    this.#used = this.#copyFull(whole);
    this.#full.length = 0;
    this.#fullSize = 0;
    this.#chunk = whole;
    return whole;
  }

  /** All that was gathered, in a buffer that nobody else writes to, and starts anew. */
  take(): Buffer {
    return this.#end(maxPinnedSize);
  }

  /** As {@link take}, for one who keeps it no longer than a call. */
  takeForNow(): Buffer {
    return this.#end(Infinity);
  }

  /** @param maxSpare - The unused bytes that what is given may hold on to. */
  #end(maxSpare: number): Buffer {
    const chunk = this.#chunk ?? empty;
    const isOne = this.#full.length === 0 && chunk.length - this.#used <= maxSpare;
    const whole = isOne ? chunk.subarray(0, this.#used) : this.#join(chunk);
    this.clear();
    return whole;
  }

  #join(chunk: Buffer): Buffer {
    const joined = Buffer.allocUnsafeSlow(this.size);
    chunk.copy(joined, this.#copyFull(joined), 0, this.#used);
    return joined;
  }

  #copyFull(target: Buffer): number {
    let at = 0;
    for (const full of this.#full) at += full.copy(target, at);
    return at;
  }

  clear(): void {
    this.#full.length = 0;
    this.#fullSize = 0;
    this.#chunk = undefined;
    this.#used = 0;
  }
}

const empty: Buffer = Buffer.alloc(0);
