import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TimeoutError } from "../../src/errors.js";
import { handled, rejected, Wait, type WaitOptions } from "../../src/runtime/wait.js";
import { createCountingRuntime, type CountingRuntime } from "../support/counting-runtime.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";

let clock: VirtualRuntime;
let counting: CountingRuntime;
let cancelled: unknown[];
let unhandled: unknown[];

const onUnhandled = (reason: unknown): void => void unhandled.push(reason);

beforeEach(() => {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  cancelled = [];
  unhandled = [];
  process.on("unhandledRejection", onUnhandled);
});

afterEach(async () => {
  await clock.advanceAsync(0);
  process.off("unhandledRejection", onUnhandled);
  expect(unhandled).toEqual([]);
  counting.assertIdle();
});

function wait(options?: WaitOptions): Wait<string> {
  return new Wait<string>(counting.runtime, "recv", options, (reason) => cancelled.push(reason));
}

/** A signal that counts its listeners by the calls that add and remove them. */
function watchedSignal(): { controller: AbortController; listenerCount: () => number } {
  const controller = new AbortController();
  const added = vi.spyOn(controller.signal, "addEventListener");
  const removed = vi.spyOn(controller.signal, "removeEventListener");
  return { controller, listenerCount: () => added.mock.calls.length - removed.mock.calls.length };
}

describe("Wait", () => {
  it.each([undefined, {}, { signal: undefined, timeout: undefined }])(
    "sets no timer with the options %j",
    async (options) => {
      const one = wait(options);
      expect(counting.openTimers).toBe(0);
      one.resolve("here");
      await expect(one.promise).resolves.toBe("here");
    },
  );

  it("rejects with the owner's reason", async () => {
    const one = wait();
    const reason = new Error("gone");
    one.reject(reason);
    await expect(one.promise).rejects.toBe(reason);
    expect(cancelled).toEqual([]);
  });

  it("never causes an unhandled rejection", async () => {
    wait().reject(new Error("gone"));
    await rejected(new Error("gone")).catch(() => undefined);
    void rejected(new Error("gone"));
    void handled(Promise.reject(new Error("gone")));
    await clock.advanceAsync(0);
  });

  describe("a timeout", () => {
    it("rejects the promise after its time, and calls onCancel", async () => {
      const one = wait({ timeout: 50 });
      clock.advance(49);
      expect(cancelled).toEqual([]);
      clock.advance(1);
      await expect(one.promise).rejects.toBeInstanceOf(TimeoutError);
      await expect(one.promise).rejects.toMatchObject({ operation: "recv", timeoutMs: 50, code: "TIMEOUT" });
      await expect(one.promise).rejects.toThrow("recv() took longer than the 50 ms");
      expect(cancelled).toEqual([await one.promise.catch((error: unknown) => error)]);
    });

    it.each(["resolve", "reject"] as const)("is cleared by %s()", (method) => {
      const one = wait({ timeout: 50 });
      expect(counting.openTimers).toBe(1);
      one[method]("x");
      expect(counting.openTimers).toBe(0);
      clock.advance(100);
      expect(cancelled).toEqual([]);
    });
  });

  describe("a signal", () => {
    it.each([new Error("stop"), "stop", null])("rejects the promise with its reason: %s", async (reason) => {
      const { controller, listenerCount } = watchedSignal();
      const one = wait({ signal: controller.signal, timeout: 50 });
      expect(listenerCount()).toBe(1);
      controller.abort(reason);
      await expect(one.promise).rejects.toBe(reason);
      expect(cancelled).toEqual([reason]);
      expect(listenerCount()).toBe(0);
      expect(counting.openTimers).toBe(0);
    });

    it.each(["resolve", "reject"] as const)("loses its listener by %s()", (method) => {
      const { controller, listenerCount } = watchedSignal();
      const one = wait({ signal: controller.signal });
      one[method]("x");
      expect(listenerCount()).toBe(0);
      controller.abort();
      expect(cancelled).toEqual([]);
    });

    it("that is aborted already rejects the promise and sets no timer", async () => {
      const reason = new Error("stop");
      const one = wait({ signal: AbortSignal.abort(reason), timeout: 50 });
      expect(counting.openTimers).toBe(0);
      await expect(one.promise).rejects.toBe(reason);
    });

    it("that is aborted already does not call onCancel, because nothing must be undone", () => {
      wait({ signal: AbortSignal.abort() });
      expect(cancelled).toEqual([]);
    });
  });

  it("settles once, by the first event", async () => {
    const { controller } = watchedSignal();
    const one = wait({ signal: controller.signal, timeout: 5 });
    controller.abort("first");
    clock.advance(10);
    one.resolve("later");
    one.reject(new Error("later still"));
    await expect(one.promise).rejects.toBe("first");
    expect(cancelled).toEqual(["first"]);
  });

  it("clears its timer before it calls onCancel", async () => {
    const seen: number[] = [];
    const controller = new AbortController();
    const options = { signal: controller.signal, timeout: 5 };
    const one = new Wait(counting.runtime, "recv", options, () => seen.push(counting.openTimers));
    controller.abort();
    expect(seen).toEqual([0]);
    await expect(one.promise).rejects.toThrow();
  });
});
