import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { onAbort } from "../../src/runtime/abort.js";

describe("onAbort", () => {
  it("calls all callbacks in order", () => {
    const controller = new AbortController();
    const called: number[] = [];
    for (const which of [1, 2, 3]) onAbort(controller.signal, () => called.push(which));
    controller.abort();
    expect(called).toEqual([1, 2, 3]);
  });

  it("adds one listener for all callbacks, and removes it with the last", () => {
    const { signal } = new AbortController();
    const stops = Array.from({ length: 20 }, () => onAbort(signal, () => undefined));
    expect(getEventListeners(signal, "abort").length).toBe(1);
    for (const stop of stops.slice(1)) stop();
    expect(getEventListeners(signal, "abort").length).toBe(1);
    stops[0]!();
    stops[0]!();
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("does not call a removed callback", () => {
    const controller = new AbortController();
    const called: string[] = [];
    const stop = onAbort(controller.signal, () => called.push("stopped"));
    stop();
    onAbort(controller.signal, () => called.push("waits"));
    controller.abort();
    expect(called).toEqual(["waits"]);
  });

  it("can be used again after all callbacks are removed", () => {
    const controller = new AbortController();
    onAbort(controller.signal, () => undefined)();
    let isCalled = false;
    onAbort(controller.signal, () => (isCalled = true));
    controller.abort();
    expect(isCalled).toBe(true);
  });
});
