// The shape of the interfaces, the event handler attributes, the constructors of events, and threads.
import { describe, expect, onTestFinished } from "vitest";
import { CloseEvent, MessageEvent, WebSocket } from "../../../src/whatwg/index.js";
import { textFrame } from "../../support/wire.js";
import { answerClose, create, nameOfError, next, open, step, tagOf } from "./scene.js";

/** The prototype of `WebSocket`, for tests of attributes with another `this`. */
const { prototype } = WebSocket;
const attributes = ["url", "readyState", "bufferedAmount", "extensions", "protocol", "binaryType"];
const handlers = ["onopen", "onmessage", "onerror", "onclose"] as const;

describe("the interface", () => {
  step("interface.constants", () => {
    const names = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
    for (const [name, value] of Object.entries(names))
      for (const target of [WebSocket, prototype])
        expect(Object.getOwnPropertyDescriptor(target, name), name).toEqual({
          ...{ value, enumerable: true, writable: false, configurable: false },
        });
    expect(create("ws://127.0.0.1:9/").CLOSED).toBe(3);
  });

  step("interface.members", () => {
    for (const name of [...attributes, ...handlers]) {
      const { get, set, enumerable, configurable } = Object.getOwnPropertyDescriptor(prototype, name)!;
      expect([get?.name, enumerable, configurable], name).toEqual([`get ${name}`, true, true]);
      expect(set !== undefined, name).toBe(name === "binaryType" || name.startsWith("on"));
    }
    for (const [name, length] of [["send", 1] as const, ["close", 0] as const]) {
      const flags = { writable: true, enumerable: true, configurable: true };
      expect(Object.getOwnPropertyDescriptor(prototype, name)).toMatchObject(flags);
      expect(prototype[name].length, name).toBe(length);
    }
    expect(Object.getOwnPropertyDescriptor(WebSocket, "prototype")?.writable).toBe(false);
  });

  step("interface.name", () => {
    expect([WebSocket.name, CloseEvent.name, MessageEvent.name]).toEqual([
      "WebSocket",
      "CloseEvent",
      "MessageEvent",
    ]);
    expect(tagOf(prototype)).toBe("[object WebSocket]");
    expect(Object.getPrototypeOf(WebSocket)).toBe(EventTarget);
    expect(Object.getOwnPropertyDescriptor(prototype, Symbol.toStringTag)).toEqual({
      ...{ value: "WebSocket", writable: false, enumerable: false, configurable: true },
    });
  });

  step("interface.brand", () => {
    const others = [{}, prototype, new EventTarget(), undefined];
    for (const other of others) {
      for (const name of [...attributes, ...handlers])
        expect(
          nameOfError(() => Reflect.get(prototype, name, other)),
          name,
        ).toBe("TypeError");
      for (const method of [prototype.send, prototype.close, prototype.addEventListener])
        expect(nameOfError(() => Reflect.apply(method, other, ["a"]))).toBe("TypeError");
    }
  });

  step("interface.redefined", async () => {
    const members = Object.getOwnPropertyDescriptors(prototype);
    onTestFinished(() => void Object.defineProperties(prototype, members));
    const { ws, peer } = await open();
    const closed = new Promise((resolve) => ws.addEventListener("close", resolve));
    for (const name of attributes) Object.defineProperty(prototype, name, { get: () => "redefined" });
    for (const name of ["send", "close", "addEventListener"]) Reflect.deleteProperty(prototype, name);
    const received = new Promise((resolve) => (ws.onmessage = resolve));
    ws.addEventListener("message", () => undefined);
    peer.send(textFrame("hello"));
    expect(await received).toMatchObject({ data: "hello" });
    expect([ws.readyState, ws.url]).toEqual(["redefined", "redefined"]);
    members.close.value!.call(ws);
    await answerClose(peer);
    await closed;
    Object.defineProperties(prototype, members);
    expect(ws.readyState).toBe(3);
  });

  step("interface.read-only", () => {
    const ws = create("ws://127.0.0.1:9/");
    expect(() => Object.assign(ws, { readyState: 1 })).toThrow(TypeError);
    expect(Reflect.set(ws, "bufferedAmount", 1)).toBe(false);
    Object.assign(ws, { onopen: 5 });
    expect(delete (ws as { url?: string }).url).toBe(true);
    expect([ws.readyState, ws.bufferedAmount, ws.url]).toEqual([0, 0, "ws://127.0.0.1:9/"]);
  });
});

