import { describe, expect, it } from "vitest";
import { UnackedMessages } from "../../src/buffer/unacked-messages.js";
import { OutboxEntry } from "../../src/buffer/outbox-entry.js";

type Entry = OutboxEntry<string>;

/** A ledger into which the messages of these names have gone, one byte each. */
function unackedOf(...names: readonly string[]): { unacked: UnackedMessages<string>; entries: Entry[] } {
  const unacked = new UnackedMessages<string>();
  const entries = names.map((name) => new OutboxEntry(name, 1));
  for (const entry of entries) {
    unacked.claim(entry.message, entry);
    unacked.append(entry);
  }
  return { unacked, entries };
}

function sentAgain(unacked: UnackedMessages<string>, count = Infinity): string[] {
  const names: string[] = [];
  while (names.length < count) {
    const entry = unacked.shift();
    if (entry === undefined) break;
    names.push(entry.message);
  }
  return names;
}

const counts = ({ length, bytes, waitingCount }: UnackedMessages<string>): number[] => [
  length,
  bytes,
  waitingCount,
];

describe("Ledger", () => {
  it("is empty at first", () => {
    const unacked = new UnackedMessages<string>();
    unacked.resendAll();
    expect([...counts(unacked), unacked.first, unacked.shift()]).toEqual([0, 0, 0, undefined, undefined]);
  });

  it("sends nothing again before it is rewound, and then all in their first order", () => {
    const { unacked, entries } = unackedOf("a", "b", "c");
    expect([sentAgain(unacked), counts(unacked), unacked.first]).toEqual([[], [3, 3, 0], entries[0]]);
    unacked.resendAll();
    expect(entries.map(({ state }) => state)).toEqual(Array(3).fill("resend"));
    expect([counts(unacked), sentAgain(unacked), counts(unacked)]).toEqual([
      [3, 3, 3],
      ["a", "b", "c"],
      [3, 3, 0],
    ]);
    expect(entries.map(({ state, isResent }) => [state, isResent])).toEqual(
      Array(3).fill(["inFlight", true]),
    );
  });

  it("begins again with the first when it is rewound on the way, and leaves each message its time to live", () => {
    const { unacked, entries } = unackedOf("a", "b", "c");
    for (const [index, entry] of entries.entries()) entry.expiresAt = 90 - 10 * index;
    expect(unacked.resendAll()).toBe(70);
    expect(sentAgain(unacked, 1)).toEqual(["a"]);
    expect([unacked.resendAll(), unacked.resendAll()]).toEqual([90, Infinity]);
    expect(entries.map(({ expiresAt }) => expiresAt)).toEqual([90, 80, 70]);
    expect([counts(unacked), sentAgain(unacked)]).toEqual([
      [3, 3, 3],
      ["a", "b", "c"],
    ]);
  });

  it.each([
    ["the first", "a", ["b", "c"]],
    ["one between", "b", ["a", "c"]],
    ["the last", "c", ["a", "b"]],
  ])("forgets %s when it is acknowledged, in flight and in line", (_, id, left) => {
    for (const isInLine of [false, true]) {
      const { unacked } = unackedOf("a", "b", "c");
      if (isInLine) unacked.resendAll();
      expect([unacked.acknowledge(id), unacked.acknowledge(id)]).toEqual([true, false]);
      unacked.resendAll();
      expect([counts(unacked), sentAgain(unacked)]).toEqual([[2, 2, 2], left]);
    }
  });

  it("knows no id that was not claimed, and takes none for a message that did not go", () => {
    const unacked = new UnackedMessages<string>();
    const entry = new OutboxEntry("a", 1);
    unacked.claim("a", entry);
    expect([unacked.acknowledge("b"), unacked.acknowledge("a")]).toEqual([false, false]);
    entry.state = "unsent";
    expect(unacked.acknowledge("a")).toBe(false);
  });

  it("gives an id to one message at a time", () => {
    const unacked = new UnackedMessages<string>();
    const [first, second] = [new OutboxEntry("first", 1), new OutboxEntry("second", 1)];
    expect([unacked.claim(7, first), unacked.claim(7, second), unacked.claim("7", second)]).toEqual([
      true,
      false,
      true,
    ]);
    unacked.release(first);
    unacked.release(new OutboxEntry("without one", 1));
    expect(unacked.claim(7, new OutboxEntry("third", 1))).toBe(true);
  });

  it("gives back what did not leave, with its id", () => {
    const { unacked, entries } = unackedOf("a", "b", "c");
    unacked.detach(entries[2]!);
    unacked.detach(entries[1]!);
    expect([counts(unacked), unacked.claim("b", entries[0]!)]).toEqual([[1, 1, 0], false]);
    unacked.append(entries[2]!);
    unacked.resendAll();
    expect([sentAgain(unacked), unacked.acknowledge("c")]).toEqual([["a", "c"], true]);
  });

  it("removes of those that wait what it is told to, asking once for each in their order", () => {
    const { unacked } = unackedOf("a", "b", "c", "d");
    unacked.resendAll();
    sentAgain(unacked, 1);
    const asked: string[] = [];
    const removed = unacked.removeWaiting(({ message }) => {
      asked.push(message);
      return message !== "c";
    });
    expect([asked, removed.map(({ message }) => message)]).toEqual([
      ["b", "c", "d"],
      ["b", "d"],
    ]);
    expect(removed.every(({ state }) => state === "settled")).toBe(true);
    expect([counts(unacked), sentAgain(unacked), unacked.acknowledge("b")]).toEqual([[2, 2, 1], ["c"], false]);
  });
});
