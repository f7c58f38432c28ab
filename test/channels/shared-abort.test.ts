import { getEventListeners } from "node:events";
import { expect, it } from "vitest";
import { SharedAborts } from "../../src/channels/shared-abort.js";

it("many callbacks of a signal share one listener, which is removed with the last callback", () => {
  const aborts = new SharedAborts();
  const { signal } = new AbortController();
  const removals = Array.from({ length: 20 }, () => aborts.add(signal, () => undefined));
  expect(getEventListeners(signal, "abort").length).toBe(1);
  for (const remove of removals) remove();
  removals[0]!();
  expect(getEventListeners(signal, "abort").length).toBe(0);
});

it("an abort calls the callbacks that are left, once each, also if one removes itself", () => {
  const aborts = new SharedAborts();
  const controller = new AbortController();
  const calls: number[] = [];
  const removeFirst = aborts.add(controller.signal, () => calls.push(1));
  const removeSecond: () => void = aborts.add(controller.signal, () => {
    calls.push(2);
    removeSecond();
  });
  aborts.add(controller.signal, () => calls.push(3));
  removeFirst();
  controller.abort();
  expect(calls).toEqual([2, 3]);
});

it("without a signal nothing happens", () => {
  expect(new SharedAborts().add(undefined, () => undefined)).not.toThrow();
});
