import { describe, expect, it } from "vitest";
import { checkEventName } from "../../src/events/event-names.js";
import { WebSocket } from "../../src/index.js";

/** Returns the error message without its list of events. */
function hintFor(name: unknown): string {
  try {
    checkEventName(name as string);
    return "";
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as Error).message.split(" The events are: ")[0]!;
  }
}

describe("a handler property of the browser class", () => {
  const ws = new WebSocket("ws://feed.test/") as unknown as Record<string, unknown>;

  it.each([
    ["onopen", "connected"],
    ["onmessage", "message"],
    ["onclose", "closed"],
    ["onerror", "error"],
  ])("throws if a handler is assigned: %s", (name, event) => {
    expect(() => (ws[name] = () => undefined)).toThrow(
      new RegExp(`^A client has no property ${name}\\. Add a listener with on\\(\\): "${event}"`),
    );
    expect(ws[name]).toBeUndefined();
    expect(() => (ws[name] = null)).not.toThrow();
  });
});

describe("checkEventName", () => {
  it.each(["connected", "message", "rawMessage", "closed", "dropped"])("accepts %s", (name) => {
    expect(hintFor(name)).toBe("");
  });

  it.each([
    ["mesage", "message"],
    ["open", "connected"],
    ["OPEN", "connected"],
    ["close", "closed"],
    ["end", "closed"],
    ["connect", "connected"],
    ["disconnect", "disconnected"],
    ["data", "message"],
    ["reconnect", "reconnecting"],
    ["reconnect_attempt", "connecting"],
    ["upgrade", "connected"],
    ["unexpected-response", "error"],
    ["stateChanged", "stateChange"],
    ["raw_message", "rawMessage"],
  ])("suggests for %s the event %s", (name, expected) => {
    expect(hintFor(name)).toMatch(new RegExp(`^There is no event "${name}"\\. Use "${expected}"`));
  });

  it.each(["", "toString", "__proto__", "constructor", "x".repeat(5_000), 5, undefined, Symbol("open")])(
    "has no suggestion for %s",
    (name) => {
      expect(hintFor(name)).toMatch(/^There is no event .{0,110}\.$/);
    },
  );
});

describe.each(["on", "once", "off"] as const)("%s()", (call) => {
  it.each(["mesage", "open", "close", "newListener", "toString"])(
    "throws for %s, which is not an event",
    (name) => {
      const ws = new WebSocket("ws://feed.test/");
      expect(() => callOn(ws, call, name)).toThrow(TypeError);
      expect(() => callOn(ws, call, name)).toThrow(`There is no event "${name}"`);
    },
  );

  it("accepts every event", () => {
    const ws = new WebSocket("ws://feed.test/");
    const [, names] = /The events are: (.*)\.$/.exec(
      messageOf(() => ws.on("x" as "message", () => undefined)),
    )!;
    for (const name of names!.split(", ")) expect(callOn(ws, call, name)).toBe(ws);
  });
});

/** Calls the method with any name, as JavaScript callers may. */
function callOn(ws: WebSocket, call: "on" | "once" | "off", name: string): WebSocket {
  if (call === "on") return ws.on(name as "message", () => undefined);
  return call === "once"
    ? ws.once(name as "message", () => undefined)
    : ws.off(name as "message", () => undefined);
}

function messageOf(act: () => unknown): string {
  try {
    act();
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}
