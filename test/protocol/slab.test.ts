import { describe, expect, it } from "vitest";
import { Slab } from "../../protocol/slab.js";

const source = Buffer.from(Array.from({ length: 10_000 }, (_, index) => index % 251));

describe("Slab", () => {
  it.each([0, 1, 7, 8, 9, 125, 4095, 4096, 8192, 10_000])("copies %i bytes", (size) => {
    const copy = new Slab().copy(source, 0, size);
    expect(copy.equals(source.subarray(0, size))).toBe(true);
  });

  it.each([1, 4095, 4096, 10_000])("pins at most 8 KiB beside a copy of %i bytes", (size) => {
    const copy = new Slab().copy(source, 0, size);
    expect(copy.buffer.byteLength).toBeLessThanOrEqual(size + 8 * 1024);
  });

  it("never gives the same bytes to two copies", () => {
    const slab = new Slab();
    const sizes = Array.from({ length: 2_000 }, (_, index) => (index * 37) % 4_200);
    const copies = sizes.map((size) => slab.copy(source, index(size), index(size) + size));
    for (const [at, copy] of copies.entries()) {
      const start = index(sizes[at]!);
      expect(copy.equals(source.subarray(start, start + sizes[at]!))).toBe(true);
    }
  });

  it("begins each copy where a typed array of doubles may begin", () => {
    const slab = new Slab();
    for (const size of [3, 9, 1, 16]) expect(slab.copy(source, 0, size).byteOffset % 8).toBe(0);
  });
});

function index(size: number): number {
  return size % 100;
}
