// Collects the pieces of a payload that arrives in several reads or frames. It does not limit the size of the payload.
import { copyBytes } from "./copy-bytes.js";
import type { Resources } from "./resources.js";
import type { Segment } from "./segment-pool.js";

const minChunkSize = 1024;
const maxChunkSize = 64 * 1024;

/** Maximum memory in bytes that a payload may use in addition to twice its received bytes. */
const maxSpareSize = 64 * 1024;

/** The slab is for results that the application keeps. The segments and the spare buffer are for pieces. */
export type PayloadMemory = Pick<Resources, "slab" | "segments" | "spare">;

/**
 * Collects the pieces of a payload. The memory grows with the received bytes, not with the announced size. The memory
 * is at most twice the received bytes plus 64 KiB, even for small pieces.
 *
 * With `memory`, the pieces are collected in borrowed buffers. New memory would cause a page fault per 4 KiB, and a
 * page fault takes longer than copying 4 KiB.
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

  /**
   * Collects a payload of `size` bytes in the spare buffer, if the spare buffer is free. The payload can then be lent
   * without joining pieces. Must be called before {@link append}.
   */
  gatherInSpare(size: number): void {
    this.#spare = this.#memory?.spare.borrow(size);
    this.#chunk = this.#spare?.subarray(0, size);
  }

  /** @param totalSize - Size of the whole payload in bytes. Only given if {@link take} will be called. */
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
    if (totalSize !== undefined && totalSize <= 2 * received + maxSpareSize)
      return this.#switchToFinalBuffer(totalSize);
    this.#chunk = this.#nextChunk(received, wanted);
    return this.#chunk;
  }

  /** Allocates the buffer that {@link take} returns, so that the rest of the payload is copied only once. */
  #switchToFinalBuffer(size: number): Buffer {
    const used = this.#fullSize;
    const whole = this.#join(this.#allocate(size));
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

  /** Returns the payload in memory that is not borrowed, and clears this object. */
  take(): Buffer {
    const chunk = this.#chunk ?? emptyBuffer;
    const isWhole = this.#fullChunks.length === 0 && this.#used === chunk.length;
    const isOwn = isWhole && this.#borrowed.length === 0 && this.#spare === undefined;
    const whole = isOwn ? chunk : this.#join(this.#allocate(this.size));
    this.clear();
    return whole;
  }

  /**
   * Returns the payload as a view. The view is valid until {@link clear} is called.
   * @param scratch - Memory in which the pieces may be joined.
   */
  lend(scratch: Buffer): Buffer {
    if (this.#fullChunks.length === 0) return (this.#chunk ?? emptyBuffer).subarray(0, this.#used);
    const { size } = this;
    return this.#join(size <= scratch.length ? scratch.subarray(0, size) : Buffer.allocUnsafeSlow(size));
  }

  /** Returns the pieces of the payload as views. The views are valid until {@link clear} is called. */
  views(): Buffer[] {
    const last = this.#chunk?.subarray(0, this.#used);
    return last === undefined ? [...this.#fullChunks] : [...this.#fullChunks, last];
  }

  #join(target: Buffer): Buffer {
    let at = 0;
    for (const chunk of this.#fullChunks) at += chunk.copy(target, at);
    this.#chunk?.copy(target, at, 0, this.#used);
    return target;
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
