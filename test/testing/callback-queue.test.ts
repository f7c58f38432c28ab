import { describe, expect, it } from "vitest";
import { CallbackQueue } from "../../src/testing/callback-queue.js";

/** A queue whose callbacks record their number. */
function queueOf(count: number): { readonly queue: CallbackQueue; readonly calls: number[] } {
  const queue = new CallbackQueue();
  const calls: number[] = [];
  for (let number = 0; number < count; number++) queue.push(() => calls.push(number));
  return { queue, calls };
}

function runAll(queue: CallbackQueue): void {
  for (let callback = queue.shift(); callback !== undefined; callback = queue.shift()) callback();
}

describe("CallbackQueue", () => {
  it("returns undefined while it is empty", () => {
    const { queue } = queueOf(0);
    expect([queue.shift(), queue.length]).toEqual([undefined, 0]);
  });

  it("does not run the callbacks itself", () => {
    const { queue, calls } = queueOf(1);
    expect(queue.shift()).toBeTypeOf("function");
    expect(calls).toEqual([]);
  });

  it("counts the callbacks that were not returned yet", () => {
    const { queue } = queueOf(3);
    const lengths = [queue.length];
    for (let count = 0; count < 4; count++) {
      queue.shift();
      lengths.push(queue.length);
    }
    expect(lengths).toEqual([3, 2, 1, 0, 0]);
  });

  it("can be used again after it was empty", () => {
    const { queue, calls } = queueOf(2);
    runAll(queue);
    expect(queue.shift()).toBeUndefined();
    queue.push(() => calls.push(10));
    queue.push(() => calls.push(11));
    expect(queue.length).toBe(2);
    runAll(queue);
    expect(calls).toEqual([0, 1, 10, 11]);
  });

  it("returns a callback that a running callback added after all others", () => {
    const queue = new CallbackQueue();
    const calls: string[] = [];
    queue.push(() => {
      calls.push("first");
      queue.push(() => calls.push("added"));
    });
    queue.push(() => calls.push("second"));
    runAll(queue);
    expect(calls).toEqual(["first", "second", "added"]);
  });

  it("keeps a callback that the last callback added while it was empty", () => {
    const queue = new CallbackQueue();
    const calls: string[] = [];
    queue.push(() => queue.push(() => calls.push("added")));
    queue.shift()?.();
    expect(queue.length).toBe(1);
    runAll(queue);
    expect(calls).toEqual(["added"]);
  });

  it("keeps the remaining callbacks when one throws", () => {
    const queue = new CallbackQueue();
    const calls: string[] = [];
    queue.push(() => {
      throw new Error("thrown by a callback");
    });
    queue.push(() => calls.push("second"));
    expect(() => runAll(queue)).toThrow("thrown by a callback");
    expect(queue.length).toBe(1);
    runAll(queue);
    expect(calls).toEqual(["second"]);
  });
});
