import { expect, it } from "vitest";
import { EventHandlers } from "../../src/whatwg/event-handlers.js";

it("a handler has one listener, at the position of its first value", () => {
  const target = new EventTarget();
  const handlers = new EventHandlers(target);
  const log: string[] = [];
  const add = (text: string) => () => void log.push(text);
  expect(handlers.get("open")).toBeNull();
  handlers.set("open", null);
  handlers.set("open", add("replaced"));
  target.addEventListener("open", add("listener"));
  const handler = add("handler");
  handlers.set("open", handler);
  expect([handlers.get("open"), handlers.get("close")]).toEqual([handler, null]);
  target.dispatchEvent(new Event("open"));
  handlers.set("open", null);
  target.dispatchEvent(new Event("open"));
  handlers.set("open", handler);
  target.dispatchEvent(new Event("open"));
  expect(log).toEqual(["handler", "listener", "listener", "listener", "handler"]);
});

it("only the return value false cancels the event, and an object does nothing", () => {
  const target = new EventTarget();
  const handlers = new EventHandlers(target);
  const isCancelledBy = (callback: object): boolean => {
    handlers.set("x", callback);
    return !target.dispatchEvent(new Event("x", { cancelable: true }));
  };
  const callbacks = [() => false, () => true, () => undefined, () => 0, {}];
  expect(callbacks.map(isCancelledBy)).toEqual([true, false, false, false, false]);
});

it("the value of this is the target, also after another listener", () => {
  const target = new EventTarget();
  const seen: unknown[] = [];
  target.addEventListener("x", () => undefined);
  new EventHandlers(target).set("x", function (this: unknown) {
    seen.push(this);
  });
  target.dispatchEvent(new Event("x"));
  expect(seen).toEqual([target]);
});
