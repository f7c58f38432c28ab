import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { callSafely, SendCallbacks } from "../../src/ws/send-callbacks.js";

describe("the callbacks of a tick", () => {
  it("are called in order when the data was written, also if one throws", async () => {
    let flushes = 0;
    const log: unknown[] = [];
    const callbacks = new SendCallbacks(() => {
      flushes++;
      return Promise.resolve();
    });
    callbacks.add(() => log.push("one"));
    await new Promise<void>((resolve) => {
      callbacks.add((error) => {
        log.push(error);
        resolve();
      });
    });
    expect([log, flushes]).toEqual([["one", undefined], 1]);
  });

  it("receive the error of the connection", async () => {
    const callbacks = new SendCallbacks(() => Promise.reject(new Error("lost")));
    const error = await new Promise<Error | undefined>((resolve) => callbacks.add(resolve));
    expect(error?.message).toBe("lost");
  });
});

describe("an exception", () => {
  let others: NodeJS.UncaughtExceptionListener[] = [];
  beforeEach(() => {
    others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
  });
  afterEach(() => {
    process.removeAllListeners("uncaughtException");
    for (const other of others) process.on("uncaughtException", other);
  });

  it("is an uncaught exception of the next tick", async () => {
    const caught = new Promise((resolve) => process.once("uncaughtException", resolve));
    callSafely(() => {
      throw new Error("thrown");
    });
    expect(await caught).toMatchObject({ message: "thrown" });
  });
});
