import fc from "fast-check";
import { expect, it } from "vitest";
import { ChunkedList } from "../../src/buffer/chunked-list.js";
import { cases } from "../support/cases.js";

function insert(list: ChunkedList<number>, item: number): number | undefined {
  const position = list.find(
    () => false,
    (other) => other > item,
  );
  const before = list.before(position);
  list.insert(position, item);
  return before;
}

it("ChunkedList stays sorted like an array for any sequence of insert() and shift()", () => {
  const step = fc.oneof(fc.integer({ min: 0, max: 5_000 }), fc.constant("shift" as const));
  fc.assert(
    fc.property(fc.array(step, { minLength: 1_500, maxLength: 3_000, size: "max" }), (steps) => {
      const list = new ChunkedList<number>();
      let sorted: number[] = [];
      for (const next of steps) {
        if (next === "shift") expect(list.shift()).toBe(sorted.shift());
        else {
          const index = sorted.findIndex((other) => other > next);
          const at = index < 0 ? sorted.length : index;
          expect(insert(list, next)).toBe(sorted[at - 1]);
          sorted = sorted.toSpliced(at, 0, next);
        }
        expect([list.length, list.first]).toEqual([sorted.length, sorted[0]]);
      }
      const left: (number | undefined)[] = [];
      while (list.length > 0) left.push(list.shift());
      expect(left).toEqual(sorted);
      expect([list.shift(), list.first]).toEqual([undefined, undefined]);
    }),
    { numRuns: cases(30) },
  );
});

it("ChunkedList.find() ignores the excluded items at the end", () => {
  const list = new ChunkedList<number>();
  for (const item of [1, 3, 5, 100, 102]) list.insert(list.end, item);
  const isExcluded = (item: number): boolean => item >= 100;
  const position = list.find(isExcluded, (item) => item > 4);
  expect(list.before(position)).toBe(3);
  expect(list.before(list.find(isExcluded, (item) => item > 9))).toBe(5);
  // If all items are excluded, the position is the end of the list.
  expect(list.before(list.find(() => true, isExcluded))).toBe(102);
  expect(list.before(list.endOf(() => true))).toBeUndefined();
});

it("ChunkedList stores thousands of items, inserted in ascending and in descending order", () => {
  for (const direction of [1, -1]) {
    const list = new ChunkedList<number>();
    for (let count = 0; count < 5_000; count++) insert(list, direction * count);
    const all: number[] = [];
    while (list.length > 0) all.push(list.shift()!);
    expect(all).toEqual(all.toSorted((left, right) => left - right));
    expect(all.length).toBe(5_000);
  }
});
