import { Buffer } from "node:buffer";
import { BufferView } from "./buffer-view.js";
import { copyBytes } from "./copy-bytes.js";

const slabSize = 8 * 1024;

/** From this size on a copy has memory of its own. */
const minOwnSize = slabSize / 2;

/** The sizes of which the newest is held. */
const minRetainedSize = 64 * 1024;
const maxRetainedSize = 4 * 1024 * 1024;

/** The memory of the last source is held, up to the size of a read. */
const maxSourceSize = 1024 * 1024;

/**
 * Memory for copies that somebody may keep: small ones share a slab, so a copy never pins more than 8 KiB beside
 * itself. Node's own pool does the same, but is larger in newer versions: 64 KiB from Node 24 on.
 *
 * `subarray` and `copy` of a buffer ask it for its memory, which is a call of the runtime. Here that is asked once
 * for each slab, and once for each source.
 */
export class Slab {
  #bytes: Buffer | undefined;
  #memory: ArrayBufferLike = noBytes.buffer;
  #used = 0;
  /** What was copied from last. */
  #source: Buffer = noBytes;
  #sourceMemory: ArrayBufferLike = noBytes.buffer;
  #sourceOffset = 0;
  /**
   * The newest of the large ones. V8 collects when it is about to allocate one more: were all of them garbage then,
   * the system would get their memory back and give it anew, a page fault for each 4 KiB. With one that still stands
   * they are used again, which makes messages of 1 MiB take half of the time.
   */
  readonly #newestLarge: Buffer[] = [];

  copy(source: Buffer, start: number, end: number): Buffer {
    const target = this.allocate(end - start);
    copyBytes(target, this.view(source, start, end), 0);
    return target;
  }

  /** The bytes of a source where they lie. */
  view(source: Buffer, start: number, end: number): Uint8Array {
    if (source !== this.#source && !this.#cacheSource(source))
      return new Uint8Array(source.buffer, source.byteOffset + start, end - start);
    return new Uint8Array(this.#sourceMemory, this.#sourceOffset + start, end - start);
  }

  /** `false` where it is too large to be held on to. */
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
