import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { addListener, defineAttributes, removeListener } from "../../src/ws/events.js";

class Source extends EventEmitter {
  readonly endedCleanly: boolean = true;
  declare onopen: unknown;
  declare onmessage: unknown;
}
defineAttributes(Source.prototype);

describe("addEventListener", () => {
  it("passes event objects", () => {
    const source = new Source();
    const events: object[] = [];
    for (const name of ["open", "message", "close", "error"])
      addListener(source, name, (event: object) => void events.push({ ...event }));
    const error = new Error("text");
    source.emit("open");
    source.emit("message", Buffer.from("t"), false);
    source.emit("message", Buffer.from("b"), true);
    source.emit("close", 1000, Buffer.from("reason"));
    source.emit("error", error);
    expect(events).toEqual([
      { type: "open", target: source },
      { type: "message", target: source, data: "t" },
      { type: "message", target: source, data: Buffer.from("b") },
      { type: "close", target: source, wasClean: true, code: 1000, reason: "reason" },
      { type: "error", target: source, error, message: "text" },
    ]);
  });

  it("adds a function once, calls methods of objects, and ignores other values and events", () => {
    const source = new Source();
    const log: unknown[] = [];
    const listener = function (this: unknown): void {
      log.push(this === source);
    };
    const object = {
      handleEvent(this: unknown): void {
        log.push(this === object);
      },
    };
    for (const one of [listener, listener, object, object, null, undefined]) addListener(source, "open", one);
    addListener(source, "ping", listener);
    source.emit("open");
    source.emit("ping");
    expect(log).toEqual([true, true]);
    removeListener(source, "open", listener);
    removeListener(source, "open", object);
    removeListener(source, "open", object);
    expect(source.listenerCount("open")).toBe(0);
  });

  it("with once removes the listener before its call", () => {
    const source = new Source();
    const counts: number[] = [];
    const listener = (): void => void counts.push(source.listenerCount("open"));
    addListener(source, "open", listener, { once: true });
    source.emit("open");
    source.emit("open");
    expect(counts).toEqual([0]);
    addListener(source, "open", listener, { once: true });
    removeListener(source, "open", listener);
    expect(source.listenerCount("open")).toBe(0);
  });
});

describe("an attribute", () => {
  it("holds one function, apart from addEventListener and on()", () => {
    const source = new Source();
    const log: string[] = [];
    const first = (): void => void log.push("first");
    const second = (): void => void log.push("second");
    expect(source.onopen).toBeNull();
    source.onopen = first;
    addListener(source, "open", first);
    expect(source.listenerCount("open")).toBe(2);
    source.onopen = second;
    expect(source.onopen).toBe(second);
    removeListener(source, "open", second);
    source.emit("open");
    expect(log).toEqual(["first", "second"]);
    for (const value of [null, 1, {}]) {
      source.onopen = second;
      source.onopen = value;
      expect(source.onopen).toBeNull();
    }
  });
});
