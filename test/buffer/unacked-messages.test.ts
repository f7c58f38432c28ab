import { describe, expect, it } from "vitest";
import { UnackedMessages } from "../../src/buffer/unacked-messages.js";
import { OutboxEntry } from "../../src/buffer/outbox-entry.js";

type Entry = OutboxEntry<string>;

/** A ledger into which the messages of these names have gone, one byte each. */
function ledgerOf(...names: readonly string[]): { ledger: UnackedMessages<string>; entries: Entry[] } {
  const ledger = new UnackedMessages<string>();
  const entries = names.map((name) => new OutboxEntry(name, 1));
  for (const entry of entries) {
    ledger.claim(entry.message, entry);
    ledger.append(entry);
  }
  return { ledger, entries };
}

function sentAgain(ledger: UnackedMessages<string>, count = Infinity): string[] {
  const names: string[] = [];
  while (names.length < count) {
    const entry = ledger.shift();
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
    const ledger = new UnackedMessages<string>();
    ledger.rewind();
    expect([...counts(ledger), ledger.first, ledger.shift()]).toEqual([0, 0, 0, undefined, undefined]);
  });

  it("sends nothing again before it is rewound, and then all in their first order", () => {
    const { ledger, entries } = ledgerOf("a", "b", "c");
    expect([sentAgain(ledger), counts(ledger), ledger.first]).toEqual([[], [3, 3, 0], entries[0]]);
    ledger.rewind();
    expect(entries.map(({ place }) => place)).toEqual(Array(3).fill("resend"));
    expect([counts(ledger), sentAgain(ledger), counts(ledger)]).toEqual([
      [3, 3, 3],
      ["a", "b", "c"],
      [3, 3, 0],
    ]);
    expect(entries.map(({ place, isRepeated }) => [place, isRepeated])).toEqual(
      Array(3).fill(["inFlight", true]),
    );
  });

  it("begins again with the first when it is rewound on the way, and leaves each message its time to live", () => {
    const { ledger, entries } = ledgerOf("a", "b", "c");
    for (const [index, entry] of entries.entries()) entry.expiresAt = 90 - 10 * index;
    expect(ledger.rewind()).toBe(70);
    expect(sentAgain(ledger, 1)).toEqual(["a"]);
    expect([ledger.rewind(), ledger.rewind()]).toEqual([90, Infinity]);
    expect(entries.map(({ expiresAt }) => expiresAt)).toEqual([90, 80, 70]);
    expect([counts(ledger), sentAgain(ledger)]).toEqual([
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
      const { ledger } = ledgerOf("a", "b", "c");
      if (isInLine) ledger.rewind();
      expect([ledger.acknowledge(id), ledger.acknowledge(id)]).toEqual([true, false]);
      ledger.rewind();
      expect([counts(ledger), sentAgain(ledger)]).toEqual([[2, 2, 2], left]);
    }
  });

  it("knows no id that was not claimed, and takes none for a message that did not go", () => {
    const ledger = new UnackedMessages<string>();
    const entry = new OutboxEntry("a", 1);
    ledger.claim("a", entry);
    expect([ledger.acknowledge("b"), ledger.acknowledge("a")]).toEqual([false, false]);
    entry.place = "unsent";
    expect(ledger.acknowledge("a")).toBe(false);
  });

  it("gives an id to one message at a time", () => {
    const ledger = new UnackedMessages<string>();
    const [first, second] = [new OutboxEntry("first", 1), new OutboxEntry("second", 1)];
    expect([ledger.claim(7, first), ledger.claim(7, second), ledger.claim("7", second)]).toEqual([
      true,
      false,
      true,
    ]);
    ledger.release(first);
    ledger.release(new OutboxEntry("without one", 1));
    expect(ledger.claim(7, new OutboxEntry("third", 1))).toBe(true);
  });

  it("gives back what did not leave, with its id", () => {
    const { ledger, entries } = ledgerOf("a", "b", "c");
    ledger.takeBack(entries[2]!);
    ledger.takeBack(entries[1]!);
    expect([counts(ledger), ledger.claim("b", entries[0]!)]).toEqual([[1, 1, 0], false]);
    ledger.append(entries[2]!);
    ledger.rewind();
    expect([sentAgain(ledger), ledger.acknowledge("c")]).toEqual([["a", "c"], true]);
  });

  it("removes of those that wait what it is told to, asking once for each in their order", () => {
    const { ledger } = ledgerOf("a", "b", "c", "d");
    ledger.rewind();
    sentAgain(ledger, 1);
    const asked: string[] = [];
    const gone = ledger.removeWaiting(({ message }) => {
      asked.push(message);
      return message !== "c";
    });
    expect([asked, gone.map(({ message }) => message)]).toEqual([
      ["b", "c", "d"],
      ["b", "d"],
    ]);
    expect(gone.every(({ place }) => place === "settled")).toBe(true);
    expect([counts(ledger), sentAgain(ledger), ledger.acknowledge("b")]).toEqual([[2, 2, 1], ["c"], false]);
  });
});
