import type { Segment, SegmentPool } from "./segment-pool.js";

/**
 * Frames in the order in which they leave, in segments of shared memory. Each segment knows the one behind it: a list
 * of them would keep its room for more while its connection is idle.
 */
export class SegmentChain {
  readonly #pool: SegmentPool;
  #first: Segment | undefined;
  #last: Segment | undefined;
  #length = 0;

  constructor(pool: SegmentPool) {
    this.#pool = pool;
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  get length(): number {
    return this.#length;
  }

  get first(): Segment | undefined {
    return this.#first;
  }

  /** The bytes of all its frames that have not left. */
  get size(): number {
    let size = 0;
    for (let segment = this.#first; segment !== undefined; segment = segment.next)
      size += segment.end - segment.start;
    return size;
  }

  /** The segment that the next frame goes into, with room for `size` bytes in one stretch. */
  beginFrame(size: number): Segment {
    let segment = this.#last;
    if (segment === undefined || segment.freeSize < size) segment = this.addSegment();
    if (segment.firstFrame === -1) segment.firstFrame = segment.end;
    return segment;
  }

  /** A new segment at the end, for a frame that fills the one before. */
  addSegment(): Segment {
    const segment = this.#pool.acquire(this.#last);
    this.append(segment);
    return segment;
  }

  /** The segment that the frame written last ends in. */
  get last(): Segment | undefined {
    return this.#last;
  }

  /** A segment that is filled already, and in no other chain. */
  append(segment: Segment): void {
    if (this.#last === undefined) this.#first = segment;
    else this.#last.next = segment;
    this.#last = segment;
    this.#length++;
  }

  shift(): Segment | undefined {
    return this.shiftContiguous(0);
  }

  /**
   * Takes out the first one, and with it those behind it whose bytes lie in one stretch, up to `maxSize` in all. They
   * stay linked.
   */
  shiftContiguous(maxSize: number): Segment | undefined {
    const first = this.#first;
    if (first === undefined) return undefined;
    let last = first;
    let size = first.end - first.start;
    this.#length--;
    for (let next = last.next; next !== undefined && last.isBefore(next); next = last.next) {
      size += next.end;
      if (size > maxSize) break;
      last = next;
      this.#length--;
    }
    this.#first = last.next;
    if (this.#first === undefined) this.#last = undefined;
    last.next = undefined;
    return first;
  }
}
