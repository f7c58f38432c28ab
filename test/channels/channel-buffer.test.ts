import { describe, expect, it } from "vitest";
import { type ChannelBounds, ChannelBuffer } from "../../src/channels/channel-buffer.js";

function create(bounds: Partial<ChannelBounds> = {}): ChannelBuffer {
  return new ChannelBuffer({
    capacity: 4,
    maxBytes: 1_000,
    overflow: "dropOldest",
    keyOf: undefined,
    ...bounds,
  });
}

describe("the buffer of a channel", () => {
  it("returns messages in order over many pushes and shifts", () => {
    const buffer = create({ capacity: 300 });
    const seen: unknown[] = [];
    let next = 0;
    for (let round = 0; round < 500; round++) {
      for (let count = (round * 7) % 5; count > 0; count--) buffer.push(next++, 1);
      for (let count = (round * 3) % 4; count > 0; count--) {
        const slot = buffer.shift();
        if (slot !== undefined) seen.push(slot.message);
      }
    }
    seen.push(...buffer.waiting);
    // Some of the oldest messages were dropped.
    expect(seen.every((one, index) => index === 0 || Number(one) > Number(seen[index - 1]))).toBe(true);
    expect([seen.at(-1), buffer.length]).toEqual([next - 1, buffer.waiting.length]);
  });

  it("replaces the waiting message of a key in its place, and never one without a key", () => {
    const buffer = create({ overflow: "conflate", keyOf: (message) => (message as { key?: string }).key });
    const first = { key: "a", n: 1 };
    expect([buffer.push(first, 1), buffer.push({ n: 2 }, 1), buffer.push({ n: 3 }, 1)]).toEqual([[], [], []]);
    expect(buffer.push({ key: "a", n: 4 }, 1)).toEqual([{ key: "a", n: 1 }]);
    expect(buffer.waiting.map((one) => (one as { n: number }).n)).toEqual([4, 2, 3]);
    buffer.shift();
    expect(buffer.push({ key: "a", n: 5 }, 1)).toEqual([]);
    expect(buffer.push({ key: "b", n: 6 }, 1)).toEqual([]);
    expect(buffer.push({ key: "c", n: 7 }, 1)).toEqual([{ n: 2 }]);
  });

  it("says that it is full only with the policy error, and then keeps its messages", () => {
    const buffer = create({ overflow: "error", capacity: 1 });
    expect([buffer.push(1, 1), buffer.push(2, 1), buffer.waiting]).toEqual([[], "error", [1]]);
  });

  it("limits the total size of its messages, and always accepts a single message", () => {
    const buffer = create({ maxBytes: 100 });
    expect([buffer.push("a", 60), buffer.push("b", 40), buffer.push("c", 10)]).toEqual([[], [], ["a"]]);
    expect([buffer.push("large", 500), buffer.waiting]).toEqual([["b", "c"], ["large"]]);
    expect([buffer.push("d", 100), buffer.waiting]).toEqual([["large"], ["d"]]);
    buffer.shift();
    expect([buffer.push("e", 100), buffer.waiting]).toEqual([[], ["e"]]);
  });

  it("applies the limit of bytes with each policy", () => {
    const newest = create({ maxBytes: 100, overflow: "dropNewest" });
    expect([newest.push("a", 60), newest.push("b", 41), newest.waiting]).toEqual([[], ["b"], ["a"]]);
    const failing = create({ maxBytes: 100, overflow: "error" });
    expect([failing.push("a", 60), failing.push("b", 41), failing.waiting]).toEqual([[], "error", ["a"]]);
  });

  it("drops older messages if the newer message of a key is larger", () => {
    const keyOf = (message: unknown): unknown => (message as string)[0];
    const buffer = create({ maxBytes: 100, overflow: "conflate", keyOf });
    for (const one of ["a1", "b1", "c1"]) buffer.push(one, 20);
    expect([buffer.push("b2", 70), buffer.waiting]).toEqual([
      ["b1", "a1"],
      ["b2", "c1"],
    ]);
    expect([buffer.push("b3", 200), buffer.waiting]).toEqual([["b2"], ["b3", "c1"]]);
    expect([buffer.push("d1", 1), buffer.waiting]).toEqual([["b3"], ["c1", "d1"]]);
  });

  it("returns undefined if it is empty", () => {
    expect(create().shift()).toBeUndefined();
  });
});
