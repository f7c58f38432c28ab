import { beforeEach, expect, it } from "vitest";
import type { Reader } from "../../../src/client/receiving/reader.js";
import { ReaderQueue } from "../../../src/client/receiving/reader-queue.js";

let readers: ReaderQueue<number>;
let events: string[];

beforeEach(() => {
  readers = new ReaderQueue<number>();
  events = [];
});

function add(name: string, match?: (message: number) => boolean): Reader<number> {
  const reject = (error: unknown): void => void events.push(`${name} rejects: ${String(error)}`);
  const reader: Reader<number> = {
    filter: match === undefined ? undefined : { match, reject },
    resolve: (value) => void events.push(`${name} gets ${value}`),
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
