// A queue of segments with frames. It does not write the frames.
import type { Segment, SegmentPool } from "./segment-pool.js";

/**
 * Frames in sending order, in segments of shared memory. The segments form a linked list. An array would keep its
 * capacity while the connection is idle.
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

  /** Number of bytes to send in all segments of the chain. */
  get size(): number {
    let size = 0;
    for (let segment = this.#first; segment !== undefined; segment = segment.next)
      size += segment.end - segment.start;
    return size;
  }

  /** Returns the segment for the next frame. The segment has at least `size` contiguous free bytes. */
  beginFrame(size: number): Segment {
    let segment = this.#last;
    if (segment === undefined || segment.freeSize < size) segment = this.addSegment();
    if (segment.firstFrame === -1) segment.firstFrame = segment.end;
    return segment;
  }

  /** Appends an empty segment. A frame that has filled the previous segment can continue in the empty segment. */
  addSegment(): Segment {
    const segment = this.#pool.acquire(this.#last);
    this.append(segment);
    return segment;
  }

  /** The segment in which the last frame ends. */
  get last(): Segment | undefined {
    return this.#last;
  }

  /** @param segment - May already contain frames. Must not be part of another chain. */
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
   * Removes the first segment and the segments that directly follow it in memory. Returns the first segment. The
   * removed segments stay linked.
   * @param maxSize - Maximum size in bytes of all removed segments. A larger first segment is removed alone.
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
