import { describe, expect, it } from "vitest";
import { SegmentChain } from "../../protocol/segment-chain.js";
import { SegmentPool, segmentSize } from "../../protocol/segment-pool.js";

function newChain(): SegmentChain {
  return new SegmentChain(new SegmentPool());
}

describe("SegmentChain", () => {
  it("is empty at first", () => {
    const chain = newChain();
    expect([chain.isEmpty, chain.length, chain.first, chain.shift()]).toEqual([
      true,
      0,
      undefined,
      undefined,
    ]);
  });

  it("puts frames into one segment while they fit, to its last byte", () => {
    const chain = newChain();
    const segment = chain.beginFrame(10);
    segment.end = 10;
    expect(chain.beginFrame(segmentSize - 10)).toBe(segment);
    segment.end = segmentSize;
    expect(chain.beginFrame(1)).not.toBe(segment);
    expect(chain.length).toBe(2);
    expect(chain.first).toBe(segment);
  });

  it("returns an empty segment for a frame that fills a whole one", () => {
    const chain = newChain();
    chain.beginFrame(1).end = 1;
    expect(chain.beginFrame(segmentSize).freeSize).toBe(segmentSize);
  });

  it("sets firstFrame to the first frame that starts in a segment", () => {
    const chain = newChain();
    const first = chain.beginFrame(14);
    first.end = segmentSize;
    const second = chain.addSegment();
    expect([first.firstFrame, second.firstFrame]).toEqual([0, -1]);
    expect(chain.last).toBe(second);
    second.end = 700;
    chain.beginFrame(5).end += 5;
    expect(second.firstFrame).toBe(700);
    chain.beginFrame(5);
    expect(second.firstFrame).toBe(700);
  });

  it("returns its segments in order", () => {
    const chain = newChain();
    const segments = [chain.beginFrame(1), chain.addSegment(), chain.addSegment()];
    expect(segments.map(() => chain.shift())).toEqual(segments);
    expect(chain.isEmpty).toBe(true);
    expect(segments).not.toContain(chain.beginFrame(1));
  });

  it("returns contiguous segments together, up to the maximum size", () => {
    const pool = new SegmentPool();
    for (let left = 16; left > 0; left--) {
      const sent = pool.acquire();
      sent.end = segmentSize;
      pool.release(sent);
    }
    const chain = new SegmentChain(pool);
    const segments = Array.from({ length: 5 }, () => chain.addSegment());
    for (const segment of segments) segment.end = segmentSize;
    segments[0]!.start = 100;
    segments[4]!.end = 1;
    expect([stretch(chain, 0), stretch(chain, 3 * segmentSize - 1)]).toEqual([[100], [0, 0]]);
    expect([chain.length, chain.first]).toEqual([2, segments[3]]);
    expect(stretch(chain, 1e9)).toEqual([0, 0]);
    expect([chain.length, chain.isEmpty, chain.last, chain.shiftContiguous(1e9)]).toEqual([
      ...[0, true, undefined],
      undefined,
    ]);
  });

  /** Returns the start offsets of the segments that one call removes. */
  function stretch(chain: SegmentChain, maxSize: number): number[] {
    const starts: number[] = [];
    for (let segment = chain.shiftContiguous(maxSize); segment !== undefined; segment = segment.next)
      starts.push(segment.start);
    return starts;
  }

  it("does not refer to a removed segment that is appended to another chain", () => {
    const [one, other] = [newChain(), newChain()];
    const [first, second] = [one.beginFrame(1), one.addSegment()];
    one.shift();
    other.append(first);
    other.addSegment();
    expect([one.length, one.first, one.last]).toEqual([1, second, second]);
    expect([other.length, other.first]).toEqual([2, first]);
    one.shift();
    expect([one.isEmpty, one.last]).toEqual([true, undefined]);
  });

  it("accepts a filled segment, and counts only the bytes that are not sent", () => {
    const pool = new SegmentPool();
    const chain = new SegmentChain(pool);
    expect(chain.size).toBe(0);
    const filled = pool.acquire();
    filled.start = 10;
    filled.end = 100;
    chain.append(filled);
    expect([chain.first, chain.last, chain.size]).toEqual([filled, filled, 90]);
    chain.addSegment().end = 7;
    expect(chain.size).toBe(97);
  });
});
