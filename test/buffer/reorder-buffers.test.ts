import { describe, expect, it } from "vitest";
import { ReorderBuffers } from "../../src/buffer/reorder-buffers.js";
import { MessageStream } from "../../src/buffer/message-stream.js";
import { NumberWindow } from "../../src/buffer/number-window.js";

function stream(name: string): MessageStream<unknown> {
  return new MessageStream(name, new NumberWindow({ size: 10, isFrozen: false }));
}

describe("holds", () => {
  it("arm a timer for the first look only", () => {
    const armed: number[] = [];
    const holds = new ReorderBuffers(1_000, (at) => armed.push(at));
    for (const at of [50, 60, 50, 40, Infinity]) holds.arm(at);
    expect(armed).toEqual([50, 40]);
    expect(holds.nextAt).toBe(40);
  });

  it("look at each stream that holds, and arm for the next look", () => {
    const armed: number[] = [];
    const holds = new ReorderBuffers(1_000, (at) => armed.push(at));
    const [a, b, c] = [stream("a"), stream("b"), stream("c")];
    for (const one of [a, b, c]) holds.begin(one, 0, 0);
    holds.arm(10);
    const seen: string[] = [];
    holds.look(({ name }) => {
      seen.push(name);
      if (name === "a") holds.end(b);
      return name === "c" ? 30 : 70;
    });
    expect(seen).toEqual(["a", "c"]);
    expect(armed).toEqual([10, 30]);
    expect(b.steadyWindow).toBe(b.window);
    expect(a.steadyWindow).toBeUndefined();
  });

  it("set no timer where no look is due", () => {
    const armed: number[] = [];
    const holds = new ReorderBuffers(1_000, (at) => armed.push(at));
    holds.arm(10);
    holds.look(() => 5);
    expect(armed).toEqual([10]);
    expect(holds.nextAt).toBe(Infinity);
    expect(holds.messageCount).toBe(0);
  });
});
