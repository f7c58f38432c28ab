import { getEventListeners, on, once, setMaxListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CloseError, type EventName } from "../../src/index.js";
import { outcome, type RecordedClient, rejectionLater, Stage, watchedEvents } from "./stage.js";

let stage: Stage;

beforeEach(() => {
  stage = new Stage();
});

afterEach(() => stage.finish());

/** The number of listeners of the client, without those of the RecordedClient. */
function added({ ws }: RecordedClient): Partial<Record<EventName, number>> {
  const counts = ws.eventNames().map((name): [EventName, number] => {
    const isWatched = (watchedEvents as readonly EventName[]).includes(name);
    return [name, ws.listenerCount(name) - (isWatched ? 1 : 0)];
  });
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

describe("once() of node:events", () => {
  it("resolves with the event, and leaves no listener", async () => {
    const client = stage.createClient();
    const promise = once(client.ws, "connected");
    expect(added(client)).toEqual({ connected: 1, error: 1 });
    void client.ws.connect();
    await stage.pass();
    expect(await promise).toEqual([{ url: "ws://feed.test/trades", subprotocol: "", extensions: "" }]);
    expect(added(client)).toEqual({});
  });

  it.each(["connected", "message", "closed", "error"] as const)(
    "is aborted by a signal, and leaves no listener: %s",
    async (name) => {
      const client = await stage.connect();
      const controller = new AbortController();
      const promise = once(client.ws, name, { signal: controller.signal });
      controller.abort(new Error("enough"));
      expect(await outcome(promise)).toMatchObject({
        error: { name: "AbortError", cause: new Error("enough") },
      });
      expect(added(client)).toEqual({});
      expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
      expect(client.ws.state).toBe("connected");
    },
  );

  it("rejects at once with a signal that is already aborted", async () => {
    const client = await stage.connect();
    const promise = once(client.ws, "message", { signal: AbortSignal.abort() });
    expect(await outcome(promise)).toMatchObject({ error: { name: "AbortError" } });
    expect(added(client)).toEqual({});
  });

  it("rejects with the event of an error, fatal or not, and leaves no listener", async () => {
    const client = await stage.connect();
    const failed = rejectionLater(once(client.ws, "message"));
    const sent = client.ws.send(undefined as never).catch((error: unknown) => error);
    await stage.pass();
    expect(await sent).toBeInstanceOf(TypeError);
    expect(await failed).toEqual({ error: await sent, isFatal: false });
    expect(added(client)).toEqual({});
  });

  it("rejects with the event of the error that ends the client", async () => {
    stage = new Stage((connection) => connection.reject(401));
    const client = stage.createClient();
    const failed = rejectionLater(once(client.ws, "connected"));
    void client.ws.connect();
    await stage.pass();
    expect(await failed).toMatchObject({ isFatal: true, error: { statusCode: 401 } });
    expect(added(client)).toEqual({});
  });

  it("resolves with an error event when it waits for `error`", async () => {
    const client = await stage.connect();
    const promise = once(client.ws, "error");
    void client.ws.send(undefined as never).catch(() => undefined);
    await stage.pass();
    expect(await promise).toMatchObject([{ isFatal: false }]);
    expect(added(client)).toEqual({});
  });

  it("observes a message without consuming it", async () => {
    const client = await stage.connect();
    const promise = once(client.ws, "message");
    stage.connection.send("hello");
    await stage.pass();
    expect(await promise).toEqual([{ data: "hello", size: 5 }]);
    expect(await client.ws.recv()).toBe("hello");
  });
});

describe("on() of node:events", () => {
  it("iterates over events, and leaves no listener", async () => {
    const client = await stage.connect();
    const data: unknown[] = [];
    const reading = (async () => {
      for await (const [event] of on(client.ws, "message")) {
        data.push((event as { readonly data: unknown }).data);
        if (data.length === 3) break;
      }
    })();
    expect(added(client)).toEqual({ message: 1, error: 1 });
    for (const text of ["one", "two", "three"]) stage.connection.send(text);
    await stage.pass();
    await reading;
    expect(data).toEqual(["one", "two", "three"]);
    expect(added(client)).toEqual({});
  });

  it("is aborted by a signal, and leaves no listener", async () => {
    const client = await stage.connect();
    const controller = new AbortController();
    const iterator = on(client.ws, "message", { signal: controller.signal });
    const next = iterator.next();
    controller.abort();
    expect(await outcome(next)).toMatchObject({ error: { name: "AbortError" } });
    expect(added(client)).toEqual({});
    expect(client.ws.state).toBe("connected");
  });

  it("throws the event of an error, and leaves no listener", async () => {
    const client = await stage.connect();
    const failed = rejectionLater(on(client.ws, "message").next());
    void client.ws.send(undefined as never).catch(() => undefined);
    await stage.pass();
    expect(await failed).toMatchObject({ isFatal: false });
    expect(added(client)).toEqual({});
  });

  it("ends with the event that its `close` option names", async () => {
    const client = await stage.connect();
    const iterator = on(client.ws, "message", { close: ["closed"] });
    const next = iterator.next();
    void client.ws.close();
    await stage.pass(10_000);
    expect(await next).toEqual({ done: true, value: undefined });
    expect(added(client)).toEqual({});
  });
});

describe("the interface of an EventEmitter", () => {
  const handler = (): void => undefined;
  const other = (): void => undefined;

  it("adds and removes handlers", () => {
    const { ws } = stage.createClient();
    expect(ws.addListener("message", handler)).toBe(ws);
    expect(ws.listeners("message")).toEqual([handler]);
    expect(ws.removeListener("message", handler)).toBe(ws);
    expect(ws.listeners("message")).toEqual([]);
    ws.terminate();
  });

  it("counts and lists handlers, including borrowed ones", () => {
    const { ws } = stage.createClient();
    ws.on("rawMessage", handler, { borrowed: true }).on("rawMessage", other).once("message", handler);
    expect([ws.listenerCount("rawMessage"), ws.listenerCount("message")]).toEqual([2, 1]);
    expect([ws.listenerCount("rawMessage", handler), ws.listenerCount("pong", other)]).toEqual([1, 0]);
    expect(ws.listeners("rawMessage")).toEqual([other, handler]);
    expect(ws.rawListeners("message")).toEqual([handler]);
    expect(getEventListeners(ws, "message")).toEqual([handler]);
    expect(ws.eventNames()).toEqual(expect.arrayContaining(["rawMessage", "message"]));
    ws.terminate();
  });

  it("removes all handlers of an event, or of every event", async () => {
    const client = await stage.connect();
    const { ws } = client;
    ws.on("rawMessage", handler, { borrowed: true }).on("rawMessage", other).on("message", handler);
    ws.removeAllListeners("rawMessage");
    expect(added(client)).toEqual({ message: 1 });
    ws.removeAllListeners("message");
    // There is no message handler any more, so messages wait to be read.
    stage.connection.send("kept");
    await stage.pass();
    expect(await ws.recv()).toBe("kept");
    const closed = client.ws.recv().catch((error: unknown) => error);
    client.ws.terminate();
    await stage.pass();
    expect(await closed).toBeInstanceOf(CloseError);
    ws.removeAllListeners();
    expect(ws.eventNames()).toEqual([]);
  });

  it("has no limit of listeners", () => {
    const { ws } = stage.createClient();
    setMaxListeners(1, ws);
    expect([ws.setMaxListeners(5), ws.getMaxListeners()]).toEqual([ws, 0]);
    ws.terminate();
  });

  it("rejects emit() and prepending", () => {
    const { ws } = stage.createClient();
    expect(() => ws.emit("message", { data: "forged" })).toThrow(TypeError);
    expect(() => ws.prependListener("message", handler)).toThrow(/use on\(\)/);
    expect(() => ws.prependOnceListener("message", handler)).toThrow(/use once\(\)/);
    ws.terminate();
  });
});
