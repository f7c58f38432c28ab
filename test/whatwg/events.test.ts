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
