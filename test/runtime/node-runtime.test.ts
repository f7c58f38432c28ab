import crypto from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { nodeRuntimeWithoutSockets as runtime } from "../../src/runtime/node-runtime.js";

describe("nodeRuntimeWithoutSockets", () => {
  it("has a monotonic clock and a wall clock", () => {
    const before = runtime.now();
    expect(runtime.now()).toBeGreaterThanOrEqual(before);
    expect(Math.abs(runtime.wallNow() - Date.now())).toBeLessThan(1_000);
  });

  it("defers to the end of the tick, before promises and later turns", async () => {
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      setImmediate(() => {
        runtime.afterTurn(() => {
          order.push("after the turn");
          resolve();
        });
        void Promise.resolve().then(() => order.push("promise"));
        runtime.defer(() => order.push("deferred"));
        order.push("tick");
      });
    });
    expect(order).toEqual(["tick", "deferred", "promise", "after the turn"]);
  });

  it("sets timers", async () => {
    const before = runtime.now();
    const cleared = runtime.setTimer(1, () => expect.unreachable());
    cleared.clear();
    await new Promise<void>((resolve) => void runtime.setTimer(5, resolve));
    expect(runtime.now() - before).toBeGreaterThan(3);
  });

  it("keeps the process alive by a timer, unless unref() is called", () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const before = timers();
    const timer = runtime.setTimer(60_000, () => undefined);
    expect(timers()).toBe(before + 1);
    timer.unref();
    expect(timers()).toBe(before);
    timer.ref();
    expect(timers()).toBe(before + 1);
    timer.clear();
    expect(timers()).toBe(before);
  });

  it("returns random numbers in [0, 1)", () => {
    const drawn = Array.from({ length: 100 }, () => runtime.random());
    expect(new Set(drawn).size).toBeGreaterThan(90);
    expect(drawn.every((number) => number >= 0 && number < 1)).toBe(true);
  });

  it("takes the bytes of keys from the generator of node:crypto", () => {
    const fill = vi.spyOn(crypto, "randomFillSync").mockImplementation((bytes) => (bytes as Buffer).fill(7));
    const bytes = new Uint8Array(8);
    runtime.fillRandom(bytes);
    fill.mockRestore();
    expect([...bytes]).toEqual(Array(8).fill(7));
  });

  it("fills only the given bytes", () => {
    const bytes = new Uint8Array(1_024);
    runtime.fillRandom(bytes.subarray(256, 768));
    expect(bytes.subarray(0, 256).every((byte) => byte === 0)).toBe(true);
    expect(bytes.subarray(768).every((byte) => byte === 0)).toBe(true);
    expect(new Set(bytes.subarray(256, 768)).size).toBeGreaterThan(100);
  });
});
