// Allocates and recycles the memory for frames to send, in segments of 64 KiB. After 1 MiB was sent, the pool switches
// to "wide memory": WebAssembly memory that is masked 16 bytes at a time. The pool does not know connections.
import { bufferView } from "./fast-buffer.js";
import { createWideMemory, type WideMask } from "./wide-mask.js";

/** Size of a segment in bytes. A write has this size by default, so that the progress of a slow peer is visible. */
export const segmentSize: number = 64 * 1024;

/** The pool keeps 16 free segments (1 MiB) for the next burst. All further free segments are garbage collected. */
const maxFreeSegments = 16;

/**
 * After this number of sent bytes, the pool allocates "wide memory": WebAssembly memory that is masked 16 bytes at a
 * time. The allocation takes 1.5 ms.
 */
const minSentForWideMask = 1024 * 1024;

/** A piece of contiguous memory for frames to send, filled from the front. */
export class Segment {
  readonly bytes: Buffer;
  /** The ArrayBuffer that contains `bytes`, and the offset of `bytes` in this ArrayBuffer. */
  readonly memory: ArrayBufferLike;
  readonly offset: number;
  /** View of `bytes` as 64-bit words, for masking. */
  readonly words: BigUint64Array;
  /** Masks bytes between two offsets in `memory`. `undefined` if the segment is not in wide memory. */
  readonly wideMask: WideMask | undefined;
  /** Start and end of the bytes to send, as offsets in `bytes`. */
  start = 0;
  end = 0;
  /** Offset of the first frame that starts in this segment. -1 if no frame starts here. */
  firstFrame = -1;
  /** Number of data messages that end in this segment. */
  messageCount = 0;
  /** Number of compressed messages that start in this segment. */
  compressedCount = 0;
  /** The next segment of the same chain. */
  next: Segment | undefined;
  /** Index of this segment in the wide memory of the pool. -1 for a segment with memory of its own. */
  readonly index: number;

  constructor(bytes: Buffer = Buffer.allocUnsafeSlow(segmentSize), wideMask?: WideMask, index: number = -1) {
    this.bytes = bytes;
    this.index = index;
    this.memory = bytes.buffer;
    this.offset = bytes.byteOffset;
    this.words = new BigUint64Array(bytes.buffer, bytes.byteOffset, segmentSize / 8);
    this.wideMask = wideMask;
  }

  /** Returns a view of the bytes from `start` to `end`. */
  view(start: number, end: number): Buffer {
    return bufferView(this.memory, this.offset + start, end - start);
  }

  /** Number of free bytes. */
  get freeSize(): number {
    return segmentSize - this.end;
  }

  /** Whether the bytes of `next` directly follow the bytes of this segment in memory. */
  isBefore(next: Segment): boolean {
    return this.end === segmentSize && next.start === 0 && this.index !== -1 && next.index === this.index + 1;
  }

  clear(): void {
    this.start = 0;
    this.end = 0;
    this.firstFrame = -1;
    this.messageCount = 0;
    this.compressedCount = 0;
  }
}

/** The segments that are not in use. */
export class SegmentPool {
  /**
   * The first `#freeCount` elements are the free segments. The array never shrinks, because V8 would often reallocate a
   * shrinking array.
   */
  readonly #free: Segment[] = [];
  #freeCount = 0;
  #sentSize = 0;
  /** All segments of the wide memory. While wide memory exists, the pool does not keep other segments. */
  #wide: readonly Segment[] | undefined;
  /** The free segments of the wide memory: the bit at the index of a free segment is 1. */
  #freeWide = 0;

  /**
   * @param previous - If the segment after `previous` in memory is free, that segment is returned. One write can then
   *   send both segments.
   */
  acquire(previous?: Segment): Segment {
    if (this.#freeCount > 0) return this.#free[--this.#freeCount]!;
    if (this.#wide === undefined || this.#freeWide === 0) return new Segment();
    const next = previous === undefined ? 0 : 1 << (previous.index + 1);
    // Returns the segment after `previous` if that segment is free. Otherwise returns the first free segment, which is
    // probably in the processor's cache.
    const bit = (this.#freeWide & next) === 0 ? this.#freeWide & -this.#freeWide : next;
    this.#freeWide &= ~bit;
    return this.#wide[31 - Math.clz32(bit)]!;
  }

  release(segment: Segment): void {
    if (this.#sentSize < minSentForWideMask) {
      this.#sentSize += segment.end - segment.start;
      if (this.#sentSize >= minSentForWideMask) this.#switchToWideMemory();
    }
    segment.clear();
    if (segment.index !== -1) this.#freeWide |= 1 << segment.index;
    else if (this.#wide === undefined && this.#freeCount < maxFreeSegments)
      this.#free[this.#freeCount++] = segment;
  }

  #switchToWideMemory(): void {
    const memory = createWideMemory(maxFreeSegments * segmentSize);
    if (memory === undefined) return;
    const { bytes, mask } = memory;
    this.#free.length = 0;
    this.#freeCount = 0;
    this.#freeWide = (1 << maxFreeSegments) - 1;
    this.#wide = Array.from(
      { length: maxFreeSegments },
      (_, index) => new Segment(Buffer.from(bytes, index * segmentSize, segmentSize), mask, index),
    );
  }
}
