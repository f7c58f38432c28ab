import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Fifo } from "../../protocol/fifo.js";
import { cases } from "../support/cases.js";

/** Counts the items that array methods move or copy while `run` runs. */
function countMoves(run: () => void): number {
  const prototype = Array.prototype as unknown as Record<
    string,
    (this: unknown[], ...given: unknown[]) => unknown
  >;
  const names = ["slice", "splice", "shift", "copyWithin", "concat"];
  const originals = names.map((name) => prototype[name]!);
  let moved = 0;
  for (const [index, name] of names.entries()) {
    const original = originals[index]!;
    prototype[name] = function (...given): unknown {
      moved += name === "slice" ? this.length - Number(given[0]) : this.length;
      return Reflect.apply(original, this, given);
    };
  }
  try {
    run();
  } finally {
    for (const [index, name] of names.entries()) prototype[name] = originals[index]!;
  }
  return moved;
}

describe("Fifo", () => {
  it("returns the items that were not dropped, in order, and is empty afterwards", () => {
    const fifo = new Fifo<string>();
    for (const item of ["a", "b", "c"]) fifo.push(item);
    fifo.drop(1);
    expect(fifo.takeAll()).toEqual(["b", "c"]);
    expect(fifo.takeAll()).toEqual([]);
    fifo.push("d");
    fifo.drop(1);
    expect(fifo.takeAll()).toEqual([]);
  });

  it("agrees with an array for any sequence of drops", () => {
    const property = fc.property(fc.array(fc.nat(9)), (steps) => {
      const fifo = new Fifo<number>();
      let expected: number[] = [];
      for (const [index, step] of steps.entries()) {
        for (let count = 0; count < step; count++) fifo.push(index * 10 + count);
        expected.push(...Array.from({ length: step }, (_, count) => index * 10 + count));
        const dropped = Math.min(step === 7 ? 30 : 3, expected.length);
        fifo.drop(dropped);
        expected = expected.slice(dropped);
      }
      expect(fifo.takeAll()).toEqual(expected);
    });
    fc.assert(property, { numRuns: cases(200) });
  });

  it("moves each item at most twice, however long the queue is", () => {
    const [count, step] = [100_000, 50];
    const fifo = new Fifo<number>();
    for (let index = 0; index < count; index++) fifo.push(index);
    const moved = countMoves(() => {
      for (let dropped = 0; dropped < count; dropped += step) fifo.drop(step);
    });
    expect(fifo.takeAll()).toEqual([]);
    expect(moved).toBeLessThan(2 * count);
  });
});
