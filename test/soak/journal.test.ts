// The checks of the soak's journals.
import { beforeAll, describe, expect, it } from "vitest";
import { load } from "./load.js";

interface StreamFaults {
  lost: number[];
  duplicated: number;
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
  unreportedLosses(lost: readonly number[], ends: readonly LinkEnd[]): number[];
  parseJournal(text: string): { numbers: number[]; broken: number };
}

let journal: Journal;

beforeAll(async () => {
  journal = await load<Journal>("journal.mjs");
});

describe("the check of received numbers", () => {
  it.each([
    ["no messages", [], 0, { lost: [], duplicated: 0, outOfOrder: 0, unknown: 0 }],
    ["each message once", [1, 2, 3], 3, { lost: [], duplicated: 0, outOfOrder: 0, unknown: 0 }],
    ["one lost in the middle", [1, 3], 3, { lost: [2], duplicated: 0, outOfOrder: 0, unknown: 0 }],
    ["the first and the last lost", [2], 3, { lost: [1, 3], duplicated: 0, outOfOrder: 0, unknown: 0 }],
    ["one duplicate", [1, 2, 2, 3], 3, { lost: [], duplicated: 1, outOfOrder: 0, unknown: 0 }],
    ["two swapped", [1, 3, 2], 3, { lost: [], duplicated: 0, outOfOrder: 1, unknown: 0 }],
    ["a number that was never sent", [1, 2, 3, 4], 3, { lost: [], duplicated: 0, outOfOrder: 0, unknown: 1 }],
    ["a value that is not a number", [1, NaN, 2], 2, { lost: [], duplicated: 0, outOfOrder: 0, unknown: 1 }],
  ])("detects %s", (_, numbers, last, expected) => {
    expect(journal.checkStream(numbers, last)).toMatchObject(expected);
  });

  it("describes the first fault", () => {
    expect(journal.checkStream([1, 2, 2, 1], 2).first).toBe("2 duplicated, after 1,2");
    expect(journal.checkStream([1, 2], 3).first).toBe("3 lost");
  });

  it("keeps the first occurrence of each id", () => {
    expect(journal.deduplicate([1, 2, 1, 3, 2, 4])).toEqual([1, 2, 3, 4]);
  });
});

describe("lost messages that no connection reported", () => {
  const end = { given: 10, unsent: 2, uncertain: 3 };

  it("do not include uncertain messages, which precede the unsent ones", () => {
    expect(journal.unreportedLosses([5, 6, 7, 8, 9, 10], [end])).toEqual([5, 9, 10]);
  });

  it("do not include messages that any connection reported as uncertain", () => {
    expect(journal.unreportedLosses([5, 6, 12], [end, { given: 12, unsent: 0, uncertain: 1 }])).toEqual([5]);
  });

  it("include every lost message without a report", () => {
    expect(journal.unreportedLosses([3], [])).toEqual([3]);
  });
});

describe("the lines of a journal", () => {
  it("count the messages that were not intact", () => {
    expect(journal.parseJournal("1 1\n2 0\n3 1\n")).toEqual({ numbers: [1, 2, 3], broken: 1 });
  });
});
