import { describe, expect, it } from "vitest";
import { type Arrival, MessageStream } from "../../src/buffer/message-stream.js";
import { NumberWindow } from "../../src/buffer/number-window.js";

function streamAt(sequence: number, epoch?: string): MessageStream<string> {
  const stream = new MessageStream<string>("s", new NumberWindow({ size: 3, isFrozen: false }));
  stream.resume(epoch === undefined ? { sequence } : { sequence, epoch }, true);
  return stream;
}

function arrival(stream: MessageStream<string>, id: number, epoch?: string): Arrival<string> {
  return { message: `${id}`, stream, id, epoch, connection: 1, request: undefined, at: 0, bytes: 1 };
}

describe("MessageStream", () => {
  it("has a fast-path window while it has no reorder buffer and is not watched", () => {
    const stream = streamAt(1);
    stream.isWatched = true;
    stream.buffer = undefined;
    expect(stream.fastPathWindow).toBeUndefined();
    stream.isWatched = false;
    expect(stream.fastPathWindow).toBe(stream.window);
  });

  it("returns a cursor with the known epoch", () => {
    expect(new MessageStream("s", new NumberWindow({ size: 3, isFrozen: false })).cursor).toBeUndefined();
    expect(streamAt(5).cursor).toEqual({ sequence: 5 });
    expect(streamAt(5, "x").cursor).toEqual({ sequence: 5, epoch: "x" });
    expect(streamAt(5, "x").cursorBefore(4)).toEqual({ sequence: 3, epoch: "x" });
    expect(streamAt(5).cursorBefore(9)).toBeUndefined();
  });

  it.each([
    ["x", "y", "restart"],
    ["x", "x", "next"],
    ["x", undefined, "next"],
    [undefined, "y", "next"],
    [undefined, undefined, "next"],
  ])("with the cursor in epoch %s, classifies the next id in epoch %s as %s", (known, epoch, status) => {
    const stream = streamAt(5, known);
    expect(stream.classify(arrival(stream, 6, epoch), false)).toBe(status);
  });

  it.each([
    [20, true, "duplicate"],
    [11, true, "duplicate"],
    [10, true, "restart"],
    [20, false, "restart"],
  ])(
    "with a replay request at id 10 and the cursor at 50, classifies %i (covered: %s) as %s",
    (id, isCovered, status) => {
      const stream = streamAt(50);
      const cursors = { s: { sequence: 10 } };
      const streams = new Set([stream]);
      stream.replay = { cursors, connection: 1, number: 1, streams, state: "running", activeAt: 0 };
      expect(stream.classify(arrival(stream, id), isCovered)).toBe(status);
    },
  );

  it("counts duplicates since its cursor last moved", () => {
    const stream = streamAt(5);
    expect([1, 2, 3].map(() => stream.countDuplicate(2))).toEqual([false, false, true]);
    stream.window.advance(6);
    expect([1, 2, 3].map(() => stream.countDuplicate(2))).toEqual([false, false, true]);
    stream.restart(arrival(stream, 6));
    expect(stream.countDuplicate(2)).toBe(false);
  });
});
