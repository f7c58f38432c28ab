import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { createPool, type Lease } from "../../src/pool/index.js";
import { issue, schemaOf } from "../support/schemas.js";
import { echoing, PoolScene, type Script } from "./scene.js";
import { never } from "../support/never.js";

const reset = (): void => undefined;
type TestLease = Lease<string, string>;

describe("idleTimeout", () => {
  it("closes an unused connection", async () => {
    const scene = new PoolScene({ reset, idleTimeout: 1_000 });
    const lease = await scene.settle(scene.pool.acquire());
    await scene.pass(5_000);
    await scene.settle(lease.release(), 10);
    await scene.pass(980);
    expect(scene.pool.stats().idle).toBe(1);
    await scene.pass(50);
    expect([scene.pool.stats().connections, scene.server.connections.length]).toEqual([0, 0]);
  });

  it("keeps `min` connections", async () => {
    const scene = new PoolScene({ reset, idleTimeout: 1_000, min: 1, max: 3 });
    const leases = await scene.settle(Promise.all([1, 2, 3].map(() => scene.pool.acquire())));
    for (const lease of leases) void lease.release();
    await scene.pass();
    expect(scene.pool.stats().idle).toBe(3);
    await scene.pass(30_000);
    expect([scene.pool.stats().idle, scene.server.connectionCount]).toEqual([1, 3]);
  });
});

describe("maxAge", () => {
  it("closes a connection that is unused, and never interrupts a lease", async () => {
    const scene = new PoolScene({ reset, maxAge: 2_000, idleTimeout: 60_000 });
    const lease = await scene.settle(scene.pool.acquire());
    await scene.pass(10_000);
    expect(lease.state).toBe("connected");
    await scene.settle(lease.release());
    expect(scene.pool.stats().connections).toBe(0);
    const next = await scene.settle(scene.pool.acquire());
    await scene.settle(next.release());
    expect(scene.pool.stats().idle).toBe(1);
    await scene.pass(2_000);
    expect(scene.pool.stats().connections).toBe(0);
  });

  it("replaces the connections of `min`", async () => {
    const scene = new PoolScene({ min: 1, max: 1, maxAge: 1_000 });
    await scene.pass(3_500);
    expect(scene.server.connectionCount).toBe(4);
    expect(scene.server.connections).toHaveLength(1);
  });
});

describe("min", () => {
  it("opens connections at once, and again after a loss", async () => {
    const scene = new PoolScene({ min: 2 });
    await scene.pass();
    expect(scene.pool.stats()).toMatchObject({ idle: 2, connections: 2 });
    scene.server.connections[0]?.reset();
    await scene.pass();
    expect([scene.pool.stats().idle, scene.server.connectionCount]).toEqual([2, 3]);
  });

  it("tries again after a growing pause, and reports each failure once", async () => {
    const scene = new PoolScene({ min: 2 });
    scene.server.goDown();
    await scene.pass(20_000);
    const failures = scene.errors.length;
    expect(failures).toBeGreaterThanOrEqual(4);
    expect(failures).toBeLessThanOrEqual(7);
    await scene.server.comeUp();
    await scene.pass(40_000);
    expect(scene.pool.stats().idle).toBe(2);
  });
});

