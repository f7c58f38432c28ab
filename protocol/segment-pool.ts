import { BufferView } from "./buffer-view.js";
import { createWideMemory, type WideMask } from "./wide-mask.js";

/**
 * What one write hands to the kernel at the most, unless it is known to take more, so that a slow peer's progress
 * shows.
 */
export const segmentSize: number = 64 * 1024;

/** 1 MiB of memory is kept for the next burst; what a larger one needed goes back. */
const maxFreeSegments = 16;

/** So much a process sends before it is worth 1.5 ms to make memory that is masked faster. */
const minSentForWideMask = 1024 * 1024;

/** A stretch of bytes for the wire, filled from the front. */
export class Segment {
  readonly bytes: Buffer;
  /** The memory around them, and where they begin there. */
  readonly memory: ArrayBufferLike;
  readonly offset: number;
  /** The same memory by 64-bit words, which is how it is masked. */
  readonly words: BigUint64Array;
  /** Masks this memory faster than by words; positions count from the beginning of the memory around it. */
  readonly wideMask: WideMask | undefined;
  /** Where the bytes for the wire begin and end. */
  start = 0;
  end = 0;
  /** Where the first frame begins that does not continue from the segment before; -1 where none does. */
  firstFrame = -1;
  /** How many data messages end in it. */
  messageCount = 0;
  /** How many of the messages that begin in it are compressed. */
  compressedCount = 0;
  /** The next one of the chain that it is in. */
  next: Segment | undefined;
  /** Its place in the wide memory of its pool; -1 for memory of its own. */
  readonly index: number;

  constructor(bytes: Buffer = Buffer.allocUnsafeSlow(segmentSize), wideMask?: WideMask, index: number = -1) {
    this.bytes = bytes;
    this.index = index;
    this.memory = bytes.buffer;
    this.offset = bytes.byteOffset;
    this.words = new BigUint64Array(bytes.buffer, bytes.byteOffset, segmentSize / 8);
    this.wideMask = wideMask;
  }

  /** The bytes from `start` to `end`, where they lie. */
  view(start: number, end: number): Buffer {
    return new BufferView(this.memory, this.offset + start, end - start);
  }

  /** How many more bytes it takes. */
  get freeSize(): number {
    return segmentSize - this.end;
  }

  /** `true` where the bytes of `next` lie right behind those of this one. */
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

/** Segments that no connection needs just now. */
export class SegmentPool {
  readonly #free: Segment[] = [];
  /** One more of them: a list that is emptied and filled by turns makes room for sixteen each time. */
  #next: Segment | undefined;
  #sentSize = 0;
  /** Once there is wide memory, only its segments are kept. */
  #wide: readonly Segment[] | undefined;
  /** A bit for each of them that is free. */
  #freeWide = 0;

  /** @param before - The one that it is to stand behind, if that can be: the two may then leave in one write. */
  acquire(previous?: Segment): Segment {
    if (this.#wide === undefined) return this.#takeFree() ?? new Segment();
    if (this.#freeWide === 0) return new Segment();
    const next = previous === undefined ? 0 : 1 << (previous.index + 1);
    // Of the others the first, whose memory is in the cache.
    const bit = (this.#freeWide & next) === 0 ? this.#freeWide & -this.#freeWide : next;
    this.#freeWide &= ~bit;
    return this.#wide[31 - Math.clz32(bit)]!;
  }

  #takeFree(): Segment | undefined {
    const next = this.#next;
    if (next === undefined) return this.#free.pop();
    this.#next = undefined;
    return next;
  }

  release(segment: Segment): void {
    if (this.#sentSize < minSentForWideMask) this.#countSent(segment);
    if (segment.index !== -1) this.#freeWide |= 1 << segment.index;
    else if (this.#wide !== undefined) return;
    else if (this.#next === undefined) this.#next = segment;
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
    this.#next = undefined;
    this.#freeWide = (1 << maxFreeSegments) - 1;
    this.#wide = Array.from(
      { length: maxFreeSegments },
      (_, index) => new Segment(Buffer.from(bytes, index * segmentSize, segmentSize), mask, index),
    );
  }
}
