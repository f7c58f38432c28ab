import { describe, expect, it } from "vitest";
import { ChunkedOutput } from "../../../../protocol/extensions/permessage-deflate/chunked-output.js";
import { SlidingWindow } from "../../../../protocol/extensions/permessage-deflate/sliding-window.js";

const firstChunkSize = 65_536;

/** Writes `size` ascending bytes like a codec. */
function write(output: ChunkedOutput, size: number): void {
  for (let left = size; left > 0;) {
    if (output.freeSpace === 0) output.grow();
    const count = Math.min(left, output.freeSpace);
    for (let index = 0; index < count; index++) output.chunk[output.offset + index] = output.size + index;
    output.advance(count);
    left -= count;
  }
}

function counting(start: number, end: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: end - start }, (_, index) => start + index));
}

describe("ChunkedOutput", () => {
  it.each([0, 1, firstChunkSize - 1, firstChunkSize, firstChunkSize + 1, 3_000_000])(
    "returns %i bytes as one buffer",
    (size) => {
      const output = new ChunkedOutput();
      output.begin(Infinity);
      write(output, size);
      expect(output.size).toBe(size);
      expect(output.finish(false).equals(counting(0, size))).toBe(true);
      expect(output.size).toBe(0);
    },
  );

  it.each([3, firstChunkSize + 3])("returns only the first bytes of %i if a size is given", (size) => {
    const output = new ChunkedOutput();
    output.begin(Infinity);
    write(output, size);
    expect(output.finish(false, size - 2).equals(counting(0, size - 2))).toBe(true);
  });

  it("returns its own memory or a copy", () => {
    const output = new ChunkedOutput();
    const results = [false, true].map((isKept) => {
      output.begin(10);
      write(output, 5);
      return output.finish(isKept);
    });
    output.begin(10);
    output.chunk.fill(0xff, 0, 5);
    expect(results.map((bytes) => [...bytes])).toEqual([
      [255, 255, 255, 255, 255],
      [0, 1, 2, 3, 4],
    ]);
  });

  it.each([0, 1000, firstChunkSize - 1, firstChunkSize, 200_000])(
    "has space for one byte above a limit of %i",
    (limit) => {
      const output = new ChunkedOutput();
      output.begin(limit);
      write(output, limit);
      write(output, 1);
      expect(output.freeSpace).toBe(0);
      expect(() => output.grow()).toThrow(
        expect.objectContaining({ code: "MESSAGE_TOO_BIG", closeCode: 1009 }),
      );
    },
  );

  it("does not allocate a chunk that is larger than the limit requires", () => {
    const output = new ChunkedOutput();
    output.begin(100_000);
    write(output, firstChunkSize);
    output.grow();
    expect(output.chunk).toHaveLength(100_001 - firstChunkSize);
  });

  it("discards a message that was not taken", () => {
    const output = new ChunkedOutput();
    output.begin(Infinity);
    write(output, 100_000);
    output.begin(Infinity);
    write(output, 2);
    expect([...output.finish(true)]).toEqual([0, 1]);
  });

  it.each([0, 10, firstChunkSize, firstChunkSize + 10, 199_999])(
    "appends each byte to the window once: the first %i bytes, then the others",
    (from) => {
      const output = new ChunkedOutput();
      const window = new SlidingWindow(15);
      output.begin(Infinity, window);
      write(output, from);
      output.record();
      window.clear();
      write(output, 200_000 - from);
      output.record();
      output.record();
      const content = Buffer.alloc(window.size);
      window.copyTo(content, 0);
      expect(content.equals(counting(Math.max(from, 200_000 - 32_768), 200_000))).toBe(true);
    },
  );
});
