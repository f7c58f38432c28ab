import { expect, it } from "vitest";
import { CloseEvent, createErrorEvent, linkToGlobalEvents, MessageEvent } from "../../src/whatwg/events.js";

it("the events are instances of the global classes", () => {
  linkToGlobalEvents();
  linkToGlobalEvents();
  expect(new MessageEvent("message")).toBeInstanceOf(globalThis.MessageEvent);
  expect(new MessageEvent("message")).toBeInstanceOf(MessageEvent);
  const global = (globalThis as { readonly CloseEvent?: new () => Event }).CloseEvent;
  expect(new CloseEvent("close") instanceof (global ?? Event)).toBe(true);
});

it("an error event has the error and its message, which are not enumerable", () => {
  const error = new Error("lost");
  const event = createErrorEvent(error) as Event & { readonly error: Error; readonly message: string };
  expect([event.type, event.error, event.message]).toEqual(["error", error, "lost"]);
  expect(Object.keys(event)).not.toContain("error");
});

it.each([[null], [undefined], [{}]])("the dictionary of an event may be %j", (init) => {
  const given: object | null | undefined = init;
  expect(new CloseEvent("a", given as object).code).toBe(0);
  expect(new MessageEvent("a", given as object).data).toBeNull();
});

it.each([[[]], [() => undefined], [Object.assign([], { bubbles: 1, code: "7", data: 5 })]])(
  "each object may be the dictionary of an event, such as %o",
  (init) => {
    const { bubbles } = init as { readonly bubbles?: unknown };
    expect(new CloseEvent("a", init as object)).toMatchObject({
      bubbles: !!bubbles,
      code: bubbles ? 7 : 0,
    });
    expect(new MessageEvent("a", init as object).data).toBe(bubbles ? 5 : null);
  },
);

it.each([0, "", "x", true, 5n, Symbol("x")])("%s is not a dictionary of an event", (init) => {
  expect(() => new CloseEvent("a", init as never)).toThrow(TypeError);
  expect(() => new MessageEvent("a", init as never)).toThrow(TypeError);
});

it("only a MessagePort may be a source or a port", () => {
  const { port1, port2 } = new MessageChannel();
  const event = new MessageEvent("a", { source: port1, ports: new Set([port1, port2]) });
  expect([event.source, event.ports]).toEqual([port1, [port1, port2]]);
  expect(Object.isFrozen(event.ports)).toBe(true);
  for (const wrong of [0, "", "x", true, {}, [], new EventTarget()] as never[]) {
    expect(() => new MessageEvent("a", { source: wrong })).toThrow(TypeError);
    expect(() => new MessageEvent("a", { ports: [wrong] })).toThrow(TypeError);
  }
  for (const wrong of [0, "", "x", null, {}] as never[])
    expect(() => new MessageEvent("a", { ports: wrong })).toThrow(TypeError);
  port1.close();
});
