import { describe, expect, it } from "vitest";
import { LinkedQueue } from "../../src/runtime/linked-queue.js";

function queueOf(...items: string[]) {
  const queue = new LinkedQueue<string>();
  return { queue, nodes: items.map((item) => queue.add(item)) };
}

describe("LinkedQueue", () => {
  it("is empty at first", () => {
    const queue = new LinkedQueue<string>();
    expect([queue.length, queue.first, queue.last, queue.shift(), [...queue], queue.takeAll()]).toEqual([
      ...[0, undefined, undefined, undefined, [], []],
    ]);
  });

  it("returns items in the order in which they were added", () => {
    const { queue } = queueOf("a", "b");
    expect([queue.length, queue.first, queue.last]).toEqual([2, "a", "b"]);
    expect(queue.shift()).toBe("a");
    queue.add("c");
    expect([...queue]).toEqual(["b", "c"]);
    expect([queue.shift(), queue.shift(), queue.shift()]).toEqual(["b", "c", undefined]);
    expect([queue.length, queue.first, queue.last]).toEqual([0, undefined, undefined]);
  });

  it.each([
    ["the first", 0, ["b", "c"]],
    ["the middle one", 1, ["a", "c"]],
    ["the last", 2, ["a", "b"]],
  ] as const)("removes %s once", (_name, index, rest) => {
    const { queue, nodes } = queueOf("a", "b", "c");
    expect(queue.remove(nodes[index]!)).toBe(true);
    expect(queue.remove(nodes[index]!)).toBe(false);
    expect([...queue]).toEqual(rest);
    expect([queue.length, queue.first, queue.last]).toEqual([2, rest[0], rest[1]]);
    queue.add("d");
    expect(queue.takeAll()).toEqual([...rest, "d"]);
  });

  it("removes the only item", () => {
    const { queue, nodes } = queueOf("a");
    queue.remove(nodes[0]!);
    expect([queue.length, queue.first, queue.last]).toEqual([0, undefined, undefined]);
    queue.add("b");
    expect([...queue]).toEqual(["b"]);
  });

  it("marks nodes as removed", () => {
    const { queue, nodes } = queueOf("a", "b");
    queue.shift();
    expect(nodes.map(({ isQueued }) => isQueued)).toEqual([false, true]);
    expect(queue.remove(nodes[0]!)).toBe(false);
    expect(queue.takeAll()).toEqual(["b"]);
    expect(nodes[1]!.isQueued).toBe(false);
  });

  it("links each node to the previous one", () => {
    const { queue, nodes } = queueOf("a", "b", "c");
    expect(nodes[2]!.previous?.item).toBe("b");
    queue.remove(nodes[1]!);
    expect(nodes[2]!.previous?.item).toBe("a");
    queue.shift();
    expect(nodes[2]!.previous).toBeUndefined();
  });

  it("counts the items, and can be used again after it was empty", () => {
    const { queue } = queueOf("a", "b");
    const lengths = [queue.length];
    for (let count = 0; count < 3; count++) {
      queue.shift();
      lengths.push(queue.length);
    }
    expect(lengths).toEqual([2, 1, 0, 0]);
    queue.add("c");
    queue.add("d");
    expect([queue.length, queue.shift(), queue.shift(), queue.shift()]).toEqual([2, "c", "d", undefined]);
  });

  it("clears the links of a removed node", () => {
    const { queue, nodes } = queueOf("a", "b", "c");
    queue.remove(nodes[1]!);
    expect([nodes[1]!.previous, nodes[1]!.next]).toEqual([undefined, undefined]);
  });
});
