import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SlidingWindow } from "../../../../protocol/extensions/permessage-deflate/sliding-window.js";
import { cases } from "../../../support/cases.js";

function contentOf(window: SlidingWindow): number[] {
  const target = new Uint8Array(window.size + 2).fill(0xee);
  window.copyTo(target, 1);
  expect([target[0], target.at(-1)]).toEqual([0xee, 0xee]);
  return [...target.subarray(1, -1)];
}

describe("SlidingWindow", () => {
  it("is empty after its creation", () => {
    expect(contentOf(new SlidingWindow(8))).toEqual([]);
  });

  it("keeps the last bytes in order, the oldest first", () => {
    const bytes = Uint8Array.from({ length: 300 }, (_, index) => index);
    const window = new SlidingWindow(8);
    window.append(bytes, 0, 200);
    window.append(bytes, 200, 300);
    expect(contentOf(window)).toEqual([...bytes.subarray(44)]);
  });

  it("is empty after clear()", () => {
    const window = new SlidingWindow(9);
    window.append(new Uint8Array(700).fill(1), 0, 700);
    window.clear();
    expect(window.size).toBe(0);
    window.append(Uint8Array.of(1, 2, 3, 4), 1, 3);
    expect(contentOf(window)).toEqual([2, 3]);
  });

  it("contains the last bytes after appends of any size", () => {
    const sizes = fc.array(
      fc.oneof(fc.constantFrom(0, 1, 1023, 1024, 1025, 4096, 5000), fc.nat({ max: 1500 })),
      {
        maxLength: 12,
      },
    );
    fc.assert(
      fc.property(sizes, fc.integer({ min: 8, max: 13 }), (pieces, windowBits) => {
        const window = new SlidingWindow(windowBits);
        const all: number[] = [];
        for (const size of pieces) {
          const piece = Uint8Array.from({ length: size + 2 }, (_, index) => (all.length + index) * 7);
          window.append(piece, 1, size + 1);
          all.push(...piece.subarray(1, -1));
          expect(contentOf(window)).toEqual(all.slice(-(2 ** windowBits)));
        }
      }),
      { numRuns: cases(60) },
    );
  });
});
