import { afterEach, describe, expect, it, vi } from "vitest";
import { Segment, SegmentPool, segmentSize } from "../../protocol/segment-pool.js";

describe("Segment", () => {
  it("is empty at first, with the same memory as bytes and as words", () => {
    const segment = new Segment();
    expect([segment.start, segment.end, segment.firstFrame, segment.freeSize]).toEqual([
      0,
      0,
      -1,
      segmentSize,
    ]);
    segment.bytes.fill(0);
    segment.bytes[8] = 1;
    segment.bytes[segmentSize - 1] = 0x80;
    const written = [...segment.words.keys()].filter((index) => segment.words[index] !== 0n);
    expect([segment.words.length, written]).toEqual([8192, [1, 8191]]);
    segment.end = 100;
    expect(segment.freeSize).toBe(segmentSize - 100);
  });
});

describe("SegmentPool", () => {
  it("clears a released segment and returns it again", () => {
    const pool = new SegmentPool();
    const segment = pool.acquire();
    Object.assign(segment, { start: 1, end: 2, firstFrame: 0, messageCount: 3, compressedCount: 4 });
    pool.release(segment);
    const again = pool.acquire();
    expect(again).toBe(segment);
    expect(again).toMatchObject({ start: 0, end: 0, firstFrame: -1, messageCount: 0, compressedCount: 0 });
    expect(pool.acquire()).not.toBe(segment);
  });

  it("keeps 1 MiB of free segments", () => {
    const pool = new SegmentPool();
    const segments = new Set(Array.from({ length: 20 }, () => pool.acquire()));
    expect(segments.size).toBe(20);
    for (const segment of segments) pool.release(segment);
    const again = Array.from({ length: 20 }, () => pool.acquire());
    expect(again.filter((segment) => segments.has(segment))).toHaveLength(16);
    expect(new Set(again).size).toBe(20);
  });

  describe("after 1 MiB was sent", () => {
    afterEach(() => vi.unstubAllGlobals());

    function poolAfter(sentSize: number): SegmentPool {
      const pool = new SegmentPool();
      for (let left = sentSize; left > 0; left -= segmentSize) {
        const segment = pool.acquire();
        segment.end = Math.min(left, segmentSize);
        pool.release(segment);
      }
      return pool;
    }

    it("returns segments with faster masking, and keeps no others", () => {
      expect(poolAfter(1024 * 1024 - 1).acquire().wideMask).toBeUndefined();
      const pool = poolAfter(1024 * 1024);
      const segments = Array.from({ length: 17 }, () => pool.acquire());
      const wide = segments.filter(({ wideMask }) => wideMask !== undefined);
      expect(wide).toHaveLength(16);
      expect(new Set(wide.map(({ bytes }) => bytes.byteOffset)).size).toBe(16);
      for (const segment of segments) pool.release(segment);
      expect(Array.from({ length: 16 }, () => pool.acquire()).every((one) => wide.includes(one))).toBe(true);
    });

    it("returns the next segment in memory if it is free, else the first free one", () => {
      const pool = poolAfter(1024 * 1024);
      const [first, second] = [pool.acquire(), pool.acquire()];
      const third = pool.acquire(second);
      expect([first.index, second.index, third.index]).toEqual([0, 1, 2]);
      pool.release(first);
      expect(pool.acquire(third).index).toBe(3);
      expect(pool.acquire(second)).toBe(first);
      const rest = Array.from({ length: 12 }, () => pool.acquire());
      expect(rest.at(-1)!.index).toBe(15);
      const plain = pool.acquire(rest.at(-1));
      expect([plain.index, plain.wideMask]).toEqual([-1, undefined]);
      pool.release(third);
      expect(pool.acquire(plain)).toBe(third);
    });

    it("detects which segments are contiguous", () => {
      const pool = poolAfter(1024 * 1024);
      const [first, second, third] = [pool.acquire(), pool.acquire(), pool.acquire()];
      expect(first.isBefore(second)).toBe(false);
      first.end = segmentSize;
      expect([first.isBefore(second), first.isBefore(third), second.isBefore(first)]).toEqual([
        true,
        false,
        false,
      ]);
      second.start = 1;
      expect(first.isBefore(second)).toBe(false);
      const [plain, other] = [new Segment(), new Segment()];
      plain.end = segmentSize;
      expect([plain.isBefore(other), plain.isBefore(first)]).toEqual([false, false]);
    });

    it("keeps ordinary segments if memory with faster masking is unavailable", () => {
      vi.stubGlobal("WebAssembly", undefined);
      const pool = poolAfter(2 * 1024 * 1024);
      const segment = pool.acquire();
      expect(segment.wideMask).toBeUndefined();
      pool.release(segment);
      expect(pool.acquire()).toBe(segment);
    });
  });
});