describe("a server that accepts connections and ends each at once", () => {
  const ends: Script[] = [
    (connection) => {
      connection.accept();
      connection.reset();
    },
    (connection) => {
      connection.accept();
      connection.send("too many connections");
      connection.close(1013);
    },
  ];

  it.each(ends)(
    "is not called again and again because of `min`, and each pause is reported",
    async (script) => {
      const scene = new PoolScene({ min: 2 }, script);
      await scene.pass(60_000);
      expect(scene.server.connectionCount).toBeGreaterThan(6);
      expect(scene.server.connectionCount).toBeLessThan(40);
      expect(scene.errors.length).toBeGreaterThan(3);
      expect(scene.errors.length).toBeLessThan(20);
    },
  );

  it("is skipped if there is another endpoint", async () => {
    const hosts: string[] = [];
    const scene = new PoolScene({ endpoints: ["ws://a.test/", "ws://b.test/"] }, async (connection, n) => {
      const host = connection.request.headers.find(([name]) => name.toLowerCase() === "host")?.[1] ?? "";
      hosts.push(host);
      await (host === "a.test" ? ends[0]! : echoing)(connection, n);
    });
    for (let n = 0; n < 3; n++) {
      const lease = await scene.settle(scene.pool.acquire());
      await scene.settle(lease.release());
    }
    expect(hosts).toEqual(["a.test", "b.test", "b.test"]);
    await scene.pass(1_000);
    await scene.settle(scene.pool.acquire());
    expect(hosts.slice(3)).toEqual(["a.test"]);
  });

  it("is not skipped if it answered before", async () => {
    const hosts: string[] = [];
    const scene = new PoolScene({ endpoints: ["ws://a.test/", "ws://b.test/"] }, async (connection) => {
      hosts.push(connection.request.headers.find(([name]) => name.toLowerCase() === "host")?.[1] ?? "");
      connection.accept();
      connection.send(await connection.receive());
      connection.close(1000);
    });
    for (let n = 0; n < 3; n++) {
      const lease = await scene.settle(scene.pool.acquire());
      await lease.send("a");
      await scene.settle(lease.recv());
      await scene.settle(lease.release());
    }
    expect(hosts).toEqual(["a.test", "a.test", "a.test"]);
  });
});

it("opens the connections of `min` as soon as a call has shown that the service works again", async () => {
  const scene = new PoolScene({ min: 2, reset });
  scene.server.goDown();
  await scene.pass(200_000);
  await scene.server.comeUp();
  await scene.settle(scene.pool.acquire());
  expect(scene.pool.stats()).toMatchObject({ leased: 1, idle: 1 });
});

it("does not keep the process running after an attempt that failed, without `min`", async () => {
  const scene = new PoolScene({}, (connection) => connection.reject(503));
  const controller = new AbortController();
  const call = scene.pool.acquire({ signal: controller.signal }).catch(() => "aborted");
  controller.abort();
  await scene.settle(call);
  expect([scene.errors.length, scene.runtime.isHeld]).toEqual([1, false]);
});

describe("validate", () => {
  it("is called before a connection is leased again, and not for a new one", async () => {
    const seen: number[] = [];
    let n = 0;
    const scene = new PoolScene({ reset, validate: () => seen.push(++n) > 0 });
    const first = await scene.settle(scene.pool.acquire());
    expect(seen).toEqual([]);
    await scene.settle(first.release());
    await scene.settle(scene.pool.acquire());
    expect([seen, scene.server.connectionCount]).toEqual([[1], 1]);
  });

  it("is called for a connection of `min`, and leaves a greeting for the first lease", async () => {
    const seen: string[] = [];
    const scene = new PoolScene(
      { min: 1, reset, validate: (connection) => seen.push(connection.state) > 0 },
      (connection) => {
        connection.accept();
        connection.send("welcome");
      },
    );
    await scene.pass();
    const lease = await scene.settle(scene.pool.acquire());
    expect(await scene.settle(lease.recv())).toBe("welcome");
    expect([seen, scene.server.connectionCount]).toEqual([["connected"], 1]);
  });

  it.each<[string, () => unknown, string | undefined]>([
    ["returns false", () => false, undefined],
    ["returns nonsense", () => "yes", "must return true or false"],
    ["rejects", () => Promise.reject(new Error("broken")), "threw an error"],
    ["hangs", () => never(), "took longer than hookTimeout"],
  ])("closes the connection if it %s, and another one is leased", async (_, validate, message) => {
    const scene = new PoolScene({ reset, validate: validate as () => boolean, hookTimeout: 500, max: 1 });
    const first = await scene.settle(scene.pool.acquire());
    await scene.settle(first.release());
    const second = await scene.settle(scene.pool.acquire(), 700);
    await second.send("a");
    expect(await scene.settle(second.recv())).toBe("a");
    expect(scene.server.connectionCount).toBe(2);
    expect(scene.errors.map((error) => error.message)).toEqual(
      message === undefined ? [] : [expect.stringContaining(message)],
    );
  });

  it("may exchange messages, and what it does not read is discarded", async () => {
    const scene = new PoolScene({
      reset,
      validate: async (connection) => {
        for (const text of ["ping", "more"]) await connection.send(text);
        return (await connection.recv()) === "ping";
      },
    });
    const first = await scene.settle(scene.pool.acquire());
    await scene.settle(first.release());
    const second = await scene.settle(scene.pool.acquire());
    await second.send("a");
    const answer = await scene.settle(second.recv());
    // "more" may also arrive after `validate`, and then belongs to nobody: `validate` must read what it asks for.
    expect(["a", "more"]).toContain(answer);
    expect(scene.server.connectionCount).toBe(1);
  });
});

