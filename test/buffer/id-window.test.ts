import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IdWindow, type IsNext } from "../../src/buffer/id-window.js";
import type { Sequence, SequenceStatus } from "../../src/buffer/sequence-window.js";
import { cases } from "../support/cases.js";
import { measureCpuTime } from "../support/cpu-time.js";

const never: IsNext = () => false;
const isNextNumber = (previous: Sequence, current: Sequence): boolean =>
  Number(current) === Number(previous) + 1;

function windowOf(size: number, isNext = never): IdWindow {
  return new IdWindow(isNext, { size, isFrozen: false });
}

describe("IdWindow", () => {
  it("remembers exactly the last `size` ids", () => {
    const id = fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h", "i", "j");
    fc.assert(
      fc.property(
        fc.array(id, { maxLength: 300, size: "max" }),
        fc.integer({ min: 1, max: 6 }),
        (ids, size) => {
          const window = windowOf(size);
          let known: string[] = [];
          for (const id of ids) {
            const status = known.length === 0 ? "first" : known.includes(id) ? "duplicate" : "ahead";
            expect(window.classify(id)).toBe(status);
            if (status === "duplicate") continue;
            if (status === "first") window.restart(id);
            else window.move(id, "ahead");
            known = [...known, id].slice(-size);
            expect(window.sequence).toBe(id);
          }
        },
      ),
      { numRuns: cases(100) },
    );
  });

  it("advances to the next id only, not to a duplicate", () => {
    const window = windowOf(10, () => true);
    expect(window.advance("a")).toBe(false);
    window.restart("a");
    expect(["b", "a", "b", "c"].map((id) => window.advance(id))).toEqual([true, false, false, true]);
    expect(window.expected).toBeUndefined();
  });

  it("removes no id while it is frozen, and all old ids afterwards", () => {
    const bounds = { size: 2, isFrozen: true };
    const window = new IdWindow(isNextNumber, bounds);
    window.freeze();
    window.restart(0);
    for (let id = 1; id < 1_000; id++) expect(window.advance(id)).toBe(true);
    expect(window.classify(0)).toBe("duplicate");
    bounds.isFrozen = false;
    window.advance(1_000);
    expect([999, 998].map((id) => window.classify(id))).toEqual(["duplicate", "restart"]);
  });

  it("classifies a lower number as late if it is inside the known range, and as a restart otherwise", () => {
    const window = windowOf(10);
    window.restart(10);
    window.move(30, "ahead");
    expect([40, 20, 5].map((id) => window.classify(id))).toEqual(["ahead", "late", "restart"]);
    window.fill(20);
    expect(window.classify(20)).toBe("duplicate");
    expect(window.sequence).toBe(30);
  });

  it("moves the cursor through accepted ids after the cursor has gone back", () => {
    const window = windowOf(10, isNextNumber);
    window.restart("1");
    window.move("4", "ahead");
    window.advance("5");
    window.move("2", "ahead");
    window.advance("3");
    for (const id of ["5", "4", "5"]) window.repeat(id);
    expect(window.sequence).toBe("5");
    expect(window.classify("6")).toBe("next");
  });

  it("moves the cursor through accepted ids after any number of ids while it is frozen", () => {
    const window = new IdWindow(isNextNumber, { size: 2, isFrozen: true });
    window.restart(1);
    window.move(9, "ahead");
    window.move(2, "ahead");
    for (const id of [3, 4, 5, 6, 7, 8]) window.advance(id);
    window.repeat(9);
    expect(window.sequence).toBe(9);
  });

  it("does not move the cursor on a repeated id if the cursor has not gone back among the remembered ids", () => {
    const window = windowOf(2, () => true);
    window.restart("a");
    window.move("b", "ahead");
    for (const id of ["c", "d"]) window.advance(id);
    window.repeat("c");
    expect(window.sequence).toBe("d");
  });

  it("continues after a stored cursor", () => {
    const window = windowOf(10, isNextNumber);
    window.resume("7");
    expect(["7", "8", "9"].map((id) => window.classify(id))).toEqual(["duplicate", "next", "ahead"]);
    expect(window.sequence).toBe("7");
  });

  it("returns the cursor before an id that it remembers", () => {
    const window = windowOf(100, isNextNumber);
    window.restart(0);
    expect(window.before(0)).toBeUndefined();
    for (let id = 1; id < 500; id++) window.advance(id);
    expect([499, 401, 400, 3].map((id) => window.before(id))).toEqual([498, 400, undefined, 400]);
  });

  it.each([NaN, Infinity, {}, 1n, true, null])("rejects %s as an id", (id) => {
    const window = windowOf(10);
    expect(() => window.classify(id as unknown as Sequence)).toThrow(TypeError);
    expect(() => {
      window.resume(id as unknown as Sequence);
    }).toThrow(TypeError);
    expect(window.sequence).toBeUndefined();
  });
});

/** A simple reference implementation for numbers with an `isNext` that is always false. */
class ReferenceIdWindow {
  known: number[] = [];

  classify(id: number): SequenceStatus {
    if (this.known.length === 0) return "first";
    if (this.known.includes(id)) return "duplicate";
    if (id > this.known.at(-1)!) return "ahead";
    return this.known.some((other) => other < id) ? "late" : "restart";
  }

  before(id: number): number | undefined {
    const index = this.known.indexOf(id);
    return index < 0 ? this.known[0] : this.known[index - 1];
  }
}

it("IdWindow classifies numbers and finds the previous id like a reference implementation", () => {
  const ids = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 200, size: "max" });
  fc.assert(
    fc.property(ids, fc.integer({ min: 1, max: 12 }), (all, size) => {
      const window = windowOf(size);
      const reference = new ReferenceIdWindow();
      for (const id of all) {
        const status = reference.classify(id);
        // Late ids are skipped, because the reference implementation does not keep the cursor apart from the last id.
        if (status === "late") continue;
        expect(window.classify(id)).toBe(status);
        expect(window.before(id)).toBe(reference.before(id));
        if (status === "duplicate") continue;
        if (status === "ahead") window.move(id, "ahead");
        else window.restart(id);
        reference.known = status === "ahead" ? [...reference.known, id].slice(-size) : [id];
      }
    }),
    { numRuns: cases(300) },
  );
});

it("IdWindow forgets old numbers and classifies ids below all remembered numbers as a restart", () => {
  const window = windowOf(4);
  window.restart(10);
  for (const id of [20, 30, 40]) window.move(id, "ahead");
  expect(window.classify(15)).toBe("late");
  for (let id = 50; id <= 130; id += 10) {
    window.move(id, "ahead");
    // The window remembers the last four ids.
    expect([window.classify(id - 35), window.classify(id - 25)]).toEqual(["restart", "late"]);
  }
});

it("IdWindow classifies 60,000 numbers with a gap at every second one in linear time", () => {
  const window = windowOf(1_000_000);
  const cpuTime = measureCpuTime();
  window.restart(0);
  for (let id = 2; id < 120_000; id += 2) {
    if (window.classify(id) !== "ahead") expect(window.classify(id)).toBe("ahead");
    window.move(id, "ahead");
  }
  for (let id = 1; id < 119_999; id += 2) {
    if (window.classify(id) !== "late") expect(window.classify(id)).toBe("late");
    window.fill(id);
  }
  for (let id = 2; id < 120_000; id += 2) window.before(id);
  expect(cpuTime()).toBeLessThan(2_000);
});
