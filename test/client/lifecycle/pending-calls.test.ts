import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CallSite } from "../../../src/client/lifecycle/call-site.js";
import { PendingCalls } from "../../../src/client/lifecycle/pending-calls.js";
import { TimeoutError } from "../../../src/errors.js";
import { createCountingRuntime, type CountingRuntime } from "../../support/counting-runtime.js";
import { stateOf } from "../../support/state-of.js";
import { VirtualRuntime } from "../../support/virtual-runtime.js";

let clock: VirtualRuntime;
let counting: CountingRuntime;
let calls: PendingCalls;
let cancelled: unknown[];
let isWatched: boolean;
let onCancelled: (reason: unknown) => void;

beforeEach(() => {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  isWatched = false;
  calls = new PendingCalls(counting.runtime, {
    get isWatched() {
      return isWatched;
    },
    onConnectCancelled: (reason) => onCancelled(reason),
  });
  onCancelled = (reason) => cancelled.push(reason);
  cancelled = [];
});

afterEach(() => {
  calls.takeEnded().settle(true, new Error("over"), false);
  calls.onClosed();
  counting.assertIdle();
});

function connect(options?: Parameters<PendingCalls["connect"]>[1], operation = "connect"): Promise<void> {
  return calls.connect(operation, options);
}

const statesOf = (promises: readonly Promise<void>[]): Promise<unknown[]> =>
  Promise.all(promises.map(stateOf));

describe("PendingCalls", () => {
  it("is empty at first", () => {
    expect([calls.hasConnects, calls.hasRuns, calls.isEmpty]).toEqual([false, false, true]);
  });

  it.each([
    ["connect", (): unknown => connect(), [true, false, false]],
    ["run", (): unknown => calls.run(undefined), [false, true, false]],
    ["close", (): unknown => calls.close(undefined), [false, false, false]],
  ] as const)("distinguishes the kinds of calls: %s", (_kind, call, expected) => {
    void call();
    expect([calls.hasConnects, calls.hasRuns, calls.isEmpty]).toEqual(expected);
  });
});

describe("connect()", () => {
  it("resolves all pending calls when a connection is open", async () => {
    const promises = [connect(), connect()];
    expect(await statesOf(promises)).toEqual(["waits", "waits"]);
    calls.onConnected();
    expect(await statesOf(promises)).toEqual([undefined, undefined]);
    expect([calls.hasConnects, cancelled]).toEqual([false, []]);
  });

  it("rejects with the error of the first attempt, while run() stays pending", async () => {
    const run = calls.run(undefined);
    const promise = connect();
    calls.rejectConnects("failed");
    expect(await statesOf([promise, run])).toEqual(["failed", "waits"]);
    expect([calls.hasConnects, calls.hasRuns]).toEqual([false, true]);
  });

  it("rejects when its signal is aborted, and reports it after removing the call", async () => {
    const controller = new AbortController();
    onCancelled = (reason) => cancelled.push([reason, calls.hasConnects]);
    const promise = connect({ signal: controller.signal });
    controller.abort("stop");
    expect([await stateOf(promise), cancelled]).toEqual(["stop", [["stop", false]]]);
    calls.onConnected();
    expect(cancelled.length).toBe(1);
  });

  it("rejects when its timeout passes, without affecting other calls", async () => {
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
  it("stays pending when a connection opens", async () => {
    const run = calls.run(undefined);
    calls.onConnected();
    expect(await stateOf(run)).toBe("waits");
  });

  it("rejects by its signal or timeout, without affecting other calls", async () => {
    const controller = new AbortController();
    const runs = [calls.run({ signal: controller.signal }), calls.run({ timeout: 50 }), calls.run(undefined)];
    controller.abort("stop");
    clock.advance(50);
    expect(await statesOf(runs)).toEqual(["stop", expect.any(TimeoutError), "waits"]);
    expect(calls.hasRuns).toBe(true);
    calls.takeEnded().settle(true, "over", false);
    expect(await stateOf(runs[2]!)).toBeUndefined();
  });
});

describe("close()", () => {
  it("resolves only when the client has closed", async () => {
    const closes = [calls.close(undefined), calls.close({ timeout: 50 })];
    calls.onConnected();
    calls.takeEnded().settle(false, "failed", false);
    expect(await statesOf(closes)).toEqual(["waits", "waits"]);
    calls.onClosed();
    expect(await statesOf(closes)).toEqual([undefined, undefined]);
    expect(calls.isEmpty).toBe(true);
  });

  it("rejects when its timeout passes", async () => {
    const close = calls.close({ timeout: 50 });
    clock.advance(50);
    expect(await stateOf(close)).toBeInstanceOf(TimeoutError);
  });
});

describe("takeEnded()", () => {
  it.each([
    [true, ["over", undefined]],
    [false, ["over", "over"]],
  ])(
    "rejects connect(), and resolves run() only if the client was closed: %s",
    async (isClosed, expected) => {
      const promises = [connect(), calls.run(undefined)];
      calls.takeEnded().settle(isClosed, "over", false);
      expect(await statesOf(promises)).toEqual(expected);
    },
  );

  it("does not affect the calls of the next run", async () => {
    const last = [connect(), calls.run(undefined)];
    const ended = calls.takeEnded();
    expect([calls.hasConnects, calls.hasRuns]).toEqual([false, false]);
    const next = [connect(), calls.run(undefined)];
    ended.settle(false, "over", false);
    expect(await statesOf([...last, ...next])).toEqual(["over", "over", "waits", "waits"]);
    expect([calls.hasConnects, calls.hasRuns]).toEqual([true, true]);
  });
});

describe("a connect() or run() with a call site", () => {
  let unhandled: unknown[];
  let others: NodeJS.UnhandledRejectionListener[];

  beforeEach(() => {
    unhandled = [];
    others = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection");
    process.on("unhandledRejection", (reason) => unhandled.push(reason));
  });

  afterEach(() => {
    process.removeAllListeners("unhandledRejection");
    for (const other of others) process.on("unhandledRejection", other);
  });

  async function floating(act: () => void): Promise<unknown[]> {
    for (const operation of ["connect", "run"] as const) {
      const site = new CallSite(operation);
      if (operation === "connect") void calls.connect("connect", { timeout: 50 }, site);
      else void calls.run({ timeout: 50 }, site);
    }
    act();
    await new Promise((resolve) => setImmediate(resolve));
    return unhandled;
  }

  const ends: [name: string, act: () => void, count: number][] = [
    ["the end of the run", () => calls.takeEnded().settle(false, "failed", isWatched), 2],
    ["its timeout", () => clock.advance(50), 2],
    ["the failure of the first attempt", () => calls.rejectConnects("failed"), 1],
  ];

  it.each(ends)(
    "is an unhandled rejection after %s if no listener is notified",
    async (_name, act, count) => {
      expect(await floating(act)).toHaveLength(count);
    },
  );

  it.each(ends)("is no unhandled rejection after %s if a listener is notified", async (_name, act) => {
    isWatched = true;
    expect(await floating(act)).toEqual([]);
  });

  it("is the only call that may be an unhandled rejection", async () => {
    void connect();
    void connect({ timeout: 5 }, "reconnect");
    void calls.run(undefined);
    void calls.close({ timeout: 5 });
    clock.advance(5);
    calls.takeEnded().settle(false, "failed", false);
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  });
});
