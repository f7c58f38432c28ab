import { afterEach, describe, expect, it, vi } from "vitest";
import { maskBytes, Masker } from "../../protocol/mask.js";
import { createWideMemory } from "../../protocol/wide-mask.js";
import { masked } from "../support/wire.js";

const key = [0x37, 0xfa, 0x21, 0x3d];
/** The same key as a number in little-endian order. */
const keyNumber = 0x3d21fa37;

function bytesOf(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, index) => (index * 31 + 5) & 255));
}

type Mask = (bytes: Uint8Array, start: number, end: number, key: number) => number;

function maskByWords(bytes: Uint8Array, start: number, end: number, number: number): number {
  const words = new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 3);
  return new Masker().mask(bytes, words, start, end, number);
}

const wide = createWideMemory(64 * 1024)!;

function maskInWideMemory(bytes: Uint8Array, start: number, end: number, number: number): number {
  const memory = new Uint8Array(wide.bytes);
  memory.set(bytes);
  const next = wide.mask(start, end, number);
  bytes.set(memory.subarray(0, bytes.length));
  return next;
}

describe.each<[string, Mask]>([
  ["maskBytes", maskBytes],
  ["Masker", maskByWords],
  ["a wide memory", maskInWideMemory],
])("%s", (_name, mask) => {
  it("masks the example of RFC 6455 5.7", () => {
    const bytes = new Uint8Array(8);
    bytes.set(Buffer.from("Hello"), 2);
    mask(bytes, 2, 7, keyNumber);
    expect([...bytes]).toEqual([0, 0, 0x7f, 0x9f, 0x4d, 0x51, 0x58, 0]);
  });

  it("agrees with the loop of RFC 6455 5.3 for all starts and ends, and changes no other bytes", () => {
    const size = 160;
    const plain = bytesOf(size);
    for (let start = 0; start < 20; start++) {
      for (let end = start; end <= size; end++) {
        const bytes = new Uint8Array(plain);
        const next = mask(bytes, start, end, keyNumber);
        const expected = Buffer.from(plain);
        expected.set(masked(plain.subarray(start, end), key), start);
        const turn = (end - start) % 4;
        const nextKey = Buffer.from([...key.slice(turn), ...key.slice(0, turn)]).readInt32LE();
        if (!expected.equals(bytes) || next !== nextKey)
          expect.unreachable(`masked wrongly from ${start} to ${end}`);
      }
    }
  });

  it("continues with the returned key", () => {
    const plain = bytesOf(500);
    const bytes = new Uint8Array(504);
    bytes.set(plain);
    let rotated = keyNumber;
    const cuts = [0, 1, 4, 5, 38, 38, 111, 200, 327, 499, 500];
    for (let index = 1; index < cuts.length; index++)
      rotated = mask(bytes, cuts[index - 1]!, cuts[index]!, rotated);
    expect(Buffer.from(bytes.subarray(0, 500))).toEqual(masked(plain, key));
  });

  it.each([0, -1, 0x80, -0x80000000, 0x7fffffff, 0x00ff00ff])(
    "restores the payload when it is applied twice with the key %d",
    (number) => {
      const bytes = new Uint8Array(bytesOf(96));
      const next = mask(bytes, 3, 93, number);
      expect(next).toBe(number === 0 ? 0 : (number >>> 16) | (number << 16));
      mask(bytes, 3, 93, number);
      expect(Buffer.from(bytes)).toEqual(bytesOf(96));
    },
  );
});

it("one Masker masks several payloads with different keys", () => {
  const masker = new Masker();
  const bytes = new Uint8Array(128);
  const words = new BigUint64Array(bytes.buffer);
  masker.mask(bytes, words, 0, 64, 0x01010101);
  masker.mask(bytes, words, 64, 128, 0x02020202);
  expect(Buffer.from(bytes)).toEqual(Buffer.concat([Buffer.alloc(64, 1), Buffer.alloc(64, 2)]));
});

describe("createWideMemory", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("returns undefined if the process has no WebAssembly or cannot allocate the memory", () => {
    function Module(): void {
      throw new RangeError("out of memory");
    }
    for (const assembly of [undefined, { Module }]) {
      vi.stubGlobal("WebAssembly", assembly);
      expect(createWideMemory(64 * 1024)).toBeUndefined();
    }
  });
});
