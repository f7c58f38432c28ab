// Allocates memory for received messages that the application may keep. Garbage collection frees this memory.
import { Buffer } from "node:buffer";
import { bufferView } from "./fast-buffer.js";
import { copyBytes } from "./copy-bytes.js";

const slabSize = 8 * 1024;

/** Minimum size in bytes of a copy that gets an ArrayBuffer of its own. */
const minOwnSize = slabSize / 2;

/** The slab keeps a reference to the newest buffer whose size in bytes is in this range. */
const minRetainedSize = 64 * 1024;
const maxRetainedSize = 4 * 1024 * 1024;

/** A source is cached only if its ArrayBuffer has at most this size in bytes: the cache keeps the ArrayBuffer alive. */
const maxSourceSize = 1024 * 1024;

/**
 * Allocates small copies in slabs of 8 KiB, so that a copy keeps at most 8 KiB of other memory alive. Node's own pool
 * works in the same way, but since Node 24 its slabs have 64 KiB.
 *
 * Each call of `buffer.subarray` or `buffer.copy` reads the property `buffer`, which is a slow call into the runtime of
 * V8. This class reads the property only once per slab and once per source.
 */
export class Slab {
  #memory: ArrayBufferLike = noBytes.buffer;
  /** Offset of the free memory in the slab. Its initial value makes the first call allocate a slab. */
  #used = slabSize + 1;
  /** The buffer from which the last copy was made. */
  #source: Buffer = noBytes;
  #sourceMemory: ArrayBufferLike = noBytes.buffer;
  #sourceOffset = 0;
  /**
   * Keeps the newest large buffer alive. This halves the time for messages of 1 MiB. While one large buffer is alive,
   * the memory of garbage-collected large buffers is reused. Without a living large buffer, this memory returns to the
   * operating system. Requesting the memory again costs a page fault per 4 KiB.
   */
  readonly #newestLarge: Buffer[] = [];

  copy(source: Buffer, start: number, end: number): Buffer {
    const target = this.allocate(end - start);
    copyBytes(target, this.view(source, start, end), 0);
    return target;
  }

  /** Returns a view of the bytes of `source` from `start` to `end`. */
  view(source: Buffer, start: number, end: number): Uint8Array {
    if (source !== this.#source) {
      const { buffer, byteOffset } = source;
      if (buffer.byteLength > maxSourceSize) return new Uint8Array(buffer, byteOffset + start, end - start);
      this.#source = source;
      this.#sourceMemory = buffer;
      this.#sourceOffset = byteOffset;
    }
    return new Uint8Array(this.#sourceMemory, this.#sourceOffset + start, end - start);
  }

  allocate(size: number): Buffer {
    if (size >= minOwnSize) {
      const bytes = Buffer.allocUnsafeSlow(size);
      if (size >= minRetainedSize && size <= maxRetainedSize) this.#newestLarge[0] = bytes;
      return bytes;
    }
    if (this.#used + size > slabSize) {
      this.#memory = Buffer.allocUnsafeSlow(slabSize).buffer;
      this.#used = 0;
    }
    const start = this.#used;
    this.#used = start + size;
    return bufferView(this.#memory, start, size);
  }
}

const noBytes: Buffer = Buffer.alloc(0);
