// Allocates memory for received messages that the application may keep. The memory is freed by garbage collection.
import { Buffer } from "node:buffer";
import { BufferView } from "./buffer-view.js";
import { copyBytes } from "./copy-bytes.js";

const slabSize = 8 * 1024;

/** Copies of at least this number of bytes get a buffer of their own. */
const minOwnSize = slabSize / 2;

/** Range of sizes, in bytes, of which the newest buffer is kept. */
const minRetainedSize = 64 * 1024;
const maxRetainedSize = 4 * 1024 * 1024;

/** The memory of the last source is cached up to this size in bytes, which is the size of one read. */
const maxSourceSize = 1024 * 1024;

/**
 * Small copies share a slab, so that a copy keeps at most 8 KiB of other memory alive. Node's own pool works in the
 * same way, but its slabs are larger in newer versions: 64 KiB since Node 24.
 *
 * `buffer.subarray` and `buffer.copy` read the property `buffer`, which is a call into the runtime. This class reads it
 * once per slab and once per source.
 */
export class Slab {
  #bytes: Buffer | undefined;
  #memory: ArrayBufferLike = noBytes.buffer;
  #used = 0;
  /** The buffer from which the last copy was made. */
  #source: Buffer = noBytes;
  #sourceMemory: ArrayBufferLike = noBytes.buffer;
  #sourceOffset = 0;
  /**
   * Keeps the newest large buffer alive. V8 collects garbage when it is about to allocate another large buffer. If all
   * large buffers were garbage at that time, their memory would be returned to the operating system and requested
   * again, at the cost of a page fault per 4 KiB. While one of them is alive, the memory of the others is reused. This
   * halves the time for messages of 1 MiB.
   */
  readonly #newestLarge: Buffer[] = [];

  copy(source: Buffer, start: number, end: number): Buffer {
    const target = this.allocate(end - start);
    copyBytes(target, this.view(source, start, end), 0);
    return target;
  }

  /** Returns a view of the bytes of `source` from `start` to `end`. */
  view(source: Buffer, start: number, end: number): Uint8Array {
    if (source !== this.#source && !this.#cacheSource(source))
      return new Uint8Array(source.buffer, source.byteOffset + start, end - start);
    return new Uint8Array(this.#sourceMemory, this.#sourceOffset + start, end - start);
  }

  /** @returns `false` if the memory of `source` is too large to keep a reference to it. */
  #cacheSource(source: Buffer): boolean {
    const memory = source.buffer;
    if (memory.byteLength > maxSourceSize) return false;
    this.#source = source;
    this.#sourceMemory = memory;
    this.#sourceOffset = source.byteOffset;
    return true;
  }

  allocate(size: number): Buffer {
    if (size >= minOwnSize) return this.#allocateOwn(size);
    if (this.#bytes === undefined || this.#used + size > slabSize) {
      this.#bytes = Buffer.allocUnsafeSlow(slabSize);
      this.#memory = this.#bytes.buffer;
      this.#used = 0;
    }
    const start = this.#used;
    this.#used = start + size;
    return new BufferView(this.#memory, start, size);
  }

  #allocateOwn(size: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(size);
    if (size >= minRetainedSize && size <= maxRetainedSize) this.#newestLarge[0] = bytes;
    return bytes;
  }
}

const noBytes: Buffer = Buffer.alloc(0);
