import { describe, expect, it, vi } from "vitest";
import { InvalidStateError, TimeoutError } from "../../src/index.js";
import { createPool, type Lease, PoolClosedError, PoolExhaustedError } from "../../src/pool/index.js";
import { PoolScene } from "./scene.js";

const reset = (): void => undefined;

describe("acquire()", () => {
  it("opens a connection, and the end of the scope closes it without `reset`", async () => {
    const scene = new PoolScene();
    const run = async (): Promise<string> => {
      await using lease = await scene.pool.acquire();
      await lease.send("hello");
      return await lease.recv();
    };
    expect(await scene.settle(run())).toBe("hello");
    expect(scene.server.connections).toHaveLength(0);
    expect(scene.pool.stats()).toMatchObject({
      connections: 0,
      leaseCount: 1,
      messagesSent: 1,
      messagesReceived: 1,
    });
    await scene.settle(run());
    expect(scene.server.connectionCount).toBe(2);
  });

  it("uses the connection again with `reset`", async () => {
    const scene = new PoolScene({ reset });
    for (let n = 0; n < 3; n++) {
      const lease = await scene.settle(scene.pool.acquire());
      await scene.settle(lease.release());
    }
    expect(scene.server.connectionCount).toBe(1);
    expect(scene.pool.stats()).toMatchObject({ connections: 1, idle: 1, leaseCount: 3 });
  });

  it("serves calls in their order, and never opens more than `max` connections", async () => {
    const scene = new PoolScene({ max: 2, reset });
    const order: number[] = [];
    const leases: Lease<string, string>[] = [];
    for (let n = 0; n < 6; n++)
      void scene.pool.acquire().then((lease) => {
        order.push(n);
        leases.push(lease);
      });
    await scene.pass();
    expect(order).toEqual([0, 1]);
    for (let n = 0; n < 6; n++) {
      void leases[n]?.release();
      await scene.pass();
    }
    expect([order, scene.server.connectionCount]).toEqual([[0, 1, 2, 3, 4, 5], 2]);
  });

  it("counts a connection whose closing handshake the server does not answer", async () => {
    const scene = new PoolScene({ max: 1, closeTimeout: 3_000 }, (connection) => {
      connection.accept();
      connection.mute();
    });
    const lease = await scene.settle(scene.pool.acquire());
    void lease.release();
    const next = scene.pool.acquire();
    await scene.pass(2_900);
    expect([scene.server.connectionCount, scene.pool.stats().closing]).toEqual([1, 1]);
    await scene.settle(next, 200);
    expect(scene.server.connectionCount).toBe(2);
  });

  it("rejects after acquireTimeout or `timeout` with a TimeoutError", async () => {
    const scene = new PoolScene({ max: 1, acquireTimeout: 500 });
    await scene.settle(scene.pool.acquire());
    const error = await scene.settle(
      scene.pool.acquire().catch((reason: unknown) => reason),
      500,
    );
    expect(error).toBeInstanceOf(PoolExhaustedError);
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({
      code: "TIMEOUT",
      operation: "acquire",
      timeoutMs: 500,
      name: "PoolExhaustedError",
    });
    const other = await scene.settle(
      scene.pool.acquire({ timeout: 5 }).catch((reason: unknown) => reason),
      5,
    );
    expect(other).toMatchObject({ timeoutMs: 5 });
    expect(scene.pool.stats().waiting).toBe(0);
  });

  it("rejects with the reason of a signal that is aborted before or during the wait", async () => {
    const scene = new PoolScene({ max: 1 });
    const reason = new Error("stop");
    await expect(scene.pool.acquire({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(scene.server.connectionCount).toBe(0);
    const lease = await scene.settle(scene.pool.acquire());
    const controller = new AbortController();
    const calls = [1, 2].map(() =>
      scene.pool.acquire({ signal: controller.signal }).catch((error: unknown) => error),
    );
    const last = scene.pool.acquire();
    controller.abort(reason);
    expect(await Promise.all(calls)).toEqual([reason, reason]);
    void lease.release();
    await scene.settle(last);
    controller.abort();
  });

  it("keeps a connection that was opened for an aborted call", async () => {
    const scene = new PoolScene({ max: 1 });
    const controller = new AbortController();
    const call = scene.pool.acquire({ signal: controller.signal }).catch(() => "aborted");
    controller.abort();
    expect(await scene.settle(call)).toBe("aborted");
    expect(scene.pool.stats().idle).toBe(1);
    await scene.settle(scene.pool.acquire());
    expect(scene.server.connectionCount).toBe(1);
  });

  it.each([[5], ["a"], [[]], [{ timeuot: 5 }], [{ timeout: "5" }], [{ timeout: -1 }], [{ signal: {} }]])(
    "rejects for the options %j",
    async (options) => {
      const scene = new PoolScene();
      await expect(scene.pool.acquire(options as never)).rejects.toThrow(/option/);
    },
  );

  it("rejects with the error of the connection if no connection can be opened", async () => {
    const scene = new PoolScene({}, (connection) => connection.reject(401));
    const error = await scene.settle(scene.pool.acquire().catch((reason: unknown) => reason));
    expect(error).toMatchObject({ name: "HandshakeError", statusCode: 401 });
    expect(scene.pool.stats()).toMatchObject({ connections: 0, attemptCount: 1, connectCount: 0 });
  });
});

describe("release()", () => {
  it("may be called twice, and the lease cannot be used afterwards", async () => {
    const scene = new PoolScene({ reset });
    const lease = await scene.settle(scene.pool.acquire());
    const pending = lease.recv().catch((error: unknown) => error);
    const loop = lease[Symbol.asyncIterator]();
    const messages: unknown[] = [];
    lease.on("message", ({ data }) => messages.push(data));
    expect(lease.release()).toBe(lease.release());
    await scene.pass();
    expect(await pending).toBeInstanceOf(InvalidStateError);
    expect((await loop.next()).done).toBe(true);
    for (const call of [
      () => lease.send("a"),
      () => lease.recv(),
      () => lease.sendRaw("a"),
      () => lease.ping(),
    ])
      await expect(call()).rejects.toThrow("The lease was released.");
    for (const call of [() => lease.trySend("a"), () => lease.on("message", () => 0), () => lease.batches()])
      expect(call).toThrow("The lease was released.");
    const next = await scene.settle(scene.pool.acquire());
    await next.send("secret");
    expect(await scene.settle(next.recv())).toBe("secret");
    expect(messages).toEqual([]);
    expect(scene.pool.stats()).toMatchObject({ leased: 1, connections: 1 });
  });

  it("discards what the lease has not read", async () => {
    const scene = new PoolScene({ reset });
    const lease = await scene.settle(scene.pool.acquire());
    for (const text of ["a", "b", "c"]) await lease.send(text);
    await scene.pass();
    await scene.settle(lease.release());
    const next = await scene.settle(scene.pool.acquire());
    await next.send("d");
    expect(await scene.settle(next.recv())).toBe("d");
    expect([scene.server.connectionCount, scene.errors]).toEqual([1, []]);
  });

  it("closes the connection if a message arrives after `reset`, and reports it", async () => {
    const scene = new PoolScene({ reset }, async (connection) => {
      connection.accept();
      await connection.receive();
      await connection.delay(50);
      connection.send("late answer");
    });
    const lease = await scene.settle(scene.pool.acquire());
    await lease.send("question");
    void lease.release();
    await scene.pass();
    expect(scene.errors).toMatchObject([{ code: "LATE_MESSAGE" }]);
    expect(scene.pool.stats()).toMatchObject({ connections: 0, lateMessageCount: 1 });
  });

  it("closes the connection without a handshake that waits for unread messages", async () => {
    const scene = new PoolScene({ buffer: 1 });
    const lease = await scene.settle(scene.pool.acquire());
    for (const text of ["a", "b", "c", "d"]) await lease.send(text);
    await scene.pass();
    await scene.settle(lease.release(), 50);
    expect(scene.pool.stats().connections).toBe(0);
  });

  it("discard() closes the connection in spite of `reset`", async () => {
    const scene = new PoolScene({ reset });
    const lease = await scene.settle(scene.pool.acquire());
    await scene.settle(lease.discard());
    expect(scene.server.connections).toHaveLength(0);
  });

  it("resolves for a lease whose connection has ended, and the place is free", async () => {
    const scene = new PoolScene({ max: 1 }, async (connection) => {
      connection.accept();
      await connection.receive();
      connection.reset();
    });
    const lease = await scene.settle(scene.pool.acquire());
    const answer = lease.recv().catch((error: unknown) => error);
    await lease.send("a");
    expect(await scene.settle(answer)).toMatchObject({ name: "ConnectionError" });
    expect(lease.ended.aborted).toBe(true);
    expect(lease.ended.reason).toMatchObject({ name: "ConnectionError" });
    await scene.settle(scene.pool.acquire());
    await lease.release();
  });
});

describe("close()", () => {
  it("rejects waiting and later calls, and waits for leases", async () => {
    const scene = new PoolScene({ max: 1, reset });
    const lease = await scene.settle(scene.pool.acquire());
    const waiting = scene.pool.acquire().catch((error: unknown) => error);
    let isClosed = false;
    const closed = scene.pool.close().then(() => (isClosed = true));
    expect(await waiting).toBeInstanceOf(PoolClosedError);
    await expect(scene.pool.acquire()).rejects.toBeInstanceOf(InvalidStateError);
    await expect(scene.pool.send("a")).rejects.toBeInstanceOf(PoolClosedError);
    await scene.pass(20_000);
    expect([isClosed, scene.pool.isClosed]).toEqual([false, true]);
    await lease.send("still");
    expect(await scene.settle(lease.recv())).toBe("still");
    void lease.release();
    await scene.settle(closed);
    expect(scene.server.connections).toHaveLength(0);
  });

  it("ends the connections of leases at the deadline", async () => {
    const scene = new PoolScene();
    const lease = await scene.settle(scene.pool.acquire());
    const pending = lease.recv().catch(() => "rejected");
    const closed = scene.pool.close({ timeout: 1_000 });
    await scene.pass(990);
    expect(lease.state).toBe("connected");
    await scene.settle(closed, 50);
    expect([await pending, scene.pool.stats().connections]).toEqual(["rejected", 0]);
    await lease.release();
  });

  it("ends attempts and unused connections at once, and may be called twice", async () => {
    const scene = new PoolScene({ min: 1, max: 3 }, (connection, n) => {
      if (n === 1) connection.accept();
    });
    await scene.pass();
    void scene.pool.acquire();
    const failed = scene.pool.acquire().catch((error: unknown) => error);
    await scene.pass();
    expect(scene.pool.stats()).toMatchObject({ leased: 1, opening: 1 });
    const calls = [scene.pool.close({ timeout: 50_000 }), scene.pool.close({ timeout: 10 })];
    await scene.settle(Promise.all(calls), 50);
    expect(await failed).toBeInstanceOf(PoolClosedError);
  });

  it.each([[5], [{ deadline: 5 }], [{ timeout: "1" }], [{ timeout: -1 }]])(
    "rejects for %j",
    async (options) => {
      const scene = new PoolScene();
      await expect(scene.pool.close(options as never)).rejects.toThrow(/option/);
      expect(scene.pool.isClosed).toBe(false);
    },
  );

  it("is called by the end of an `await using` scope", async () => {
    const scene = new PoolScene();
    await scene.settle(scene.pool[Symbol.asyncDispose]());
    expect(scene.pool.isClosed).toBe(true);
  });
});

describe("the option signal", () => {
  it("closes the pool, and later calls reject with its reason", async () => {
    const controller = new AbortController();
    const scene = new PoolScene({ signal: controller.signal, max: 1 });
    const lease = await scene.settle(scene.pool.acquire());
    const reason = new Error("stop");
    const waiting = scene.pool.acquire().catch((error: unknown) => error);
    controller.abort(reason);
    expect(await waiting).toBe(reason);
    await expect(scene.pool.acquire()).rejects.toBe(reason);
    await scene.pass();
    expect([lease.ended.aborted, scene.pool.stats().connections]).toEqual([true, 0]);
  });

  it("closes a pool that is created after the abort", async () => {
    const reason = new Error("stop");
    const scene = new PoolScene({ signal: AbortSignal.abort(reason), min: 2 });
    await expect(scene.pool.acquire()).rejects.toBe(reason);
    await scene.pass();
    expect(scene.server.connectionCount).toBe(0);
  });
});

describe("events", () => {
  it("warn once without a listener of `error`", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const scene = new PoolScene({ min: 1 }, (connection) => connection.reject(503));
    const pool = createPool({ url: "ws://pool.test/", runtime: scene.runtime, min: 1 });
    await scene.pass(20_000);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[0]).toMatchObject({ statusCode: 503 });
    warn.mockRestore();
    expect(scene.errors.length).toBeGreaterThan(1);
    await scene.settle(pool.close());
  });

  it("refuse unknown names and listeners that are no functions", () => {
    const { pool } = new PoolScene();
    expect(() => pool.on("closed" as never, () => undefined)).toThrow(/There is no event "closed"/);
    expect(() => pool.once("error", 5 as never)).toThrow(TypeError);
    expect(() => pool.off("closed" as never, () => undefined)).toThrow(TypeError);
  });
});
