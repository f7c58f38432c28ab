import { beforeEach, expect, it } from "vitest";
import type { Reader } from "../../../src/client/receiving/reader.js";
import { ReaderQueue } from "../../../src/client/receiving/reader-queue.js";

let readers: ReaderQueue<number>;
let told: string[];

beforeEach(() => {
  readers = new ReaderQueue<number>();
  told = [];
});

function enter(name: string, match?: (message: number) => boolean): Reader<number> {
  const reject = (error: unknown): void => void told.push(`${name} rejects: ${String(error)}`);
  const reader: Reader<number> = {
    filter: match === undefined ? undefined : { match, reject },
    resolve: (value) => void told.push(`${name} gets ${value}`),
    end: () => void told.push(`${name} ends`),
  };
  readers.add(reader);
  return reader;
}

function give(message: number): boolean {
  const reader = readers.take(message);
  reader?.resolve(message);
  return reader !== undefined;
}

const isOdd = (message: number): boolean => message % 2 === 1;

it("gives a message to the first that accepts it", () => {
  enter("odd", isOdd);
  enter("five", (message) => message === 5);
  enter("any");
  enter("last");
  for (const message of [2, 5, 4, 6]) give(message);
  expect(told).toEqual(["any gets 2", "odd gets 5", "last gets 4"]);
  expect(readers.length).toBe(1);
  expect([give(5), give(5)]).toEqual([true, false]);
  expect(readers.length).toBe(0);
});

it("rejects a reader whose match throws, and asks the next one", () => {
  enter("broken", () => {
    throw new Error("no");
  });
  enter("odd", isOdd);
  expect(give(3)).toBe(true);
  expect(told).toEqual(["broken rejects: Error: no", "odd gets 3"]);
});

it("loses no message where a match ends other calls", () => {
  const first = enter("first", () => {
    for (const reader of [first, second]) readers.remove(reader);
    return true;
  });
  const second = enter("second", isOdd);
  enter("third", isOdd);
  expect(give(3)).toBe(true);
  expect(told).toEqual(["third gets 3"]);
});

it("asks a reader that came while others were asked", () => {
  enter("first", () => {
    if (readers.length === 1) enter("inner");
    return false;
  });
  expect(give(3)).toBe(true);
  expect(told).toEqual(["inner gets 3"]);
});

it("rejects the readers that wait for one message of many, and leaves the others", () => {
  enter("odd", isOdd);
  enter("any");
  readers.rejectFiltered("full");
  expect(told).toEqual(["odd rejects: full"]);
  expect(readers.length).toBe(1);
});

it("lets a reader leave once", () => {
  const reader = enter("any");
  expect([readers.remove(reader), readers.remove(reader)]).toEqual([true, false]);
});
