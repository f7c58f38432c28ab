import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import type { ReadyState } from "../../src/whatwg/web-idl.js";
import { SocketReference } from "../../src/whatwg/socket-reference.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

async function collect(): Promise<void> {
  for (let round = 0; round < 5; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
}

/** A reference to a target with one listener, which records its events. */
function make(type: string, readyState: ReadyState, log: string[]): SocketReference {
  const target = new EventTarget();
  const reference = new SocketReference(target);
  target.addEventListener(type, () => log.push(type));
  reference.update(readyState);
  return reference;
}

it.each<[ReadyState, string[]]>([
  [0, ["open", "message", "error", "close"]],
  [1, ["message", "error", "close"]],
  [2, ["error", "close"]],
  [3, []],
])("in the state %d, listeners of %j keep the socket alive, and no others", async (readyState, keeping) => {
  for (const type of ["open", "message", "error", "close", "other"]) {
    const log: string[] = [];
    const reference = make(type, readyState, log);
    await collect();
    reference.fire(new Event(type));
    expect(log, type).toEqual(keeping.includes(type) ? [type] : []);
    reference.update(readyState);
  }
});

it("does not call a method dispatchEvent() of the program", () => {
  const log: string[] = [];
  const target = new EventTarget();
  target.dispatchEvent = () => {
    throw new Error("replaced");
  };
  target.addEventListener("message", () => log.push("message"));
  new SocketReference(target).fire(new Event("message"));
  expect(log).toEqual(["message"]);
});

it("a listener with the option once keeps the socket alive only until its first event", async () => {
  const log: string[] = [];
  const reference = ((): SocketReference => {
    const target = new EventTarget();
    const created = new SocketReference(target);
    target.addEventListener("message", () => log.push("message"), { once: true });
    created.hasOnce = true;
    created.update(1);
    return created;
  })();
  await collect();
  reference.fire(new Event("message"));
  await collect();
  reference.fire(new Event("message"));
  expect(log).toEqual(["message"]);
  expect(reference.isKept).toBe(false);
});

it("an EventTarget that does not show its listeners is kept until the end", () => {
  const reference = new SocketReference({} as EventTarget);
  const kept = ([0, 1, 2, 3] as const).map((state) => {
    reference.update(state);
    return reference.isKept;
  });
  expect(kept).toEqual([true, true, true, false]);
});
