import { beforeEach, expect, it } from "vitest";
import type { Reader } from "../../../src/client/receiving/reader.js";
import { ReaderQueue } from "../../../src/client/receiving/reader-queue.js";
import { measureCpuTime } from "../../support/cpu-time.js";

let readers: ReaderQueue;
let events: string[];

beforeEach(() => {
  readers = new ReaderQueue();
  events = [];
});

function add(name: string, match?: (message: number) => boolean): Reader {
  const reject = (error: unknown): void => void events.push(`${name} rejects: ${String(error)}`);
  const reader: Reader = {
    filter: match === undefined ? undefined : { match, reject },
    resolve: (value) => void events.push(`${name} gets ${String(value)}`),
    end: () => void events.push(`${name} ends`),
  };
  readers.add(reader);
  return reader;
}

function deliver(message: number): boolean {
  const reader = readers.take(message);
  reader?.resolve(message);
  return reader !== undefined;
}

const isOdd = (message: number): boolean => message % 2 === 1;

it("returns the first reader that accepts the message", () => {
  add("odd", isOdd);
  add("five", (message) => message === 5);
  add("any");
  add("last");
  for (const message of [2, 5, 4, 6]) deliver(message);
  expect(events).toEqual(["any gets 2", "odd gets 5", "last gets 4"]);
  expect(readers.length).toBe(1);
  expect([deliver(5), deliver(5)]).toEqual([true, false]);
  expect(readers.length).toBe(0);
});

it("rejects a reader whose match throws, and continues with the next one", () => {
  add("broken", () => {
    throw new Error("no");
  });
  add("odd", isOdd);
  expect(deliver(3)).toBe(true);
  expect(events).toEqual(["broken rejects: Error: no", "odd gets 3"]);
});

it("returns a later reader if match removes other readers", () => {
  const first = add("first", () => {
    for (const reader of [first, second]) readers.remove(reader);
    return true;
  });
  const second = add("second", isOdd);
  add("third", isOdd);
  expect(deliver(3)).toBe(true);
  expect(events).toEqual(["third gets 3"]);
});

it("checks a reader that was added during the checks of others", () => {
  add("first", () => {
    if (readers.length === 1) add("inner");
    return false;
  });
  expect(deliver(3)).toBe(true);
  expect(events).toEqual(["inner gets 3"]);
});

it("checks each reader once, whatever match functions add and remove", () => {
  const asked: string[] = [];
  const addLogged = (name: string, act: () => void = () => {}): Reader =>
    add(name, () => {
      asked.push(name);
      act();
      return false;
    });
  const first = addLogged("first", () => {
    readers.remove(first);
    readers.remove(second);
    addLogged("added first");
  });
  const second = addLogged("second");
  addLogged("third", () => {
    readers.remove(last);
    const removed = addLogged("added and removed");
    addLogged("added last", () => addLogged("added at the end"));
    readers.remove(removed);
  });
  const last = addLogged("last");
  expect(deliver(3)).toBe(false);
  expect(asked).toEqual(["first", "third", "added first", "added last", "added at the end"]);
  expect(readers.length).toBe(4);
});

it("continues after a match function that delivers another message or removes all readers", () => {
  let isNested = false;
  add("first", () => {
    if (isNested) return false;
    isNested = true;
    add("added");
    expect([deliver(5), deliver(7)]).toEqual([true, true]);
    return false;
  });
  add("odd", isOdd);
  add("third", isOdd);
  add("ends", () => {
    for (const reader of readers.takeAll()) reader.end({ iteratorError: undefined, recvError: undefined });
    add("after the end", isOdd);
    return true;
  });
  expect(deliver(3)).toBe(true);
  expect(events).toEqual([
    "odd gets 5",
    "third gets 7",
    "first ends",
    "ends ends",
    "added ends",
    "after the end gets 3",
  ]);
});

it("takes no longer for a message when many readers wait after the first with a filter", () => {
  const count = 30_000;
  for (let index = 0; index < 10; index++) add(`filter ${index}`, () => false);
  for (let index = 0; index < count; index++) add(`plain ${index}`);
  const cpuTime = measureCpuTime();
  // A copy of all waiting readers for each message would take more than a minute.
  for (let message = 0; message < count; message++) deliver(message);
  expect(cpuTime()).toBeLessThan(1_000);
  expect([events.length, events.at(-1)]).toEqual([count, `plain ${count - 1} gets ${count - 1}`]);
});

it("rejects only the readers with a filter", () => {
  add("odd", isOdd);
  add("any");
  readers.rejectFiltered("full");
  expect(events).toEqual(["odd rejects: full"]);
  expect(readers.length).toBe(1);
});

it("removes a reader only once", () => {
  const reader = add("any");
  expect([readers.remove(reader), readers.remove(reader)]).toEqual([true, false]);
});
