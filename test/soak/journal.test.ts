// The checks of the soak's journals.
import { beforeAll, describe, expect, it } from "vitest";
import { load } from "./load.js";

interface StreamFaults {
  lost: number[];
  doubled: number;
  outOfOrder: number;
  unknown: number;
  first: string | undefined;
}

interface LinkEnd {
  given: number;
  unsent: number;
  uncertain: number;
}

interface Journal {
  checkStream(numbers: readonly number[], last: number): StreamFaults;
  deduplicate(numbers: readonly number[]): number[];
  lostUntold(lost: readonly number[], ends: readonly LinkEnd[]): number[];
  parseJournal(text: string): { numbers: number[]; broken: number };
}

let journal: Journal;

beforeAll(async () => {
  journal = await load<Journal>("journal.mjs");
});

describe("what arrived, against the numbers from 1 on", () => {
  it.each([
    ["nothing of nothing", [], 0, { lost: [], doubled: 0, outOfOrder: 0, unknown: 0 }],
    ["each once", [1, 2, 3], 3, { lost: [], doubled: 0, outOfOrder: 0, unknown: 0 }],
    ["one lost within", [1, 3], 3, { lost: [2], doubled: 0, outOfOrder: 0, unknown: 0 }],
    ["the first and the last lost", [2], 3, { lost: [1, 3], doubled: 0, outOfOrder: 0, unknown: 0 }],
    ["one doubled", [1, 2, 2, 3], 3, { lost: [], doubled: 1, outOfOrder: 0, unknown: 0 }],
    ["two changed about", [1, 3, 2], 3, { lost: [], doubled: 0, outOfOrder: 1, unknown: 0 }],
    ["one that was never sent", [1, 2, 3, 4], 3, { lost: [], doubled: 0, outOfOrder: 0, unknown: 1 }],
    ["no number", [1, NaN, 2], 2, { lost: [], doubled: 0, outOfOrder: 0, unknown: 1 }],
  ])("tells of %s", (_, numbers, last, expected) => {
    expect(journal.checkStream(numbers, last)).toMatchObject(expected);
  });

  it("names the first fault", () => {
    expect(journal.checkStream([1, 2, 2, 1], 2).first).toBe("2 doubled, behind 1,2");
    expect(journal.checkStream([1, 2], 3).first).toBe("3 lost");
  });

  it("keeps the first of each id", () => {
    expect(journal.deduplicate([1, 2, 1, 3, 2, 4])).toEqual([1, 2, 3, 4]);
  });
});

describe("lost messages that no connection has told of", () => {
  const end = { given: 10, unsent: 2, uncertain: 3 };

  it("allows the uncertain, which stand before the unsent", () => {
    expect(journal.lostUntold([5, 6, 7, 8, 9, 10], [end])).toEqual([5, 9, 10]);
  });

  it("takes all connections together", () => {
    expect(journal.lostUntold([5, 6, 12], [end, { given: 12, unsent: 0, uncertain: 1 }])).toEqual([5]);
  });

  it("allows none without an end", () => {
    expect(journal.lostUntold([3], [])).toEqual([3]);
  });
});

describe("the lines of a journal", () => {
  it("counts the messages that were not whole", () => {
    expect(journal.parseJournal("1 1\n2 0\n3 1\n")).toEqual({ numbers: [1, 2, 3], broken: 1 });
  });
});
