// Drawing of the faults of a soak run from a seed.
import { beforeAll, describe, expect, it } from "vitest";
import { load } from "./load.js";

interface Fault {
  kind: string;
  direction: "up" | "down";
  offset: number;
  settleMs: number;
  isEarly: boolean;
  choice: number;
}

interface Faults {
  countsOf(total: number): Map<string, number>;
  floodOf(fault: Fault): number | undefined;
  isStuck(fault: Fault): boolean;
  drawFaults(seed: number, total: number): { link: Fault; attempts: Fault[] }[];
}

interface Random {
  SeededRandom: new (seed: number) => { next(): number; integer(least: number, most: number): number };
}

let faults: Faults;
let random: Random;

beforeAll(async () => {
  faults = await load<Faults>("faults.mjs");
  random = await load<Random>("random.mjs");
});

function countKinds(groups: { link: Fault; attempts: Fault[] }[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { kind } of groups.flatMap(({ link, attempts }) => [link, ...attempts])) {
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

describe("the faults of a run", () => {
  it.each([1, 9, 100, 667, 2_000])("add up to the requested number: %i", (total) => {
    const sum = [...faults.countsOf(total).values()].reduce((left, right) => left + right, 0);
    expect(sum).toBe(total);
  });

  it("include each kind at least 100 times in 2,000 faults, also if they are split in two halves", () => {
    const halves = [faults.drawFaults(1, 1_000), faults.drawFaults(2, 1_000)].map(countKinds);
    for (const kind of faults.countsOf(2_000).keys()) {
      expect(halves[0]!.get(kind)! + halves[1]!.get(kind)!).toBeGreaterThanOrEqual(100);
    }
  });

  it("depend only on the seed", () => {
    expect(faults.drawFaults(5, 300)).toEqual(faults.drawFaults(5, 300));
    expect(faults.drawFaults(6, 300)).not.toEqual(faults.drawFaults(5, 300));
  });

  it("occur on a connection or on an attempt, depending on their kind", () => {
    const groups = faults.drawFaults(3, 2_000);
    for (const { link, attempts } of groups) {
      expect(["reset", "silent", "1001", "1012", "4000", "restart"]).toContain(link.kind);
      expect(link.isEarly).toBe(false);
      for (const { kind, isEarly } of attempts) {
        expect(isEarly ? ["reset"] : ["503", "tls", "refused"]).toContain(kind);
      }
    }
  });
});

describe("a flood", () => {
  it.each([
    ["silent", 0.49, false, undefined],
    ["silent", 0.69, true, undefined],
    ["silent", 0.7, true, 0],
    ["silent", 0.85, true, 0.5],
    ["reset", 0.9, false, undefined],
  ])("depends on the kind %s and the choice %f: stuck %s, flood %s", (kind, choice, isStuck, flood) => {
    const fault: Fault = { kind, choice, direction: "up", offset: 1, settleMs: 0, isEarly: false };
    expect(faults.isStuck(fault)).toBe(isStuck);
    if (flood === undefined) expect(faults.floodOf(fault)).toBeUndefined();
    else expect(faults.floodOf(fault)).toBeCloseTo(flood);
  });

  it.each([1, 11, 77])("occurs in each lane of a full run with the seed %i", (seed) => {
    const lanes = [1_000, 1_000, 667].map((total, index) => faults.drawFaults(seed + index, total));
    for (const groups of lanes) {
      const floods = groups.filter(({ link }) => faults.floodOf(link) !== undefined);
      expect(floods.length).toBeGreaterThan(5);
    }
  });
});

describe("a seeded draw", () => {
  it("covers its range, both bounds included", () => {
    const { SeededRandom } = random;
    const draw = new SeededRandom(1);
    const drawn = new Set(Array.from({ length: 200 }, () => draw.integer(3, 6)));
    expect([...drawn].sort()).toEqual([3, 4, 5, 6]);
  });
});