describe("reset", () => {
  it.each<[string, () => unknown]>([
    ["rejects", () => Promise.reject(new Error("broken"))],
    ["hangs", () => never()],
  ])("closes the connection if it %s, and reports the error", async (_, broken) => {
    const scene = new PoolScene({ reset: broken, hookTimeout: 500 });
    const lease = await scene.settle(scene.pool.acquire());
    await scene.settle(lease.release(), 600);
    expect(scene.errors).toMatchObject([{ code: "POOL_FUNCTION_FAILED" }]);
    expect(scene.server.connections).toHaveLength(0);
  });

  it("may lose its connection, which is no failure of the hook", async () => {
    const scene = new PoolScene({ reset: (connection) => connection.recv() }, async (connection) => {
      connection.accept();
      await connection.delay(500);
      connection.reset();
    });
    const lease = await scene.settle(scene.pool.acquire());
    await scene.settle(lease.release(), 600);
    expect([scene.errors, scene.pool.stats().connections]).toEqual([[], 0]);
  });

  it("may close the pool", async () => {
    let closed: Promise<void> | undefined;
    const scene: PoolScene = new PoolScene({
      reset: () => {
        closed = scene.pool.close();
      },
    });
    const lease = await scene.settle(scene.pool.acquire());
    await scene.settle(lease.release());
    await scene.settle(closed!);
    expect(scene.server.connections).toHaveLength(0);
  });

  it("is not called while the pool closes", async () => {
    let calls = 0;
    const scene = new PoolScene({ reset: () => (calls += 1) });
    const lease = await scene.settle(scene.pool.acquire());
    const closed = scene.pool.close();
    await scene.settle(lease.release());
    await scene.settle(closed);
    expect(calls).toBe(0);
  });
});

