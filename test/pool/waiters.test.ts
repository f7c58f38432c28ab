import { describe, expect, it } from "vitest";
import { SharedAborts } from "../../src/channels/shared-abort.js";
import { PoolExhaustedError } from "../../src/pool/errors.js";
import { Waiters } from "../../src/pool/waiters.js";
import { VirtualRuntime } from "../../src/testing/index.js";

function scene(): { runtime: VirtualRuntime; waiters: Waiters<string> } {
  const runtime = new VirtualRuntime();
  return { runtime, waiters: new Waiters(runtime, new SharedAborts()) };
}

const unlimited = { signal: undefined, timeout: Infinity };
const errorOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

describe("the calls that wait", () => {
  it("are resolved in their order", async () => {
    const { runtime, waiters } = scene();
    const calls = [waiters.wait("lease", "acquire", unlimited), waiters.wait("lease", "acquire", unlimited)];
    waiters.first?.resolve("a");
    waiters.first?.resolve("b");
    expect([await Promise.all(calls), waiters.first, runtime.isHeld]).toEqual([["a", "b"], undefined, false]);
  });

  it("need one connection per lease, and one for all calls of send()", () => {
    const { waiters } = scene();
    expect([waiters.demand, waiters.size]).toEqual([0, 0]);
    for (const kind of ["shared", "lease", "shared", "lease"] as const)
      void errorOf(waiters.wait(kind, kind, unlimited));
    expect([waiters.demand, waiters.leaseCount, waiters.size]).toEqual([3, 2, 4]);
    waiters.resolveShared("a");
    expect([waiters.demand, waiters.leaseCount, waiters.size]).toEqual([2, 2, 2]);
    waiters.rejectAll(new Error("closed"));
    expect([waiters.demand, waiters.leaseCount, waiters.size]).toEqual([0, 0, 0]);
  });

  it("reject after their timeout", async () => {
    const { runtime, waiters } = scene();
    const call = errorOf(waiters.wait("lease", "acquire", { signal: undefined, timeout: 50 }));
    await runtime.advanceAsync(50);
    const error = (await call) as PoolExhaustedError;
    expect(error).toBeInstanceOf(PoolExhaustedError);
    expect(error).toMatchObject({ operation: "acquire", timeoutMs: 50 });
    expect(error.message).toBe(
      "acquire() of the pool got no connection within 50 ms. Release leases earlier, or raise max or acquireTimeout.",
    );
    expect([waiters.size, waiters.leaseCount]).toEqual([0, 0]);
  });

  it("reject with the reason of their signal, and clear their timer", async () => {
    const { runtime, waiters } = scene();
    const controller = new AbortController();
    const limits = { signal: controller.signal, timeout: 50 };
    const calls = [1, 2].map(() => errorOf(waiters.wait("shared", "send", limits)));
    controller.abort("stop");
    expect([await Promise.all(calls), waiters.size, runtime.isHeld]).toEqual([["stop", "stop"], 0, false]);
  });
});
