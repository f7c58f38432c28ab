import { describe, expect, it } from "vitest";
import { CallbackQueue } from "../../src/testing/callback-queue.js";
import { TimerHeap } from "../../src/testing/timer-heap.js";
import { VirtualRuntime } from "../../src/testing/index.js";

const ignore = (): void => undefined;

describe("a heap of timers", () => {
  it("gives them by their time, and those of one moment in the order in which they were set", () => {
    const runtime = new VirtualRuntime({ seed: 7 });
    const heap = new TimerHeap();
    let timers = Array.from({ length: 2_000 }, () => heap.add(Math.floor(runtime.random() * 100), ignore));
    for (const timer of timers) {
      if (runtime.random() < 0.5) continue;
      timer.clear();
      timer.clear();
      timers = timers.filter((other) => other !== timer);
    }
    timers.sort((one, other) => one.dueAt - other.dueAt || one.order - other.order);
    const taken = [];
    for (let timer = heap.first; timer !== undefined; timer = heap.first) {
      taken.push(timer.order);
      heap.remove(timer);
    }
    expect(taken).toEqual(timers.map(({ order }) => order));
  });

  it("knows whether one would hold a process", () => {
    const heap = new TimerHeap();
    const timer = heap.add(1, ignore);
    expect(heap.hasRef).toBe(true);
    timer.unref();
    expect(heap.hasRef).toBe(false);
    timer.ref();
    expect(heap.hasRef).toBe(true);
  });
});

describe("a queue of callbacks", () => {
  it("gives each once, in their order, also those that come between", () => {
    const queue = new CallbackQueue();
    const told: number[] = [];
    for (let n = 0; n < 3; n++) queue.push(() => told.push(n));
    queue.shift()?.();
    queue.push(() => told.push(3));
    expect(queue.length).toBe(3);
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) next();
    expect([told, queue.length]).toEqual([[0, 1, 2, 3], 0]);
  });
});
