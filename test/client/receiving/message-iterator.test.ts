import { beforeEach, describe, expect, it } from "vitest";
import { MessageIterator } from "../../../src/client/receiving/message-iterator.js";
import type { Reader, ReadingEnd } from "../../../src/client/receiving/reader.js";
import { forbidUnhandledRejections } from "../../support/rejections.js";

let waiting: number[];
let readers: Reader[];
let end: ReadingEnd | undefined;
let returned: (readonly Reader[])[];
let iterator: MessageIterator<number>;

forbidUnhandledRejections();

beforeEach(() => {
  waiting = [];
  readers = [];
  end = undefined;
  returned = [];
  iterator = new MessageIterator({
    itemOf: (first: number) => first,
    take: () => (waiting.length === 0 ? undefined : { value: waiting.shift()! }),
    ended: () => end,
    wait: (reader) => readers.push(reader),
    onReturn: (ended) => returned.push(ended),
  });
});

const failure = new Error("broken");
const done = { value: undefined, done: true };

it("is its own iterator", () => expect(iterator[Symbol.asyncIterator]()).toBe(iterator));

it("returns queued messages, then new messages, in the order of the calls", async () => {
  waiting = [1, 2];
  const results = [iterator.next(), iterator.next(), iterator.next(), iterator.next()];
  expect(readers.length).toBe(2);
  readers[0]!.resolve(3);
  readers[1]!.resolve(4);
  expect(await Promise.all(results)).toEqual([1, 2, 3, 4].map((value) => ({ value, done: false })));
});

it("returns queued messages before the end", async () => {
  waiting = [1];
  end = { iteratorError: undefined, recvError: failure };
  expect(await iterator.next()).toEqual({ value: 1, done: false });
  expect(await iterator.next()).toEqual(done);
  expect(returned).toEqual([[]]);
  expect(await iterator.next()).toEqual(done);
  expect(returned.length).toBe(1);
});

it("rejects once with the error of the connection, and is done afterwards", async () => {
  end = { iteratorError: failure, recvError: failure };
  await expect(iterator.next()).rejects.toBe(failure);
  expect(await iterator.next()).toEqual(done);
});

describe("an end while calls wait", () => {
  it("resolves every call with done", async () => {
    const results = [iterator.next(), iterator.next()];
    for (const reader of readers) reader.end({ iteratorError: undefined, recvError: failure });
    expect(await Promise.all(results)).toEqual([done, done]);
    expect(returned.length).toBe(1);
  });

  it("with an error rejects the first call and resolves the others with done", async () => {
    const results = [iterator.next(), iterator.next()];
    for (const reader of readers) reader.end({ iteratorError: failure, recvError: failure });
    await expect(results[0]).rejects.toBe(failure);
    expect(await results[1]).toEqual(done);
  });

  it("with an error does not cause an unhandled rejection if no call is awaited", () => {
    void iterator.next();
    readers[0]!.end({ iteratorError: failure, recvError: failure });
  });
});

it("does not cause an unhandled rejection if the error of the end is not awaited", () => {
  end = { iteratorError: failure, recvError: failure };
  void iterator.next();
});

describe("return()", () => {
  it("reports the waiting readers and resolves their calls with done", async () => {
    const results = [iterator.next(), iterator.next()];
    readers[0]!.resolve(1);
    expect(await iterator.return()).toEqual(done);
    expect(returned).toEqual([[readers[1]]]);
    expect(await Promise.all(results)).toEqual([{ value: 1, done: false }, done]);
  });

  it("leaves queued messages unread, and has no effect when called again", async () => {
    waiting = [1];
    await iterator.return();
    await iterator.return();
    expect(await iterator.next()).toEqual(done);
    expect([waiting, returned.length]).toEqual([[1], 1]);
  });
});
