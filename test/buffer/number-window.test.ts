import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NumberWindow } from "../../src/buffer/number-window.js";
import type { SequenceWindow, SequenceStatus } from "../../src/buffer/sequence-window.js";
import { cases } from "../support/cases.js";
import { measureCpuTime } from "../support/cpu-time.js";

/** A simple reference implementation that stores all accepted ids. */
class ReferenceNumberWindow {
  readonly #size: number;
  readonly #taken = new Set<number>();
  #cursor: number | undefined;

  constructor(size: number) {
    this.#size = size;
  }

  classify(id: number): SequenceStatus {
    if (this.#cursor === undefined) return "first";
    if (id > this.#cursor) return id === this.#cursor + 1 ? "next" : "ahead";
    if (id <= this.#cursor - this.#size || id < Math.min(...this.#taken)) return "restart";
    return this.#taken.has(id) ? "duplicate" : "late";
  }

  take(id: number, status: SequenceStatus): void {
    if (status === "first" || status === "restart") this.#taken.clear();
    if (status !== "late") this.#cursor = id;
    this.#taken.add(id);
  }
}

function take(window: SequenceWindow, id: number, status: SequenceStatus): void {
  if (status === "first" || status === "restart") window.restart(id);
  else if (status === "late") window.fill(id);
  else if (status === "duplicate") window.repeat(id);
  else window.move(id, status);
}

describe("NumberWindow", () => {
  it("classifies ids like a reference implementation that remembers every id", () => {
    const id = fc.integer({ min: 0, max: 40 });
    fc.assert(
      fc.property(
        fc.array(id, { maxLength: 60, size: "max" }),
        fc.integer({ min: 1, max: 12 }),
        (ids, size) => {
          const window: SequenceWindow = new NumberWindow({ size, isFrozen: false });
          const reference = new ReferenceNumberWindow(size);
          for (const id of ids) {
            const status = reference.classify(id);
            expect(window.classify(id)).toBe(status);
            take(window, id, status);
            if (status !== "duplicate") reference.take(id, status);
          }
        },
      ),
      { numRuns: cases(500) },
    );
  });

  it("advances to the next id only", () => {
    const window: SequenceWindow = new NumberWindow({ size: 5, isFrozen: false });
    expect(window.advance(1)).toBe(false);
    expect(window.sequence).toBeUndefined();
    window.restart(1);
    expect([window.advance(2), window.advance(2), window.advance(4), window.advance("3")]).toEqual([
      ...[true, false, false, false],
    ]);
    expect(window.sequence).toBe(2);
    expect(window.expected).toBe(3);
  });

  it("removes no id while it is frozen", () => {
    const bounds = { size: 3, isFrozen: false };
    const window: SequenceWindow = new NumberWindow(bounds);
    window.restart(1);
    for (let id = 2; id <= 10; id++) window.advance(id);
    window.freeze();
    bounds.isFrozen = true;
    for (let id = 11; id <= 50; id++) window.advance(id);
    expect([8, 7].map((id) => window.classify(id))).toEqual(["duplicate", "restart"]);
    bounds.isFrozen = false;
    expect([48, 47].map((id) => window.classify(id))).toEqual(["duplicate", "restart"]);
  });

  it("remembers ids from the first one on if it is frozen from the start", () => {
    const window: SequenceWindow = new NumberWindow({ size: 3, isFrozen: true });
    window.restart(5);
    window.move(9, "ahead");
    expect([4, 5, 6, 9].map((id) => window.classify(id))).toEqual([
      "restart",
      "duplicate",
      "late",
      "duplicate",
    ]);
  });

  it("treats all ids in the window below a stored cursor as delivered", () => {
    const window: SequenceWindow = new NumberWindow({ size: 3, isFrozen: false });
    window.resume(10);
    expect([7, 8, 10, 11].map((id) => window.classify(id))).toEqual([
      "restart",
      "duplicate",
      "duplicate",
      "next",
    ]);
    expect(window.before(9)).toBe(8);
  });

  it("splits a gap when an id inside it arrives", () => {
    const window: SequenceWindow = new NumberWindow({ size: 100, isFrozen: false });
    window.restart(1);
    window.move(9, "ahead");
    for (const id of [5, 2, 8]) window.fill(id);
    const late = [1, 2, 3, 4, 5, 6, 7, 8, 9].filter((id) => window.classify(id) === "late");
    expect(late).toEqual([3, 4, 6, 7]);
  });

  it("returns the cursor before an accepted id", () => {
    const window: SequenceWindow = new NumberWindow({ size: 2, isFrozen: false });
    window.restart(5);
    for (let id = 6; id < 20; id++) window.advance(id);
    expect([4, 5, 6, 19, 20].map((id) => window.before(id))).toEqual([undefined, 4, 5, 18, undefined]);
  });
});

describe("NumberWindow with a gap at every second number", () => {
  const count = 60_000;

  it.each([
    ["a large window", { size: 1_000_000, isFrozen: false }],
    ["an overlap of two connections", { size: 1_000, isFrozen: true }],
  ])("accepts ids, late ids and duplicates in linear time (%s)", (_, bounds) => {
    const window: SequenceWindow = new NumberWindow(bounds);
    const cpuTime = measureCpuTime();
    window.restart(0);
    for (let id = 2; id < 2 * count; id += 2) {
      expectStatus(window, id, "ahead");
      window.move(id, "ahead");
    }
    for (let id = 1; id < 2 * count - 1; id += 2) {
      expectStatus(window, id, "late");
      window.fill(id);
      expectStatus(window, id, "duplicate");
    }
    expect(cpuTime()).toBeLessThan(2_000);
  });

  it("fills every second number of one large gap in linear time", () => {
    const window = new NumberWindow({ size: 1_000_000, isFrozen: false });
    const cpuTime = measureCpuTime();
    window.restart(0);
    window.move(2 * count + 1);
    for (let id = 2 * count; id > 0; id -= 2) {
      expectStatus(window, id, "late");
      window.fill(id);
    }
    for (let id = 1; id < 2 * count; id += 2) {
      expectStatus(window, id, "late");
      window.fill(id);
      expectStatus(window, id, "duplicate");
    }
    expect(cpuTime()).toBeLessThan(2_000);
  });
});

/** Calls expect() only on a mismatch, because an assertion for each id would take longer than the measured code. */
function expectStatus(window: SequenceWindow, id: number, status: SequenceStatus): void {
  if (window.classify(id) !== status) expect([id, window.classify(id)]).toEqual([id, status]);
}

it("fill() has no effect for a number that is not missing", () => {
  const window = new NumberWindow({ size: 100, isFrozen: false });
  for (const id of [1, 3]) window.move(id);
  window.fill(3);
  window.fill(2);
  window.fill(2);
  expect([1, 2, 3, 4].map((id) => window.classify(id))).toEqual([
    "duplicate",
    "duplicate",
    "duplicate",
    "next",
  ]);
});
