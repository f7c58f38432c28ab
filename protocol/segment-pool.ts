// Allocates and recycles the memory for frames to send, in segments of 64 KiB. Once much data was sent, it switches to
// "wide memory": WebAssembly memory that is masked 16 bytes at a time. It does not know connections.
import { BufferView } from "./buffer-view.js";
import { createWideMemory, type WideMask } from "./wide-mask.js";

/**
 * Size of a segment in bytes. It is also the default maximum of one write, so that the progress of a slow peer is
 * visible.
 */
export const segmentSize: number = 64 * 1024;

/** The pool keeps 16 free segments (1 MiB) for the next burst. Further segments are garbage collected. */
const maxFreeSegments = 16;

/** Number of sent bytes after which allocating the memory with faster masking, which takes 1.5 ms, pays off. */
const minSentForWideMask = 1024 * 1024;

/** A piece of contiguous memory for frames to send, filled from the front. */
export class Segment {
  readonly bytes: Buffer;
  /** The ArrayBuffer that contains `bytes`, and the offset of `bytes` in it. */
  readonly memory: ArrayBufferLike;
  readonly offset: number;
  /** View of the same memory as 64-bit words, for masking. */
  readonly words: BigUint64Array;
  /** Masks this memory faster than word by word. Its positions are offsets in `memory`. */
  readonly wideMask: WideMask | undefined;
  /** Start and end of the bytes to send. */
  start = 0;
  end = 0;
  /** Offset of the first frame that starts in this segment; -1 if none does. */
  firstFrame = -1;
  /** Number of data messages that end in this segment. */
  messageCount = 0;
  /** Number of compressed messages that start in this segment. */
  compressedCount = 0;
  /** The next segment of the same chain. */
  next: Segment | undefined;
  /** Index in the pool's wide memory; -1 for a segment with its own memory. */
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
    return new BufferView(this.memory, this.offset + start, end - start);
  }

  /** Number of free bytes. */
  get freeSize(): number {
    return segmentSize - this.end;
  }

  /** Whether the bytes of `next` directly follow those of this segment in memory. */
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
  readonly #free: Segment[] = [];
  /**
   * One free segment outside of the array. Emptying and refilling the array would allocate capacity for 16 each time.
   */
  #extraFree: Segment | undefined;
  #sentSize = 0;
  /** All segments of the wide memory. Once it exists, other segments are not kept. */
  #wide: readonly Segment[] | undefined;
  /** Bit set of the free segments of the wide memory. */
  #freeWide = 0;

  /**
   * @param previous - If the segment that follows `previous` in memory is free, it is returned. Both can then be sent
   *   by one write.
   */
  acquire(previous?: Segment): Segment {
    if (this.#wide === undefined) return this.#takeFree() ?? new Segment();
    if (this.#freeWide === 0) return new Segment();
    const next = previous === undefined ? 0 : 1 << (previous.index + 1);
    // Otherwise the first free segment is used, because its memory is probably in the cache.
    const bit = (this.#freeWide & next) === 0 ? this.#freeWide & -this.#freeWide : next;
    this.#freeWide &= ~bit;
    return this.#wide[31 - Math.clz32(bit)]!;
  }

  #takeFree(): Segment | undefined {
    const segment = this.#extraFree;
    if (segment === undefined) return this.#free.pop();
    this.#extraFree = undefined;
    return segment;
  }

  release(segment: Segment): void {
    if (this.#sentSize < minSentForWideMask) this.#countSent(segment);
    if (segment.index !== -1) this.#freeWide |= 1 << segment.index;
    else if (this.#wide !== undefined) return;
    else if (this.#extraFree === undefined) this.#extraFree = segment;
    else if (this.#free.length < maxFreeSegments - 1) this.#free.push(segment);
    else return;
    segment.clear();
  }

  #countSent({ start, end }: Segment): void {
    this.#sentSize += end - start;
    if (this.#sentSize >= minSentForWideMask) this.#switchToWideMemory();
  }

  #switchToWideMemory(): void {
    const memory = createWideMemory(maxFreeSegments * segmentSize);
    if (memory === undefined) return;
    const { bytes, mask } = memory;
    this.#free.length = 0;
    this.#extraFree = undefined;
    this.#freeWide = (1 << maxFreeSegments) - 1;
    this.#wide = Array.from(
      { length: maxFreeSegments },
      (_, index) => new Segment(Buffer.from(bytes, index * segmentSize, segmentSize), mask, index),
    );
  }
}
