import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Setup } from "../../../src/client/connection/setup.js";
import { TimeoutError } from "../../../src/errors.js";
import { createCountingRuntime, type CountingRuntime } from "../../support/counting-runtime.js";
import { never } from "../../support/never.js";
import { VirtualRuntime } from "../../support/virtual-runtime.js";

let clock: VirtualRuntime;
let counting: CountingRuntime;
let setup: Setup;
let told: unknown[];

beforeEach(() => {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  told = [];
  setup = new Setup(counting.runtime, 1_000, {
    onDone: () => told.push("done"),
    onFailed: (error) => told.push(error),
  });
});

afterEach(() => {
  setup.cancel();
  counting.assertIdle();
});

/** Runs a hook, and gives its signal. */
function start(hook: (signal: AbortSignal) => unknown): AbortSignal {
  let given: AbortSignal | undefined;
  setup.start((signal) => {
    given = signal;
    return hook(signal);
  });
  return given!;
}

/** A hook that ends when the test says so. */
function withHandle(): { hook: () => Promise<void>; done: () => void; fail: (error: unknown) => void } {
  let [done, fail] = [(): void => undefined, (_error: unknown): void => undefined];
  const promise = new Promise<void>((resolve, reject) => {
    done = resolve;
    fail = reject;
  });
  // What no test ends is not to be left behind.
  void never().then(done);
  return { hook: () => promise, done, fail };
}

describe("a hook", () => {
  it("begins at once, and is done when its promise is", async () => {
    const { hook, done } = withHandle();
    const signal = start(hook);
    await clock.advanceAsync(999);
    expect(told).toEqual([]);
    done();
    await clock.advanceAsync(0);
    expect([told, signal.aborted, counting.openTimers]).toEqual([["done"], false, 0]);
  });

  it("may do without a promise", async () => {
    start(() => undefined);
    await clock.advanceAsync(0);
    expect(told).toEqual(["done"]);
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

  it.each(fails)("that %s has failed", async (_how, hook) => {
    const signal = start(hook);
    await clock.advanceAsync(0);
    expect([told, signal.reason, counting.openTimers]).toEqual([[error], error, 0]);
  });

  it("that fails with something else has failed with an Error", async () => {
    start(() => ({
      then: (_resolve: unknown, reject: (reason: unknown) => void) => reject(5),
    }));
    await clock.advanceAsync(0);
    expect(told).toEqual([new Error("onConnection failed with 5", { cause: 5 })]);
  });

  it.each(["done", "fail"] as const)(
    "that takes too long has failed, and says nothing later: %s",
    async (end) => {
      const handle = withHandle();
      const signal = start(handle.hook);
      await clock.advanceAsync(999);
      expect(told).toEqual([]);
      await clock.advanceAsync(1);
      const [late] = told;
      expect(late).toBeInstanceOf(TimeoutError);
      expect(late).toMatchObject({ operation: "onConnection", timeoutMs: 1_000 });
      expect(signal.reason).toBe(late);
      handle[end](new Error("later"));
      await clock.advanceAsync(0);
      expect(told.length).toBe(1);
    },
  );

  it.each(["done", "fail"] as const)("that is cancelled says nothing any more: %s", async (end) => {
    const handle = withHandle();
    const signal = start(handle.hook);
    setup.cancel();
    expect([signal.aborted, counting.openTimers]).toEqual([true, 0]);
    handle[end](new Error("later"));
    await clock.advanceAsync(2_000);
    expect(told).toEqual([]);
  });

  it("that is done cannot be cancelled", async () => {
    const signal = start(() => undefined);
    await clock.advanceAsync(0);
    setup.cancel();
    expect(signal.aborted).toBe(false);
  });

  it("may be cancelled from inside itself", async () => {
    start(() => setup.cancel());
    await clock.advanceAsync(0);
    expect(told).toEqual([]);
  });
});

it("holds the process, unless told otherwise", () => {
  start(() => never());
  expect(clock.isHeld).toBe(true);
  setup.unref();
  expect(clock.isHeld).toBe(false);
  setup.ref();
  expect(clock.isHeld).toBe(true);
});
