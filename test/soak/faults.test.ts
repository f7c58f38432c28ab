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
  it.each([1, 9, 100, 667, 2_000])("are %i, as they are asked for", (total) => {
    const sum = [...faults.countsOf(total).values()].reduce((left, right) => left + right, 0);
    expect(sum).toBe(total);
  });

  it("are of each kind at least a hundred in two thousand, however they are divided", () => {
    const halves = [faults.drawFaults(1, 1_000), faults.drawFaults(2, 1_000)].map(countKinds);
    for (const kind of faults.countsOf(2_000).keys()) {
      expect(halves[0]!.get(kind)! + halves[1]!.get(kind)!).toBeGreaterThanOrEqual(100);
    }
  });

  it("are the same for the same seed, and others for another", () => {
    expect(faults.drawFaults(5, 300)).toEqual(faults.drawFaults(5, 300));
    expect(faults.drawFaults(6, 300)).not.toEqual(faults.drawFaults(5, 300));
  });

  it("meet an attempt only where there is none to a connection", () => {
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

describe("a seeded draw", () => {
  it("stays in its bounds, and meets both", () => {
    const { SeededRandom } = random;
    const draw = new SeededRandom(1);
    const drawn = new Set(Array.from({ length: 200 }, () => draw.integer(3, 6)));
    expect([...drawn].sort()).toEqual([3, 4, 5, 6]);
  });
});
