import { describe, expect, it } from "vitest";
import { ReorderBuffers } from "../../src/buffer/reorder-buffers.js";
import { MessageStream } from "../../src/buffer/message-stream.js";
import { NumberWindow } from "../../src/buffer/number-window.js";

function stream(name: string): MessageStream<unknown> {
  return new MessageStream(name, new NumberWindow({ size: 10, isFrozen: false }));
}

/** Buffers whose next check is at `requestAt`, and the times that they scheduled. */
function scene(): { buffers: ReorderBuffers<unknown>; armed: number[] } {
  const armed: number[] = [];
  const buffers = new ReorderBuffers<unknown>(
    1_000,
    ({ requestAt }) => requestAt,
    (at) => armed.push(at),
  );
  return { buffers, armed };
}

describe("ReorderBuffers", () => {
  it("schedules the earliest time only", () => {
    const { buffers, armed } = scene();
    for (const at of [50, 60, 50, 40, Infinity]) buffers.schedule(at);
    expect(armed).toEqual([50, 40]);
  });

  it("visits each stream that has a buffer, and schedules the earliest check of the remaining buffers", () => {
    const { buffers, armed } = scene();
    const [a, b, c] = [stream("a"), stream("b"), stream("c")];
    for (const one of [a, b, c]) buffers.begin(one, 0, 0);
    buffers.schedule(10);
    const seen: string[] = [];
    buffers.forEach(({ name }, buffer) => {
      seen.push(name);
      if (name === "a") buffers.end(b);
      buffer.requestAt = name === "c" ? 30 : 70;
    });
    expect(seen).toEqual(["a", "c"]);
    expect(armed).toEqual([10, 30]);
    expect(b.fastPathWindow).toBe(b.window);
    expect(a.fastPathWindow).toBeUndefined();
  });

  it("schedules nothing if no stream has a buffer", () => {
    const { buffers, armed } = scene();
    buffers.schedule(10);
    buffers.forEach(({ name }) => expect.unreachable(name));
    expect(armed).toEqual([10]);
    expect(buffers.messageCount).toBe(0);
  });
});