describe("endpoints", () => {
  /** A server that refuses the hosts in `down`. */
  function sceneWith(down: Set<string>, hosts: string[]): PoolScene {
    return new PoolScene({ endpoints: ["ws://a.test/", "ws://b.test/"], reset }, async (connection, n) => {
      const host = connection.request.headers.find(([name]) => name.toLowerCase() === "host")?.[1] ?? "";
      hosts.push(host);
      if (down.has(host)) connection.reject(503);
      else await echoing(connection, n);
    });
  }

  it("fail over within one call, and recover", async () => {
    const [down, hosts] = [new Set(["a.test"]), [] as string[]];
    const scene = sceneWith(down, hosts);
    const first = await scene.settle(scene.pool.acquire());
    expect(hosts).toEqual(["a.test", "b.test"]);
    await scene.settle(scene.pool.acquire());
    expect(hosts).toEqual(["a.test", "b.test", "b.test"]);
    down.clear();
    await scene.pass(1_000);
    await scene.settle(scene.pool.acquire());
    await scene.settle(scene.pool.acquire());
    expect(hosts.slice(3)).toEqual(["a.test", "a.test"]);
    expect([first.url, scene.errors]).toEqual(["ws://b.test/", []]);
    expect(scene.pool.stats()).toMatchObject({ attemptCount: 5, connectCount: 4 });
  });

  it("reject with the errors of all endpoints, and are all tried again by the next call", async () => {
    const [down, hosts] = [new Set(["a.test", "b.test"]), [] as string[]];
    const scene = sceneWith(down, hosts);
    const error = await scene.settle(scene.pool.acquire().catch((reason: unknown) => reason));
    expect(error).toMatchObject({
      ...{ name: "PoolError", code: "ENDPOINTS_FAILED", errors: [{ statusCode: 503 }, { statusCode: 503 }] },
    });
    down.clear();
    await scene.settle(scene.pool.acquire());
    expect(hosts).toEqual(["a.test", "b.test", "a.test"]);
  });

  it("count as one connection while they are tried", async () => {
    const [down, hosts] = [new Set(["a.test"]), [] as string[]];
    const scene = sceneWith(down, hosts);
    void scene.pool.acquire();
    expect(scene.pool.stats()).toMatchObject({ connections: 1, opening: 1, waiting: 1 });
    await scene.pass();
    expect(scene.pool.stats()).toMatchObject({ connections: 1, leased: 1 });
  });
});