describe("an event handler attribute", () => {
  step("handler.values", () => {
    const ws = create("ws://127.0.0.1:9/");
    for (const name of handlers) {
      const object = { handleEvent: () => undefined };
      for (const value of [() => undefined, object]) {
        Object.assign(ws, { [name]: value });
        expect(ws[name]).toBe(value);
      }
      for (const value of [2, "x", undefined, null, Symbol("a"), 1n, false]) {
        Object.assign(ws, { [name]: () => undefined });
        Object.assign(ws, { [name]: value });
        expect(ws[name]).toBeNull();
      }
    }
  });

  step("handler.object", () => {
    const ws = create("ws://127.0.0.1:9/");
    let calls = 0;
    Object.assign(ws, { onmessage: { handleEvent: () => calls++ } });
    ws.dispatchEvent(new Event("message"));
    expect(calls).toBe(0);
  });

  step("handler.order", () => {
    const ws = create("ws://127.0.0.1:9/");
    const log: string[] = [];
    const add = (text: string) => () => void log.push(text);
    ws.addEventListener("open", add("1"));
    ws.onopen = add("first");
    ws.addEventListener("open", add("3"));
    ws.onopen = add("2");
    ws.dispatchEvent(new Event("open"));
    ws.onopen = null;
    ws.onopen = add("4");
    ws.dispatchEvent(new Event("open"));
    expect(log).toEqual(["1", "2", "3", "1", "3", "4"]);
  });

  step("handler.call", () => {
    const ws = create("ws://127.0.0.1:9/");
    const calls: unknown[] = [];
    ws.onclose = function (...given) {
      calls.push(this, ...given);
      return false;
    };
    const event = new CloseEvent("close", { cancelable: true });
    ws.dispatchEvent(event);
    expect(calls).toEqual([ws, event]);
    expect(event.defaultPrevented).toBe(true);
  });

  step("handler.throws", async () => {
    const { ws, peer } = await open();
    const thrown: unknown[] = [];
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => thrown.push(error));
    const error = new Error("of a handler");
    const received: unknown[] = [];
    ws.onmessage = () => {
      throw error;
    };
    ws.addEventListener("message", ({ data }) => received.push(data));
    peer.send(textFrame("a"), textFrame("b"));
    while (received.length < 2) await next(ws, "message");
    await new Promise((resolve) => setImmediate(resolve));
    process.removeAllListeners("uncaughtException");
    for (const listener of listeners) process.on("uncaughtException", listener);
    expect(thrown).toEqual([error, error]);
    expect(received).toEqual(["a", "b"]);
    expect(ws.readyState).toBe(1);
  });
});

describe("the constructors of events", () => {
  step("event.close", () => {
    const event = new CloseEvent("close");
    const { wasClean, code, reason, bubbles, cancelable } = event;
    expect([wasClean, code, reason, bubbles, cancelable]).toEqual([false, 0, "", false, false]);
    const init = { wasClean: 1, code: 65_536 + 7.9, reason: "\uD800", bubbles: true } as unknown as object;
    const other = new CloseEvent("foo", init);
    expect([other.type, other.wasClean, other.code, other.reason, other.bubbles]).toEqual([
      ...["foo", true, 7, "\uFFFD", true],
    ]);
    expect(CloseEvent).toHaveLength(1);
    expect(nameOfError(() => Reflect.construct(CloseEvent, []))).toBe("TypeError");
    expect(nameOfError(() => Reflect.construct(CloseEvent, ["close", 5]))).toBe("TypeError");
    expect(nameOfError(() => new CloseEvent("a", { code: 1n as unknown as number }))).toBe("TypeError");
    expect(nameOfError(() => Reflect.get(CloseEvent.prototype, "code"))).toBe("TypeError");
    expect([event instanceof Event, tagOf(event)]).toEqual([true, "[object CloseEvent]"]);
  });

  step("event.message", () => {
    const event = new MessageEvent("message");
    const { data, origin, lastEventId, source, ports } = event;
    expect([data, origin, lastEventId, source, ports]).toEqual([null, "", "", null, []]);
    const { port1: port } = new MessageChannel();
    const other = new MessageEvent("x", { data: 5, origin: "o", lastEventId: "7", ports: new Set([port]) });
    expect([other.data, other.origin, other.lastEventId, other.ports]).toEqual([5, "o", "7", [port]]);
    expect([Object.isFrozen(ports), Object.isFrozen(other.ports)]).toEqual([true, true]);
    expect(MessageEvent).toHaveLength(1);
    expect(nameOfError(() => Reflect.construct(MessageEvent, []))).toBe("TypeError");
    expect(nameOfError(() => Reflect.get(MessageEvent.prototype, "data"))).toBe("TypeError");
    expect(Object.getOwnPropertyDescriptor(MessageEvent.prototype, "data")?.enumerable).toBe(true);
  });
});
