import { createWideMemory, type WideMask } from "./wide-mask.js";

/** What one write hands to the kernel at the most, so that a slow peer's progress shows. */
export const segmentSize: number = 64 * 1024;

/** 1 MiB of memory is kept for the next burst; what a larger one needed goes back. */
const maxFreeSegments = 16;

/** So much a process sends before it is worth 1.5 ms to make memory that is masked faster. */
const minSentForWideMask = 1024 * 1024;

/** A stretch of bytes for the wire, filled from the front. */
export class Segment {
  readonly bytes: Buffer;
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
  behind: Segment | undefined;

  constructor(bytes: Buffer = Buffer.allocUnsafeSlow(segmentSize), wideMask?: WideMask) {
    this.bytes = bytes;
    this.words = new BigUint64Array(bytes.buffer, bytes.byteOffset, segmentSize / 8);
    this.wideMask = wideMask;
  }

  /** How many more bytes it takes. */
  get room(): number {
    return segmentSize - this.end;
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
  #free: Segment[] = [];
  #sentSize = 0;
  /** Only segments of wide memory are kept. */
  #isWide = false;

  acquire(): Segment {
    return this.#free.pop() ?? new Segment();
  }

  release(segment: Segment): void {
    if (this.#sentSize < minSentForWideMask) this.#countSent(segment);
    if (this.#free.length === maxFreeSegments || (this.#isWide && segment.wideMask === undefined)) return;
    segment.clear();
    this.#free.push(segment);
  }

  #countSent({ start, end }: Segment): void {
    this.#sentSize += end - start;
    if (this.#sentSize >= minSentForWideMask) this.#widen();
  }

  #widen(): void {
    const memory = createWideMemory(maxFreeSegments * segmentSize);
    if (memory === undefined) return;
    this.#isWide = true;
    this.#free = Array.from(
      { length: maxFreeSegments },
      (_, index) => new Segment(Buffer.from(memory.bytes, index * segmentSize, segmentSize), memory.mask),
    );
  }
}
