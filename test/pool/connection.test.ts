import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it, onTestFinished } from "vitest";
import { InvalidStateError, WebSocket } from "../../src/index.js";
import { HookView, Lease } from "../../src/pool/connection.js";
import { ScriptedServer, VirtualRuntime } from "../../src/testing/index.js";
import { echoing } from "./scene.js";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

async function scene() {
  const server = new ScriptedServer({ onConnection: echoing });
  const runtime = new VirtualRuntime({ server });
  const client = new WebSocket<string, string>("ws://pool.test/a", {
    runtime,
    reconnect: false,
  });
  onTestFinished(async () => {
    client.terminate();
    await runtime.advanceAsync(100);
    await server.close();
  });
  void client.connect();
  await runtime.advanceAsync(100);
  const releases: boolean[] = [];
  const source = { client, ended: new AbortController().signal };
  const lease = new Lease(source, (isDiscarded) => {
    releases.push(isDiscarded);
    return Promise.resolve();
  });
  return { runtime, client, lease, releases, source };
}

describe("a lease", () => {
  it("has the properties and methods of its client", async () => {
    const { lease, client, runtime } = await scene();
    expect([lease.url, lease.subprotocol, lease.extensions, lease.state, lease.bufferedAmount]).toEqual([
      ...[client.url, client.subprotocol, client.extensions, "connected", 0],
    ]);
    await lease.send("a");
    await lease.sendRaw("b");
    expect(lease.trySend("c")).toBe("sent");
    await lease.pong();
    const [ping, flushed] = [lease.ping(), lease.flush()];
    await runtime.advanceAsync(100);
    await flushed;
    expect(await ping).toBeGreaterThanOrEqual(0);
    expect(await lease.recv({ match: (text) => text === "b" })).toBe("b");
    const batches = lease.batches();
    expect((await batches.next()).value).toEqual(["a", "c"]);
    await batches.return?.();
  });

  it.each([[5], ["text"], [null], [{ macth: () => true }], [{ signal: 5 }]])(
    "refuses the options %j of recv()",
    async (options) => {
      const { lease } = await scene();
      await expect(lease.recv(options as never)).rejects.toThrow(TypeError);
    },
  );

  it("ends a recv() with the reason of its own signal", async () => {
    const { lease } = await scene();
    const controller = new AbortController();
    const call = lease.recv({ signal: controller.signal }).catch((error: unknown) => error);
    controller.abort("stop");
    expect(await call).toBe("stop");
  });

  it("removes its listeners at its end, and leaves those of others", async () => {
    const { lease, client } = await scene();
    const listener = (): void => undefined;
    client.on("closed", listener);
    lease
      .on("closed", listener)
      .once("message", listener)
      .on("rawMessage", () => undefined, { borrowed: true });
    lease.on("ping", listener).off("ping", listener);
    lease.off("pong", listener);
    expect(client.listenerCount("closed")).toBe(2);
    await lease.release();
    expect(["closed", "message", "ping"].map((name) => client.listenerCount(name as "closed"))).toEqual([
      1, 0, 0,
    ]);
    expect(client.listenerCount("rawMessage")).toBe(0);
  });

  it("throws for an unknown event, and adds nothing", async () => {
    const { lease, client } = await scene();
    expect(() => lease.on("mesage" as "message", () => undefined)).toThrow(TypeError);
    expect(() => lease.once("mesage" as "message", () => undefined)).toThrow(TypeError);
    await lease.release();
    expect(client.eventNames()).toEqual([]);
  });

  it("calls no listener after its end, also not for the event whose listener has ended it", async () => {
    const { lease, runtime } = await scene();
    const calls: string[] = [];
    lease.on("message", () => {
      calls.push("first");
      void lease.release();
    });
    lease.on("message", () => calls.push("second")).once("message", () => calls.push("once"));
    await lease.send("a");
    await runtime.advanceAsync(100);
    expect(calls).toEqual(["first"]);
  });

  it("calls a listener of once() once, and removes it from the client", async () => {
    const { lease, client, runtime } = await scene();
    const calls: string[] = [];
    const listener = ({ data }: { readonly data: string }): void => void calls.push(data);
    lease.once("message", listener).once("message", listener).off("message", listener);
    for (const text of ["a", "b"]) await lease.send(text);
    await runtime.advanceAsync(100);
    expect([calls, client.listenerCount("message")]).toEqual([["a"], 0]);
  });

  it("keeps neither loops nor listeners that have ended", async () => {
    const { lease, runtime } = await scene();
    const ended: WeakRef<object>[] = [];
    const turn = async (): Promise<void> => {
      const loop = lease[Symbol.asyncIterator]();
      const listeners = [(): void => undefined, (): void => undefined] as const;
      ended.push(...[loop, ...listeners].map((object) => new WeakRef<object>(object)));
      lease.on("ping", listeners[0]).off("ping", listeners[0]);
      lease.once("message", listeners[1]);
      await lease.send("a");
      await runtime.advanceAsync(100);
      expect((await loop.next()).value).toBe("a");
      await loop.return?.();
    };
    for (let n = 0; n < 20; n++) await turn();
    await new Promise(setImmediate);
    gc();
    // The last turn may still be on the stack.
    expect(ended.filter((ref) => ref.deref() !== undefined).length).toBeLessThanOrEqual(3);
    expect(lease.isReleased).toBe(false);
  });

  it("keeps nothing in a signal that lives longer than recv()", async () => {
    const { lease } = await scene();
    const { signal } = new AbortController();
    const results: unknown[] = [];
    for (let n = 0; n < 20; n++) {
      const call = lease.recv({ signal });
      lease.trySend("a");
      results.push(call);
    }
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    const call = lease.recv({ signal, timeout: 5 });
    await lease.release();
    await Promise.allSettled([...results, call]);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    await expect(call).rejects.toThrow("The lease was released.");
  });

  it("causes no unhandled rejection", async () => {
    const { lease } = await scene();
    const unhandled: unknown[] = [];
    const listener = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", listener);
    const callAll = (): void => {
      void lease.send(5n as never);
      void lease.sendRaw(5 as never);
      void lease.recv();
      void lease.recv({ signal: new AbortController().signal });
      void lease.ping();
      void lease.pong();
      void lease.flush();
    };
    callAll();
    await lease.release();
    callAll();
    await new Promise(setImmediate);
    process.off("unhandledRejection", listener);
    expect(unhandled).toEqual([]);
  });

  it("calls back once at its end", async () => {
    const { lease, releases } = await scene();
    expect(lease.isReleased).toBe(false);
    await Promise.all([lease.discard(), lease.release(), lease[Symbol.asyncDispose]()]);
    expect([releases, lease.isReleased]).toEqual([[true], true]);
  });

  it("ends its loops, so that the next lease can begin one", async () => {
    const { lease, source, runtime } = await scene();
    const loop = lease[Symbol.asyncIterator]();
    const pending = loop.next();
    await lease.release();
    expect((await pending).done).toBe(true);
    const next = new Lease(source, () => Promise.resolve());
    await next.send("a");
    await runtime.advanceAsync(100);
    for await (const text of next) {
      expect(text).toBe("a");
      break;
    }
  });
});

it("a view of a hook ends with the hook", async () => {
  const { source } = await scene();
  const view = new HookView(source);
  view.end();
  view.end();
  await expect(view.send("a")).rejects.toBeInstanceOf(InvalidStateError);
  expect(() => view.on("message", () => undefined)).toThrow("The hook of the pool has ended.");
});
