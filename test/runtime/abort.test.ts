import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { onAbort } from "../../src/runtime/abort.js";

describe("onAbort", () => {
  it("calls everyone who waits, in their order", () => {
    const controller = new AbortController();
    const called: number[] = [];
    for (const which of [1, 2, 3]) onAbort(controller.signal, () => called.push(which));
    controller.abort();
    expect(called).toEqual([1, 2, 3]);
  });

  it("puts one listener on a signal for all, and takes it away with the last", () => {
    const { signal } = new AbortController();
    const stops = Array.from({ length: 20 }, () => onAbort(signal, () => undefined));
    expect(getEventListeners(signal, "abort").length).toBe(1);
    for (const stop of stops.slice(1)) stop();
    expect(getEventListeners(signal, "abort").length).toBe(1);
    stops[0]!();
    stops[0]!();
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("does not call who has stopped waiting, from inside another's call too", () => {
    const controller = new AbortController();
    const called: string[] = [];
    const stop = onAbort(controller.signal, () => called.push("stopped"));
    stop();
    onAbort(controller.signal, () => called.push("waits"));
    controller.abort();
    expect(called).toEqual(["waits"]);
  });

  it("waits anew after all have stopped", () => {
    const controller = new AbortController();
    onAbort(controller.signal, () => undefined)();
    let isCalled = false;
    onAbort(controller.signal, () => (isCalled = true));
    controller.abort();
    expect(isCalled).toBe(true);
  });
});
