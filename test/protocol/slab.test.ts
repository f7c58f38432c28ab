import { describe, expect, it } from "vitest";
import { Slab } from "../../protocol/slab.js";

const source = Buffer.from(Array.from({ length: 10_000 }, (_, index) => index % 251));

describe("Slab", () => {
  it.each([0, 1, 7, 8, 9, 125, 4095, 4096, 8192, 10_000])("copies %i bytes", (size) => {
    const copy = new Slab().copy(source, 0, size);
    expect(copy.equals(source.subarray(0, size))).toBe(true);
  });

  it.each([1, 4095, 4096, 10_000])(
    "keeps at most 8 KiB of other memory alive with a copy of %i bytes",
    (size) => {
      const copy = new Slab().copy(source, 0, size);
      expect(copy.buffer.byteLength).toBeLessThanOrEqual(size + 8 * 1024);
    },
  );

  it("never uses the same memory for two copies", () => {
    const slab = new Slab();
    const sizes = Array.from({ length: 2_000 }, (_, index) => (index * 37) % 4_200);
    const copies = sizes.map((size) => slab.copy(source, index(size), index(size) + size));
    for (const [at, copy] of copies.entries()) {
      const start = index(sizes[at]!);
      expect(copy.equals(source.subarray(start, start + sizes[at]!))).toBe(true);
    }
  });

  it("copies from the right place of alternating sources", () => {
    const slab = new Slab();
    const large = Buffer.alloc(2 * 1024 * 1024, source);
    const sources = [
      source,
      source.subarray(3, 4_000),
      large,
      large.subarray(1_000_001),
      Buffer.from(source),
    ];
    for (let round = 0; round < 20; round++) {
      for (const from of sources) {
        const start = round * 7;
        expect(slab.copy(from, start, start + 100).equals(from.subarray(start, start + 100))).toBe(true);
        expect(Buffer.from(slab.view(from, start, start + 9)).equals(from.subarray(start, start + 9))).toBe(
          true,
        );
      }
    }
  });

  it("returns plain Buffers", () => {
    const copy = new Slab().copy(source, 0, 100);
    expect(Object.getPrototypeOf(copy)).toBe(Buffer.prototype);
    expect(copy).toStrictEqual(Buffer.from(source.subarray(0, 100)));
  });

  it("view() returns the memory of the source, not a copy", () => {
    const changed = Buffer.from("abc");
    const view = new Slab().view(changed, 1, 3);
    changed[2] = 0x7a;
    expect(Buffer.from(view).toString()).toBe("bz");
  });
});

function index(size: number): number {
  return size % 100;
}