describe("send()", () => {
  it("spreads messages over the unused connections", async () => {
    const received = new Map<number, string[]>();
    const scene = new PoolScene({ min: 3 }, async (connection, n) => {
      connection.accept();
      received.set(n, []);
      for await (const message of connection) received.get(n)?.push(String(message));
    });
    await scene.pass();
    for (let n = 0; n < 9; n++) await scene.settle(scene.pool.send(`${n}`));
    expect([...received.values()].map((all) => all.length)).toEqual([3, 3, 3]);
    expect(scene.pool.stats()).toMatchObject({ shared: 3, messagesSent: 9 });
  });

  it("opens a connection that all waiting calls share, and emits the answers", async () => {
    const scene = new PoolScene();
    const answers: string[] = [];
    scene.pool.on("message", ({ data }) => void answers.push(data));
    await scene.settle(Promise.all(["a", "b", "c"].map((text) => scene.pool.send(text))));
    await scene.pass();
    expect([answers, scene.server.connectionCount]).toEqual([["a", "b", "c"], 1]);
  });

  it("never uses a connection that is leased, and never leases one that was shared", async () => {
    const scene = new PoolScene({ max: 1, reset });
    await scene.settle(scene.pool.send("a"));
    await scene.pass();
    const lease = await scene.settle(scene.pool.acquire());
    expect(scene.server.connectionCount).toBe(2);
    const sent = scene.pool.send("b").then(() => "sent");
    await scene.pass();
    expect(scene.pool.stats()).toMatchObject({ leased: 1, waiting: 1, connections: 1 });
    void lease.release();
    expect(await scene.settle(sent)).toBe("sent");
  });

  it("of a call that waited before a lease is not ended by the lease", async () => {
    const scene = new PoolScene({ max: 1, reset });
    const first = await scene.settle(scene.pool.acquire());
    const sent = scene.pool.send("a").then(() => "sent");
    const second = scene.pool.acquire();
    void first.release();
    expect(await scene.settle(sent)).toBe("sent");
    await scene.settle(second);
  });

  it("does not use a busy connection that is older than maxAge, or whose place a lease needs", async () => {
    const deaf: Script = (connection) => {
      connection.accept();
      connection.stopReading();
    };
    const options = { maxAge: 1_000, max: 2, highWaterMark: 1 };
    const scene = new PoolScene(options, deaf);
    // The second message waits until the first one is sent.
    const send = (): void => {
      for (let n = 0; n < 2; n++) void scene.pool.send("a".repeat(1e6));
    };
    send();
    await scene.pass(500);
    expect(scene.pool.stats()).toMatchObject({ shared: 1, waiting: 0 });
    await scene.pass(600);
    send();
    await scene.pass();
    expect(scene.pool.stats()).toMatchObject({ shared: 2, waiting: 0 });
    void scene.pool.acquire();
    send();
    expect(scene.pool.stats()).toMatchObject({ shared: 2, waiting: 1 });
    void scene.pool.acquire();
    send();
    expect(scene.pool.stats()).toMatchObject({ shared: 2, waiting: 4 });
  });

  it("gets the answers that arrive while its connection closes", async () => {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    await once(server, "listening");
    server.on("connection", (peer) => peer.on("message", (data) => peer.send((data as Buffer).toString())));
    const { port } = server.address() as AddressInfo;
    const pool = createPool<string, string>({ url: `ws://127.0.0.1:${port}/` });
    const answers: string[] = [];
    pool.on("message", ({ data }) => void answers.push(data));
    await pool.send("a");
    await pool.close();
    server.close();
    expect(answers).toEqual(["a"]);
  });

  it("reports a call that got no connection, and causes no unhandled rejection", async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", listener);
    const scene = new PoolScene({ max: 1, acquireTimeout: 500 });
    await scene.settle(scene.pool.acquire());
    void scene.pool.send("lost");
    void scene.pool.acquire();
    await scene.pass(500);
    expect(scene.errors).toMatchObject([{ name: "PoolExhaustedError", operation: "send" }]);
    const aborted = new AbortController();
    void scene.pool.send("lost", { signal: aborted.signal });
    aborted.abort();
    void scene.pool.close({ timeout: -1 });
    void scene.pool.send("lost");
    void scene.pool.close({ timeout: 0 });
    await scene.pass();
    void scene.pool.send("lost");
    await new Promise(setImmediate);
    process.off("unhandledRejection", listener);
    expect([unhandled, scene.errors.length]).toEqual([[], 1]);
  });

  it("rejects for a message that cannot be sent, and the pool goes on", async () => {
    const scene = new PoolScene();
    await expect(scene.settle(scene.pool.send(5n as never))).rejects.toThrow(TypeError);
    await expect(scene.settle(scene.pool.send("a", { compres: true } as never))).rejects.toThrow(/compres/);
    await scene.settle(scene.pool.send("a"));
    expect(scene.pool.stats()).toMatchObject({ shared: 1, waiting: 0 });
  });

  it("rejects after acquireTimeout, its own timeout or an abort", async () => {
    const scene = new PoolScene({ max: 1, acquireTimeout: 300 });
    await scene.settle(scene.pool.acquire());
    const errorOf = (promise: Promise<void>): Promise<unknown> => promise.catch((error: unknown) => error);
    expect(await scene.settle(errorOf(scene.pool.send("a")), 300)).toMatchObject({
      operation: "send",
      timeoutMs: 300,
    });
    expect(await scene.settle(errorOf(scene.pool.send("a", { timeout: 50 })), 50)).toMatchObject({
      timeoutMs: 50,
    });
    const controller = new AbortController();
    const aborted = errorOf(scene.pool.send("a", { signal: controller.signal }));
    controller.abort("stop");
    expect(await aborted).toBe("stop");
  });

  it("closes an unused shared connection after idleTimeout", async () => {
    const scene = new PoolScene({ idleTimeout: 1_000 });
    await scene.settle(scene.pool.send("a"));
    await scene.pass(850);
    await scene.settle(scene.pool.send("b"));
    await scene.pass(850);
    expect(scene.pool.stats().shared).toBe(1);
    await scene.pass(100);
    expect(scene.pool.stats().connections).toBe(0);
  });
});

