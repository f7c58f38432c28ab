import { describe, expect, it } from "vitest";
import { PayloadBuffer } from "../../protocol/payload-buffer.js";
import { testResources } from "../support/protocol-end.js";

const kibibyte = 1024;

function bytesOf(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, index) => (index * 13 + (index >>> 8)) & 255));
}

/** Returns the bytes that `run` allocates for buffers. */
function allocatedBy(run: () => void): number {
  const before = process.memoryUsage().arrayBuffers;
  run();
  return process.memoryUsage().arrayBuffers - before;
}

describe("PayloadBuffer", () => {
  it.each([
    ["nothing", []],
    ["one byte", [1]],
    ["an empty piece", [0]],
    ["the smallest chunk", [kibibyte]],
    ["one more than the smallest chunk", [kibibyte, 1]],
    ["a piece across the end of a chunk", [1000, 1000, 5000]],
    ["a piece larger than any chunk", [3, 300_000, 1]],
    ["chunks that are filled completely", [1024, 1024, 2048, 4096]],
  ])("returns %s in order, and can be used again", (_what, sizes) => {
    const payload = new PayloadBuffer();
    for (const round of [1, 2]) {
      const all = bytesOf(sizes.reduce((sum, size) => sum + size, 0));
      let at = 0;
      for (const size of sizes) {
        const lent = Buffer.alloc(size + 9, round);
        all.copy(lent, 4, at, at + size);
        payload.append(lent, 4, 4 + size);
        lent.fill(0xdd);
        at += size;
        expect(payload.size).toBe(at);
      }
      expect(payload.take().equals(all)).toBe(true);
      expect(payload.size).toBe(0);
    }
  });

  it("returns a buffer that later pieces do not change", () => {
    const payload = new PayloadBuffer();
    payload.append(bytesOf(2000), 0, 2000);
    const first = payload.take();
    payload.append(Buffer.alloc(3000, 1), 0, 3000);
    expect(first).toEqual(bytesOf(2000));
  });

  it("is empty after clear()", () => {
    const payload = new PayloadBuffer();
    payload.append(bytesOf(5000), 0, 5000);
    payload.clear();
    expect(payload.size).toBe(0);
    expect(payload.take()).toHaveLength(0);
  });

  it.each([1, 7, 1023, 1024, 1500, 65_536, 262_144])(
    "uses at most 64 KiB more than it received, in pieces of %d",
    (pieceSize) => {
      const piece = bytesOf(pieceSize);
      const payload = new PayloadBuffer();
      const allocated = allocatedBy(() => {
        for (let count = Math.ceil(1_500_000 / pieceSize); count > 0; count--)
          payload.append(piece, 0, pieceSize);
      });
      expect(allocated).toBeLessThanOrEqual(payload.size + 65 * kibibyte);
    },
  );

  it("allocates 1 KiB for the first byte", () => {
    const payload = new PayloadBuffer();
    expect(allocatedBy(() => payload.append(Buffer.alloc(1), 0, 1))).toBeLessThanOrEqual(2 * kibibyte);
  });
});

describe("a payload that is collected in the spare buffer", () => {
  const size = 100 * kibibyte;
  const nowhere = Buffer.alloc(0);

  it("is lent from there, and clear() releases the spare buffer", () => {
    const memory = testResources();
    const all = bytesOf(size);
    const payload = new PayloadBuffer(memory);
    payload.gatherInSpare(size);
    payload.append(all, 0, 70_000);
    expect(memory.spare.borrow(size)).toBeUndefined();
    payload.append(all, 70_000, size);
    const lent = payload.lend(nowhere);
    expect([lent.equals(all), lent.buffer.byteLength > size]).toEqual([true, true]);
    payload.clear();
    expect(memory.spare.borrow(size)?.buffer).toBe(lent.buffer);
  });

  it("is copied if it must be kept", () => {
    const memory = testResources();
    const all = bytesOf(size);
    const payload = new PayloadBuffer(memory);
    payload.gatherInSpare(size);
    payload.append(all, 0, size, size);
    const own = payload.take();
    memory.spare.borrow(size)!.fill(0xdd);
    expect(own.equals(all)).toBe(true);
  });

  it.each([
    [
      "the spare buffer is in use",
      size,
      (memory: ReturnType<typeof testResources>) => memory.spare.borrow(size),
    ],
    ["it is too small", 5000, () => undefined],
    ["it is too large", 2_000_000, () => undefined],
  ] as const)("is collected in other memory if %s", (_, length, prepare) => {
    const memory = testResources();
    prepare(memory)?.fill(0xdd);
    const all = bytesOf(length);
    const payload = new PayloadBuffer(memory);
    payload.gatherInSpare(length);
    for (let at = 0; at < length; at += 50_000) payload.append(all, at, Math.min(at + 50_000, length));
    expect(payload.lend(memory.scratch).equals(all)).toBe(true);
    payload.clear();
    expect(payload.size).toBe(0);
  });
});
