import { describe, expect, it } from "vitest";
import { TimerHeap } from "../../src/testing/timer-heap.js";
import { VirtualRuntime } from "../../src/testing/index.js";

const ignore = (): void => undefined;

describe("TimerHeap", () => {
  it("returns timers by due time, and timers with the same due time in the order in which they were added", () => {
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

  it("knows whether a timer would keep the process alive", () => {
    const heap = new TimerHeap();
    const timer = heap.add(1, ignore);
    expect(heap.hasRef).toBe(true);
    timer.unref();
    expect(heap.hasRef).toBe(false);
    timer.ref();
    expect(heap.hasRef).toBe(true);
  });
});
