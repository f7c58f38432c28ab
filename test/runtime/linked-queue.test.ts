import { describe, expect, it } from "vitest";
import { LinkedQueue } from "../../src/runtime/linked-queue.js";

function lineOf(...items: string[]) {
  const line = new LinkedQueue<string>();
  return { line, places: items.map((item) => line.enter(item)) };
}

describe("a waiting line", () => {
  it("is empty at first", () => {
    const line = new LinkedQueue<string>();
    expect([line.length, line.first, line.last, line.shift(), [...line], line.takeAll()]).toEqual([
      ...[0, undefined, undefined, undefined, [], []],
    ]);
  });

  it("serves in the order of coming", () => {
    const { line } = lineOf("a", "b");
    expect([line.length, line.first, line.last]).toEqual([2, "a", "b"]);
    expect(line.shift()).toBe("a");
    line.enter("c");
    expect([...line]).toEqual(["b", "c"]);
    expect([line.shift(), line.shift(), line.shift()]).toEqual(["b", "c", undefined]);
    expect([line.length, line.first, line.last]).toEqual([0, undefined, undefined]);
  });

  it.each([
    ["the first", 0, ["b", "c"]],
    ["the middle one", 1, ["a", "c"]],
    ["the last", 2, ["a", "b"]],
  ] as const)("lets %s leave, once", (_name, index, rest) => {
    const { line, places } = lineOf("a", "b", "c");
    expect(line.leave(places[index]!)).toBe(true);
    expect(line.leave(places[index]!)).toBe(false);
    expect([...line]).toEqual(rest);
    expect([line.length, line.first, line.last]).toEqual([2, rest[0], rest[1]]);
    line.enter("d");
    expect(line.takeAll()).toEqual([...rest, "d"]);
  });

  it("lets the only one leave", () => {
    const { line, places } = lineOf("a");
    line.leave(places[0]!);
    expect([line.length, line.first, line.last]).toEqual([0, undefined, undefined]);
    line.enter("b");
    expect([...line]).toEqual(["b"]);
  });

  it("knows who was served", () => {
    const { line, places } = lineOf("a", "b");
    line.shift();
    expect(places.map(({ isTaken }) => isTaken)).toEqual([false, true]);
    expect(line.leave(places[0]!)).toBe(false);
    expect(line.takeAll()).toEqual(["b"]);
    expect(places[1]!.isTaken).toBe(false);
  });

  it("tells who stands before", () => {
    const { line, places } = lineOf("a", "b", "c");
    expect(places[2]!.previous?.item).toBe("b");
    line.leave(places[1]!);
    expect(places[2]!.previous?.item).toBe("a");
    line.shift();
    expect(places[2]!.previous).toBeUndefined();
  });

  it("keeps nothing of those that have left", () => {
    const { line, places } = lineOf("a", "b", "c");
    line.leave(places[1]!);
    expect([places[1]!.previous, places[1]!.next]).toEqual([undefined, undefined]);
  });
});
