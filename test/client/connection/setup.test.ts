import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Setup } from "../../../src/client/connection/setup.js";
import { TimeoutError } from "../../../src/errors.js";
import { createCountingRuntime, type CountingRuntime } from "../../support/counting-runtime.js";
import { never } from "../../support/never.js";
import { VirtualRuntime } from "../../support/virtual-runtime.js";

let clock: VirtualRuntime;
let counting: CountingRuntime;
let setup: Setup;
let calls: unknown[];

beforeEach(() => {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  calls = [];
  setup = new Setup(counting.runtime, 1_000, {
    onDone: () => calls.push("done"),
    onFailed: (error) => calls.push(error),
  });
});

afterEach(() => {
  setup.cancel();
  counting.assertIdle();
});

/** Runs a hook and returns its signal. */
function start(hook: (signal: AbortSignal) => unknown): AbortSignal {
  let given: AbortSignal | undefined;
  setup.start((signal) => {
    given = signal;
    return hook(signal);
  });
  return given!;
}

/** Creates a hook that the test completes or fails. */
function createControlledHook(): {
  hook: () => Promise<void>;
  done: () => void;
  fail: (error: unknown) => void;
} {
  let [done, fail] = [(): void => undefined, (_error: unknown): void => undefined];
  const promise = new Promise<void>((resolve, reject) => {
    done = resolve;
    fail = reject;
  });
  // Settles the promise after the test, in case the test does not.
  void never().then(done);
  return { hook: () => promise, done, fail };
}

describe("Setup", () => {
  it("runs the hook immediately, and completes when its promise resolves", async () => {
    const { hook, done } = createControlledHook();
    const signal = start(hook);
    await clock.advanceAsync(999);
    expect(calls).toEqual([]);
    done();
    await clock.advanceAsync(0);
    expect([calls, signal.aborted, counting.openTimers]).toEqual([["done"], false, 0]);
  });

  it("completes when the hook returns no promise", async () => {
    start(() => undefined);
    await clock.advanceAsync(0);
    expect(calls).toEqual(["done"]);
  });

  const error = new Error("no login");
  const fails: readonly (readonly [string, () => unknown])[] = [
    [
      "throws",
      () => {
        throw error;
      },
    ],
    ["rejects", () => Promise.reject(error)],
  ];

  it.each(fails)("fails when the hook %s", async (_how, hook) => {
    const signal = start(hook);
    await clock.advanceAsync(0);
    expect([calls, signal.reason, counting.openTimers]).toEqual([[error], error, 0]);
  });

  it("wraps a rejection reason that is not an Error in an Error", async () => {
    start(() => ({
      then: (_resolve: unknown, reject: (reason: unknown) => void) => reject(5),
    }));
    await clock.advanceAsync(0);
    expect(calls).toEqual([new Error("onConnection failed with 5", { cause: 5 })]);
  });

  it.each(["done", "fail"] as const)(
    "fails with a TimeoutError when the timeout passes, and ignores a later result: %s",
    async (end) => {
      const handle = createControlledHook();
      const signal = start(handle.hook);
      await clock.advanceAsync(999);
      expect(calls).toEqual([]);
      await clock.advanceAsync(1);
      const [late] = calls;
      expect(late).toBeInstanceOf(TimeoutError);
      expect(late).toMatchObject({ operation: "onConnection", timeoutMs: 1_000 });
      expect(signal.reason).toBe(late);
      handle[end](new Error("later"));
      await clock.advanceAsync(0);
      expect(calls.length).toBe(1);
    },
  );

  it.each(["done", "fail"] as const)("ignores the result of a cancelled hook: %s", async (end) => {
    const handle = createControlledHook();
    const signal = start(handle.hook);
    setup.cancel();
    expect([signal.aborted, counting.openTimers]).toEqual([true, 0]);
    handle[end](new Error("later"));
    await clock.advanceAsync(2_000);
    expect(calls).toEqual([]);
  });

  it("does not abort the signal when cancel() is called after completion", async () => {
    const signal = start(() => undefined);
    await clock.advanceAsync(0);
    setup.cancel();
    expect(signal.aborted).toBe(false);
  });

  it("may be cancelled by the hook itself", async () => {
    start(() => setup.cancel());
    await clock.advanceAsync(0);
    expect(calls).toEqual([]);
  });
});

it("keeps the process alive until unref() is called", () => {
  start(() => never());
  expect(clock.isHeld).toBe(true);
  setup.unref();
  expect(clock.isHeld).toBe(false);
  setup.ref();
  expect(clock.isHeld).toBe(true);
});
