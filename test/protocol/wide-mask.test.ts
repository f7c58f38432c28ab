import { describe, expect, it } from "vitest";
import { createWideMemory, type WideMemory } from "../../protocol/wide-mask.js";
import { masked, someKey } from "../support/wire.js";

const size = 64 * 1024;
const key = Buffer.from(someKey).readInt32LE();

/** Creates a memory whose bytes are all different from their neighbours. */
function filledMemory(): { readonly memory: WideMemory; readonly plain: Buffer } {
  const memory = createWideMemory(size)!;
  const bytes = new Uint8Array(memory.bytes);
  for (let at = 0; at < size; at++) bytes[at] = (at * 31 + (at >>> 8)) & 0xff;
  return { memory, plain: Buffer.from(bytes) };
}

function bytesOf(memory: WideMemory): Buffer {
  return Buffer.from(memory.bytes);
}

/** Returns a copy of `plain` that is masked from `start` to `end` by the loop of RFC 6455 5.3. */
function expectedOf(plain: Buffer, start: number, end: number): Buffer {
  const expected = Buffer.from(plain);
  expected.set(masked(plain.subarray(start, end), someKey), start);
  return expected;
}

describe("createWideMemory()", () => {
  it.each([1, 2, 16])("creates a memory of %i times 64 KiB that is initially zero", (count) => {
    const { bytes } = createWideMemory(count * size)!;
    expect(bytes.byteLength).toBe(count * size);
    expect(Buffer.alloc(count * size).equals(Buffer.from(bytes))).toBe(true);
  });

  it("creates memories that do not affect each other", () => {
    const [one, other] = [createWideMemory(size)!, createWideMemory(size)!];
    one.mask(0, size, -1);
    expect(bytesOf(other).equals(Buffer.alloc(size))).toBe(true);
    expect(bytesOf(one).equals(Buffer.alloc(size, 0xff))).toBe(true);
  });

  it("returns undefined for more memory than WebAssembly can address", () => {
    expect(createWideMemory(2 ** 32 + size)).toBeUndefined();
  });
});

describe("mask()", () => {
  it("masks the whole memory", () => {
    const { memory, plain } = filledMemory();
    expect(memory.mask(0, size, key)).toBe(key);
    expect(bytesOf(memory).equals(expectedOf(plain, 0, size))).toBe(true);
  });

  it.each([0, 1, 3, 4, 15, 16, 17, 63, 64, 65, 127, 128, 129])(
    "masks the last %i bytes of the memory and no other bytes",
    (length) => {
      const { memory, plain } = filledMemory();
      memory.mask(size - length, size, key);
      expect(bytesOf(memory).equals(expectedOf(plain, size - length, size))).toBe(true);
    },
  );

  it.each([0, 1, 63, size])("changes nothing from %i to the same position, and returns the key", (at) => {
    const { memory, plain } = filledMemory();
    expect(memory.mask(at, at, key)).toBe(key);
    expect(bytesOf(memory).equals(plain)).toBe(true);
  });

  it("returns the key rotated by the number of bytes", () => {
    const { memory } = filledMemory();
    const next = [64, 65, 66, 67, 68].map((end) => {
      const rotated = Buffer.alloc(4);
      rotated.writeInt32LE(memory.mask(0, end, key));
      return [...rotated];
    });
    const [a, b, c, d] = someKey;
    expect(next).toEqual([
      [a, b, c, d],
      [b, c, d, a],
      [c, d, a, b],
      [d, a, b, c],
      [a, b, c, d],
    ]);
  });

  it("uses the key of each call", () => {
    const memory = createWideMemory(size)!;
    memory.mask(0, 100, 0x01010101);
    memory.mask(100, 200, 0x02020202);
    expect(bytesOf(memory).subarray(0, 201)).toEqual(
      Buffer.concat([Buffer.alloc(100, 1), Buffer.alloc(100, 2), Buffer.alloc(1)]),
    );
  });

  it("throws if the end exceeds the memory", () => {
    const memory = createWideMemory(size)!;
    expect(() => memory.mask(size - 8, size + 1, key)).toThrow("out of bounds");
  });
});
