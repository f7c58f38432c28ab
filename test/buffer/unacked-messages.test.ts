import { describe, expect, it } from "vitest";
import { UnackedMessages } from "../../src/buffer/unacked-messages.js";
import { OutboxEntry } from "../../src/buffer/outbox-entry.js";

type Entry = OutboxEntry<string>;

/** Messages with these names that were sent, one byte each. */
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

describe("UnackedMessages", () => {
  it("is empty at first", () => {
    const unacked = new UnackedMessages<string>();
    unacked.resendAll();
    expect([...counts(unacked), unacked.first, unacked.shift()]).toEqual([0, 0, 0, undefined, undefined]);
  });

  it("sends nothing again before resendAll(), and then all messages in their first order", () => {
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

  it("starts again with the first message if resendAll() is called early, and keeps each time to live", () => {
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
    ["the first message", "a", ["b", "c"]],
    ["a message between others", "b", ["a", "c"]],
    ["the last message", "c", ["a", "b"]],
  ])("removes %s when it is acknowledged, in flight and while it waits", (_, id, left) => {
    for (const isInLine of [false, true]) {
      const { unacked } = unackedOf("a", "b", "c");
      if (isInLine) unacked.resendAll();
      expect([unacked.acknowledge(id), unacked.acknowledge(id)]).toEqual([true, false]);
      unacked.resendAll();
      expect([counts(unacked), sentAgain(unacked)]).toEqual([[2, 2, 2], left]);
    }
  });

  it("ignores an unknown id, and an id of a message that was not sent", () => {
    const unacked = new UnackedMessages<string>();
    const entry = new OutboxEntry("a", 1);
    unacked.claim("a", entry);
    expect([unacked.acknowledge("b"), unacked.acknowledge("a")]).toEqual([false, false]);
    entry.state = "unsent";
    expect(unacked.acknowledge("a")).toBe(false);
  });

  it("assigns an id to one message at a time", () => {
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

  it("returns unsent messages with their ids", () => {
    const { unacked, entries } = unackedOf("a", "b", "c");
    unacked.detach(entries[2]!);
    unacked.detach(entries[1]!);
    expect([counts(unacked), unacked.claim("b", entries[0]!)]).toEqual([[1, 1, 0], false]);
    unacked.append(entries[2]!);
    unacked.resendAll();
    expect([sentAgain(unacked), unacked.acknowledge("c")]).toEqual([["a", "c"], true]);
  });

  it("removes the waiting messages that shouldRemove selects, and calls it once for each in order", () => {
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
    expect([counts(unacked), sentAgain(unacked), unacked.acknowledge("b")]).toEqual([
      [2, 2, 1],
      ["c"],
      false,
    ]);
  });
});
