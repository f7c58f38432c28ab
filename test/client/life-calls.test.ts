import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LifeCalls } from "../../src/client/life-calls.js";
import { TimeoutError } from "../../src/errors.js";
import { createCountingRuntime, type CountingRuntime } from "../support/counting-runtime.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";

let clock: VirtualRuntime;
let counting: CountingRuntime;
let calls: LifeCalls;
let cancelled: unknown[];

beforeEach(() => {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  calls = new LifeCalls(counting.runtime);
  cancelled = [];
});

afterEach(() => {
  calls.takeEnded().settle(true, new Error("over"));
  calls.onClosed();
  counting.assertIdle();
});

function connect(options?: Parameters<LifeCalls["connect"]>[1], operation = "connect"): Promise<void> {
  return calls.connect(operation, options, (reason) => cancelled.push(reason));
}

async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  const pending = {};
  await new Promise((resolve) => setImmediate(resolve));
  return Promise.race([promise, Promise.resolve(pending)]).then(
    (value) => (value === pending ? "waits" : "done"),
    (error: unknown) => error,
  );
}

const statesOf = (promises: readonly Promise<void>[]): Promise<unknown[]> =>
  Promise.all(promises.map(stateOf));

describe("the calls of a life", () => {
  it("are none at first", () => {
    expect([calls.hasConnects, calls.hasRuns, calls.isEmpty]).toEqual([false, false, true]);
  });

  it.each([
    ["connect", (): unknown => connect(), [true, false, false]],
    ["run", (): unknown => calls.run(undefined), [false, true, false]],
    ["close", (): unknown => calls.close(undefined), [false, false, false]],
  ] as const)("are known by their kind: %s", (_kind, call, expected) => {
    void call();
    expect([calls.hasConnects, calls.hasRuns, calls.isEmpty]).toEqual(expected);
  });
});

describe("connect()", () => {
  it("resolves when a connection is there, for all that wait", async () => {
    const promises = [connect(), connect()];
    expect(await statesOf(promises)).toEqual(["waits", "waits"]);
    calls.onConnected();
    expect(await statesOf(promises)).toEqual(["done", "done"]);
    expect([calls.hasConnects, cancelled]).toEqual([false, []]);
  });

  it("rejects with what the first attempt failed with, while run() goes on", async () => {
    const run = calls.run(undefined);
    const promise = connect();
    calls.rejectConnects("failed");
    expect(await statesOf([promise, run])).toEqual(["failed", "waits"]);
    expect([calls.hasConnects, calls.hasRuns]).toEqual([false, true]);
  });

  it("may be given up by its signal, and tells when it is forgotten", async () => {
    const controller = new AbortController();
    const promise = calls.connect("connect", { signal: controller.signal }, (reason) =>
      cancelled.push([reason, calls.hasConnects]),
    );
    controller.abort("stop");
    expect([await stateOf(promise), cancelled]).toEqual(["stop", [["stop", false]]]);
    calls.onConnected();
    expect(cancelled.length).toBe(1);
  });

  it("may run out of time, alone of several", async () => {
    const promises = [connect(), connect({ timeout: 50 }, "reconnect")];
    clock.advance(50);
    const [first, second] = await statesOf(promises);
    expect(first).toBe("waits");
    expect(second).toBeInstanceOf(TimeoutError);
    expect(second).toMatchObject({ operation: "reconnect", timeoutMs: 50 });
    expect([cancelled, calls.hasConnects]).toEqual([[second], true]);
  });
});

describe("run()", () => {
  it("is not settled by a connection", async () => {
    const run = calls.run(undefined);
    calls.onConnected();
    expect(await stateOf(run)).toBe("waits");
  });

  it("may be given up alone of several", async () => {
    const controller = new AbortController();
    const runs = [calls.run({ signal: controller.signal }), calls.run({ timeout: 50 }), calls.run(undefined)];
    controller.abort("stop");
    clock.advance(50);
    expect(await statesOf(runs)).toEqual(["stop", expect.any(TimeoutError), "waits"]);
    expect(calls.hasRuns).toBe(true);
    calls.takeEnded().settle(true, "over");
    expect(await stateOf(runs[2]!)).toBe("done");
  });
});

describe("close()", () => {
  it("resolves when all is over, and not before", async () => {
    const closes = [calls.close(undefined), calls.close({ timeout: 50 })];
    calls.onConnected();
    calls.takeEnded().settle(false, "failed");
    expect(await statesOf(closes)).toEqual(["waits", "waits"]);
    calls.onClosed();
    expect(await statesOf(closes)).toEqual(["done", "done"]);
    expect(calls.isEmpty).toBe(true);
  });

  it("may be given up", async () => {
    const close = calls.close({ timeout: 50 });
    clock.advance(50);
    expect(await stateOf(close)).toBeInstanceOf(TimeoutError);
  });
});

describe("the end of a life", () => {
  it.each([
    [true, ["over", "done"]],
    [false, ["over", "over"]],
  ])("rejects connect(), and settles run() by whether it is closed: %s", async (isClosed, expected) => {
    const promises = [connect(), calls.run(undefined)];
    calls.takeEnded().settle(isClosed, "over");
    expect(await statesOf(promises)).toEqual(expected);
  });

  it("does not touch the calls of the next life", async () => {
    const last = [connect(), calls.run(undefined)];
    const ended = calls.takeEnded();
    expect([calls.hasConnects, calls.hasRuns]).toEqual([false, false]);
    const next = [connect(), calls.run(undefined)];
    ended.settle(false, "over");
    expect(await statesOf([...last, ...next])).toEqual(["over", "over", "waits", "waits"]);
    expect([calls.hasConnects, calls.hasRuns]).toEqual([true, true]);
  });
});