describe("a message of the server", () => {
  it("that arrives before the first lease belongs to the first lease", async () => {
    const scene = new PoolScene({ min: 1, reset }, (connection) => {
      connection.accept();
      connection.send("welcome");
    });
    await scene.pass();
    const lease = await scene.settle(scene.pool.acquire());
    expect(await scene.settle(lease.recv())).toBe("welcome");
    expect(scene.errors).toEqual([]);
  });
});

describe("a message that does not match the option schema", () => {
  const schema = schemaOf<string>((value) => (value === "good" ? { value } : { issues: [issue] }));

  it.each([
    ["strict", ["VALIDATION_FAILED"]],
    ["lenient", []],
  ] as const)("is reported by the pool after send(), with schemaMode %s", async (schemaMode, codes) => {
    const scene = new PoolScene({ schema, schemaMode });
    const seen: unknown[] = [];
    scene.pool.on("message", ({ data }) => seen.push(data));
    scene.pool.on("dropped", ({ message, cause }) => seen.push(`${cause} ${String(message)}`));
    for (const text of ["bad", "good"]) await scene.settle(scene.pool.send(text));
    expect(seen).toEqual(["schema bad", "good"]);
    expect(scene.errors.map((error) => "code" in error && error.code)).toEqual(codes);
    expect(scene.pool.stats().messagesDropped).toBe(1);
  });

  it("is reported by the pool and by the lease, and the next message is delivered", async () => {
    const scene = new PoolScene({ schema, reset });
    const lease = await scene.settle(scene.pool.acquire());
    const dropped: unknown[] = [];
    scene.pool.on("dropped", () => dropped.push("pool"));
    lease.on("dropped", ({ message }) => dropped.push(message));
    for (const text of ["bad", "good"]) await lease.send(text);
    expect(await scene.settle(lease.recv())).toBe("good");
    expect([dropped, scene.errors]).toMatchObject([["bad"], [{ code: "VALIDATION_FAILED" }]]);
  });
});

it("a signal `ended` belongs to one lease: it has no listeners of earlier leases", async () => {
  const scene = new PoolScene({ max: 1, reset });
  const ended: string[] = [];
  for (const name of ["first", "second"]) {
    const lease = await scene.settle(scene.pool.acquire());
    lease.ended.addEventListener("abort", () => ended.push(name));
    if (name === "first") await scene.settle(lease.release());
  }
  scene.server.connections[0]?.reset();
  await scene.pass();
  expect(ended).toEqual(["second"]);
});

describe("calls from inside a listener of a lease", () => {
  it("may release it and acquire again", async () => {
    const scene = new PoolScene({ max: 1, reset });
    const first = await scene.settle(scene.pool.acquire());
    let second: Promise<TestLease> | undefined;
    first.on("message", () => {
      void first.release();
      second = scene.pool.acquire();
    });
    await first.send("a");
    await scene.pass();
    const lease = await scene.settle(second!);
    await lease.send("b");
    expect(await scene.settle(lease.recv())).toBe("b");
  });
});

it("never opens more than `max` sockets while many calls are made and aborted at once", async () => {
  let most = 0;
  const scene: PoolScene = new PoolScene({ max: 3 }, async (connection, n) => {
    most = Math.max(most, scene.server.connections.length);
    await connection.delay(n % 20);
    if (n % 5 === 0) connection.reject(503);
    else await echoing(connection, n);
  });
  const calls = Array.from({ length: 200 }, async (_, n) => {
    const controller = new AbortController();
    if (n % 3 === 0) scene.runtime.setTimer(n, () => controller.abort());
    try {
      const lease = await scene.pool.acquire({ signal: controller.signal });
      await lease.send(`${n}`);
      const answer = await lease.recv();
      await lease.release();
      return answer === `${n}`;
    } catch {
      return true;
    }
  });
  expect(await scene.settle(Promise.all(calls), 60_000)).not.toContain(false);
  expect(most).toBe(3);
  expect(scene.pool.stats()).toMatchObject({ connections: 0, waiting: 0 });
});
