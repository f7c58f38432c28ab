import type { Segment, SegmentPool } from "./segment-pool.js";

/** Frames in the order in which they leave, in segments of shared memory. */
export class SegmentChain {
  readonly #pool: SegmentPool;
  readonly #segments: Segment[] = [];

  constructor(pool: SegmentPool) {
    this.#pool = pool;
  }

  get isEmpty(): boolean {
    return this.#segments.length === 0;
  }

  get length(): number {
    return this.#segments.length;
  }

  get first(): Segment | undefined {
    return this.#segments[0];
  }

  /** The bytes of all its frames that have not left. */
  get size(): number {
    return this.#segments.reduce((size, { start, end }) => size + end - start, 0);
  }

  /** The segment that the next frame goes into, with room for `size` bytes in one stretch. */
  beginFrame(size: number): Segment {
    let segment = this.last;
    if (segment === undefined || segment.room < size) segment = this.continueFrame();
    if (segment.firstFrame === -1) segment.firstFrame = segment.end;
    return segment;
  }

  /** A new segment at the end, for a frame that fills the one before. */
  continueFrame(): Segment {
    const segment = this.#pool.acquire();
    this.#segments.push(segment);
    return segment;
  }

  /** The segment that the frame written last ends in. */
  get last(): Segment | undefined {
    return this.#segments[this.#segments.length - 1];
  }

  /** A segment that is filled already. */
  append(segment: Segment): void {
    this.#segments.push(segment);
  }

  shift(): Segment | undefined {
    return this.#segments.shift();
  }
}
