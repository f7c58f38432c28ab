import { describe, expect, it } from "vitest";
import { type ChannelBounds, ChannelBuffer } from "../../src/channels/channel-buffer.js";

function create(bounds: Partial<ChannelBounds> = {}): ChannelBuffer {
  return new ChannelBuffer({ capacity: 4, overflow: "dropOldest", keyOf: undefined, ...bounds });
}

describe("the buffer of a channel", () => {
  it("returns messages in order over many pushes and shifts", () => {
    const buffer = create({ capacity: 300 });
    const seen: unknown[] = [];
    let next = 0;
    for (let round = 0; round < 500; round++) {
      for (let count = (round * 7) % 5; count > 0; count--) buffer.push(next++);
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
    expect([buffer.push(first), buffer.push({ n: 2 }), buffer.push({ n: 3 })]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(buffer.push({ key: "a", n: 4 })).toEqual({ dropped: { key: "a", n: 1 } });
    expect(buffer.waiting.map((one) => (one as { n: number }).n)).toEqual([4, 2, 3]);
    buffer.shift();
    expect(buffer.push({ key: "a", n: 5 })).toBeUndefined();
    expect(buffer.push({ key: "b", n: 6 })).toBeUndefined();
    expect(buffer.push({ key: "c", n: 7 })).toEqual({ dropped: { n: 2 } });
  });

  it("says that it is full only with the policy error, and then keeps its messages", () => {
    const buffer = create({ overflow: "error", capacity: 1 });
    expect([buffer.push(1), buffer.push(2), buffer.waiting]).toEqual([undefined, "error", [1]]);
  });

  it("returns undefined if it is empty", () => {
    expect(create().shift()).toBeUndefined();
  });
});
