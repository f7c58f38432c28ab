const minChunkSize = 1024;
const maxChunkSize = 64 * 1024;

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

  append(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      const chunk = this.#chunkWithRoom(end - at);
      const size = Math.min(end - at, chunk.length - this.#used);
      chunk.set(bytes.subarray(at, at + size), this.#used);
      this.#used += size;
      at += size;
    }
  }

  #chunkWithRoom(wanted: number): Buffer {
    let chunk = this.#chunk;
    if (chunk !== undefined) {
      if (this.#used < chunk.length) return chunk;
      this.#full.push(chunk);
      this.#fullSize += chunk.length;
      this.#used = 0;
    }
    const size = Math.min(Math.max(this.#fullSize, minChunkSize), maxChunkSize);
    chunk = Buffer.allocUnsafeSlow(Math.max(size, wanted));
    this.#chunk = chunk;
    return chunk;
  }

  /** All that was gathered in one buffer of its own, and starts anew. */
  take(): Buffer {
    const joined = Buffer.allocUnsafeSlow(this.size);
    let at = 0;
    for (const chunk of this.#full) at += chunk.copy(joined, at);
    this.#chunk?.copy(joined, at, 0, this.#used);
    this.clear();
    return joined;
  }

  clear(): void {
    this.#full.length = 0;
    this.#fullSize = 0;
    this.#chunk = undefined;
    this.#used = 0;
  }
}
