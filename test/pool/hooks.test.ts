import { describe, expect, it } from "vitest";
import type { PooledConnection } from "../../src/pool/connection.js";
import { PoolError } from "../../src/pool/errors.js";
import { callHook } from "../../src/pool/hooks.js";
import { VirtualRuntime, ScriptedServer } from "../../src/testing/index.js";
import { WebSocket } from "../../src/index.js";
import { never } from "../support/never.js";

type Hook = (connection: PooledConnection<unknown, unknown>, signal: AbortSignal) => unknown;

function scene(hookTimeout: number = 100) {
  const runtime = new VirtualRuntime({ server: new ScriptedServer({ onConnection: () => undefined }) });
  const ended = new AbortController();
  const client = new WebSocket("ws://pool.test/", { runtime });
  const source = { client, ended: ended.signal };
  const call = (hook: Hook): Promise<unknown> => callHook("reset", hook, source, { runtime, hookTimeout });
  return { runtime, ended, call };
}

const errorOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

describe("callHook()", () => {
  it("returns what the hook returns, and revokes the connection of the hook", async () => {
    const { call, runtime } = scene();
    let kept: PooledConnection<unknown, unknown> | undefined;
    const hook: Hook = (connection, signal) => {
      kept = connection;
      return [connection.isReleased, signal.aborted];
    };
    expect(await call(hook)).toEqual([false, false]);
    await expect(kept?.send("late")).rejects.toThrow("The hook of the pool has ended.");
    expect(runtime.isHeld).toBe(false);
  });

  it.each<[string, Hook]>([
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    ["rejects", () => Promise.reject(new Error("broken"))],
  ])("rejects with a PoolError if the hook %s", async (_, hook) => {
    const { call, runtime } = scene();
    const error = (await errorOf(call(hook))) as PoolError;
    expect(error).toBeInstanceOf(PoolError);
    expect([error.code, error.cause]).toEqual(["POOL_FUNCTION_FAILED", new Error("broken")]);
    expect(error.message).toBe(
      "The option reset of the pool threw an error. The pool closes the connection.",
    );
    expect(runtime.isHeld).toBe(false);
  });

  it("ends a hook that hangs after hookTimeout, and aborts its signal", async () => {
    const { call, runtime } = scene(70);
    let given: AbortSignal | undefined;
    const promise = errorOf(call((_, signal) => ((given = signal), never())));
    await runtime.advanceAsync(69);
    expect(given?.aborted).toBe(false);
    await runtime.advanceAsync(1);
    expect(await promise).toMatchObject({ code: "POOL_FUNCTION_FAILED" });
    expect(String(await promise)).toContain("took longer than hookTimeout (70 ms)");
    expect(given?.aborted).toBe(true);
  });

  it("has no time limit with hookTimeout: Infinity", async () => {
    const { call, runtime } = scene(Infinity);
    const promise = call(() => 5);
    expect([await promise, runtime.isHeld]).toEqual([5, false]);
  });

  it.each([true, false])(
    "ends with the reason of the end of the connection, already ended: %s",
    async (isEarly) => {
      const { call, ended, runtime } = scene();
      const reason = new Error("lost");
      if (isEarly) ended.abort(reason);
      const promise = errorOf(call(() => never()));
      if (!isEarly) ended.abort(reason);
      expect([await promise, runtime.isHeld]).toEqual([reason, false]);
    },
  );
});
