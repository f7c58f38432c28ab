import { describe, expect, it } from "vitest";
import { Segment, SegmentPool, segmentSize } from "../../protocol/segment-pool.js";

describe("Segment", () => {
  it("begins empty, with the same memory as bytes and as words", () => {
    const segment = new Segment();
    expect([segment.start, segment.end, segment.firstFrame, segment.room]).toEqual([0, 0, -1, segmentSize]);
    segment.bytes.fill(0);
    segment.bytes[8] = 1;
    segment.bytes[segmentSize - 1] = 0x80;
    const written = [...segment.words.keys()].filter((index) => segment.words[index] !== 0n);
    expect([segment.words.length, written]).toEqual([8192, [1, 8191]]);
    segment.end = 100;
    expect(segment.room).toBe(segmentSize - 100);
  });
});

describe("SegmentPool", () => {
  it("gives a segment again once it came back, and clears it", () => {
    const pool = new SegmentPool();
    const segment = pool.acquire();
    Object.assign(segment, { start: 1, end: 2, firstFrame: 0, messageCount: 3, compressedCount: 4 });
    pool.release(segment);
    const again = pool.acquire();
    expect(again).toBe(segment);
    expect(again).toMatchObject({ start: 0, end: 0, firstFrame: -1, messageCount: 0, compressedCount: 0 });
    expect(pool.acquire()).not.toBe(segment);
  });

  it("keeps 1 MiB and lets the rest go", () => {
    const pool = new SegmentPool();
    const segments = new Set(Array.from({ length: 20 }, () => pool.acquire()));
    expect(segments.size).toBe(20);
    for (const segment of segments) pool.release(segment);
    const again = Array.from({ length: 20 }, () => pool.acquire());
    expect(again.filter((segment) => segments.has(segment))).toHaveLength(16);
    expect(new Set(again).size).toBe(20);
  });
});
