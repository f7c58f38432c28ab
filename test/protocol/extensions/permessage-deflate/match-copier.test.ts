import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { copyMargin, MatchCopier } from "../../../../protocol/extensions/permessage-deflate/match-copier.js";
import { SlidingWindow } from "../../../../protocol/extensions/permessage-deflate/sliding-window.js";
import { cases } from "../../../support/cases.js";

/** Returns a window that has received `size` bytes without repetition nearby, and these bytes. */
function windowOf(bits: number, size: number): { window: SlidingWindow; all: number[] } {
  const window = new SlidingWindow(bits);
  const all = Array.from({ length: size }, (_, index) => (index * 7 + (index >> 8)) & 0xff);
  window.append(Uint8Array.from(all), 0, size);
  return { window, all };
}

function copierOf(size: number): MatchCopier {
  return new MatchCopier(Buffer.alloc(size + copyMargin));
}

/** Copies a match byte by byte, as RFC 1951 3.2.3 defines it. */
function expected(output: number[], length: number, distance: number): number[] {
  const all = [...output];
  for (let left = length; left > 0; left--) all.push(all.at(-distance)!);
  return all;
}

describe("MatchCopier", () => {
  it("copies any match, from the output and from the window", () => {
    const matches = fc.array(
      fc.record({
        length: fc.integer({ min: 3, max: 258 }),
        distance: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 1500 })),
      }),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(fc.nat({ max: 2500 }), matches, (historySize, steps) => {
        const { window, all } = windowOf(10, historySize);
        const history = all.slice(-1024);
        const copier = copierOf(3000);
        let output = history;
        let size = 0;
        for (const { length, distance } of steps) {
          const end = copier.copy(size, length, distance, window);
          if (distance > history.length + size) {
            expect(end).toBe(-1);
            return;
          }
          expect(end).toBe(size + length);
          size = end;
          output = expected(output, length, distance);
          expect([...copier.bytes.subarray(0, size)]).toEqual(output.slice(history.length));
        }
      }),
      { numRuns: cases(300) },
    );
  });

  it("has space for the longest match at its end", () => {
    const copier = copierOf(10);
    copier.bytes.fill(5, 0, 10);
    expect(copier.copy(10, 258, 9, new SlidingWindow(9))).toBe(268);
    expect(copier.bytes.subarray(0, 268).every((byte) => byte === 5)).toBe(true);
  });

  it("returns -1 for a distance that is one byte too large", () => {
    const { window } = windowOf(9, 100);
    const copier = copierOf(100);
    expect(copier.copy(4, 3, 104, window)).toBe(7);
    expect(copier.copy(4, 3, 105, window)).toBe(-1);
    expect(copierOf(9).copy(0, 3, 1, new SlidingWindow(9))).toBe(-1);
  });
});
