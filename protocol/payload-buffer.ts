import { copyBytes } from "./copy-bytes.js";
import type { Segment, SegmentPool } from "./segment-pool.js";
import type { Slab } from "./slab.js";
import type { SpareBuffer } from "./spare-buffer.js";

const minChunkSize = 1024;
const maxChunkSize = 64 * 1024;

/** What a message may have reserved beyond twice the bytes that are here of it. */
const maxSpareSize = 64 * 1024;

export interface PayloadMemory {
  /** For what users keep. */
  readonly slab: Slab;
  /** For what is given back. */
  readonly segments: SegmentPool;
  /** The same, in one piece, for one at a time. */
  readonly spare: SpareBuffer;
}

/**
 * Gathers the pieces of a payload. Memory follows what has come, not what was announced: it is never more
 * than twice the bytes received and 64 KiB, and a thousand tiny pieces cost no more than their bytes.
 *
 * Where it is given memory it gathers in what is borrowed: what is fresh from the system costs a page fault for each
 * 4 KiB, which takes longer than to copy them.
 */
export class PayloadBuffer {
  readonly #memory: PayloadMemory | undefined;
  readonly #fullChunks: Buffer[] = [];
  readonly #borrowed: Segment[] = [];
  #spare: Buffer | undefined;
  #chunk: Buffer | undefined;
  #used = 0;
  #fullSize = 0;

  constructor(memory?: PayloadMemory) {
    this.#memory = memory;
  }

  get size(): number {
    return this.#fullSize + this.#used;
  }

  /** Gathers a payload of this size where it can be lent in one piece, if such memory is free. To be called first. */
  gatherInSpare(size: number): void {
    this.#spare = this.#memory?.spare.borrow(size);
    this.#chunk = this.#spare?.subarray(0, size);
  }

  /** @param totalSize - Of the whole payload, where that is known and {@link take} is to give it. */
  append(bytes: Uint8Array, start: number, end: number, totalSize?: number): void {
    let at = start;
    while (at < end) {
      const chunk = this.#chunkWithSpace(end - at, totalSize);
      const size = Math.min(end - at, chunk.length - this.#used);
      copyBytes(chunk, size === bytes.length ? bytes : bytes.subarray(at, at + size), this.#used);
      this.#used += size;
      at += size;
    }
  }

  #chunkWithSpace(wanted: number, totalSize: number | undefined): Buffer {
    if (this.#chunk !== undefined) {
      if (this.#used < this.#chunk.length) return this.#chunk;
      this.#fullChunks.push(this.#chunk);
      this.#fullSize += this.#chunk.length;
      this.#used = 0;
    }
    const received = this.#fullSize + wanted;
    if (totalSize !== undefined && totalSize <= 2 * received + maxSpareSize) return this.#switchToFinalBuffer(totalSize);
    this.#chunk = this.#nextChunk(received, wanted);
    return this.#chunk;
  }

  /** The rest is written to where it stays. */
  #switchToFinalBuffer(size: number): Buffer {
    const whole = this.#allocate(size);
    const used = this.#copyFull(whole);
    this.clear();
    this.#used = used;
    this.#chunk = whole;
    return whole;
  }

  #allocate(size: number): Buffer {
    return this.#memory?.slab.allocate(size) ?? Buffer.allocUnsafeSlow(size);
  }

  #nextChunk(received: number, wanted: number): Buffer {
    if (this.#memory === undefined || received < minChunkSize) {
      const growth = Math.min(Math.max(this.#fullSize, minChunkSize), maxChunkSize);
      return Buffer.allocUnsafeSlow(Math.max(growth, Math.min(wanted, maxChunkSize)));
    }
    const segment = this.#memory.segments.acquire();
    this.#borrowed.push(segment);
    return segment.bytes;
  }

  /** All that was gathered, in a buffer of its own, and starts anew. */
  take(): Buffer {
    const chunk = this.#chunk ?? emptyBuffer;
    const isWhole = this.#fullChunks.length === 0 && this.#used === chunk.length;
    const isOwn = isWhole && this.#borrowed.length === 0 && this.#spare === undefined;
    const whole = isOwn ? chunk : this.#join(this.#allocate(this.size));
    this.clear();
    return whole;
  }

  /**
   * All that was gathered, not to be used behind {@link clear}.
   * @param scratch - Where it may be put together.
   */
  lend(scratch: Buffer): Buffer {
    if (this.#fullChunks.length === 0) return (this.#chunk ?? emptyBuffer).subarray(0, this.#used);
    const { size } = this;
    return this.#join(size <= scratch.length ? scratch.subarray(0, size) : Buffer.allocUnsafeSlow(size));
  }

  /** All that was gathered, piece by piece where it lies, not to be used after {@link clear}. */
  views(): Buffer[] {
    const last = this.#chunk?.subarray(0, this.#used);
    return last === undefined ? [...this.#fullChunks] : [...this.#fullChunks, last];
  }

  #join(target: Buffer): Buffer {
    const at = this.#copyFull(target);
    this.#chunk?.copy(target, at, 0, this.#used);
    return target;
  }

  #copyFull(target: Buffer): number {
    let at = 0;
    for (const fullChunks of this.#fullChunks) at += fullChunks.copy(target, at);
    return at;
  }

  clear(): void {
    this.#fullChunks.length = 0;
    this.#fullSize = 0;
    this.#chunk = undefined;
    this.#used = 0;
    this.#memory?.spare.release(this.#spare);
    this.#spare = undefined;
    for (const segment of this.#borrowed.splice(0)) this.#memory!.segments.release(segment);
  }
}

const emptyBuffer: Buffer = Buffer.alloc(0);
