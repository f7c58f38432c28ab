/** What one write hands to the kernel at the most, so that a slow peer's progress shows. */
export const segmentSize: number = 64 * 1024;

/** 1 MiB of memory is kept for the next burst; what a larger one needed goes back. */
const maxFreeSegments = 16;

/** A stretch of bytes for the wire, filled from the front. */
export class Segment {
  readonly bytes: Buffer = Buffer.allocUnsafeSlow(segmentSize);
  /** The same memory by 64-bit words, which is how it is masked. */
  readonly words: BigUint64Array = new BigUint64Array(
    this.bytes.buffer,
    this.bytes.byteOffset,
    segmentSize / 8,
  );
  /** Where the bytes for the wire begin and end. */
  start = 0;
  end = 0;
  /** Where the first frame begins that does not continue from the segment before; -1 where none does. */
  firstFrame = -1;
  /** How many data messages end in it. */
  messageCount = 0;
  /** How many of the messages that begin in it are compressed. */
  compressedCount = 0;

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
  readonly #free: Segment[] = [];

  acquire(): Segment {
    return this.#free.pop() ?? new Segment();
  }

  release(segment: Segment): void {
    if (this.#free.length === maxFreeSegments) return;
    segment.clear();
    this.#free.push(segment);
  }
}
