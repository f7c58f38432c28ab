import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Dispatcher } from "../../../src/client/receiving/dispatcher.js";
import { JetSocketError, TimeoutError } from "../../../src/errors.js";
import { Emitter } from "../../../src/events/emitter.js";
import type { EventMap } from "../../../src/events/event-map.js";
import { createCountingRuntime, type CountingRuntime } from "../../support/counting-runtime.js";
import { VirtualRuntime } from "../../support/virtual-runtime.js";

type Bounds = ConstructorParameters<typeof Dispatcher<string>>[2]["buffer"];

let clock: VirtualRuntime;
let counting: CountingRuntime;
let emitter: Emitter<EventMap<string>>;
let dispatcher: Dispatcher<string>;
let told: string[];
let heard: string[];
let errors: Error[];
let waits: number[];
/** What a listener of `dropped` does. */
let whenDropped: ((message: unknown) => void) | undefined;
let idleWaits: number[];

function create(bounds: Partial<Bounds> = {}): void {
  dispatcher = new Dispatcher<string>(
    counting.runtime,
    emitter,
    {
      deserializer: (data) => {
        if (data === "bad") throw new Error("no good");
        return `<${data.toString()}>`;
      },
      buffer: { capacity: 4, maxBytes: 1_000, overflow: "pause", keyOf: undefined, ...bounds },
    },
    {
      onPaused: () => told.push("pause"),
      onResumed: () => told.push("resume"),
      onInboxFull: () => told.push("overflow"),
      onDropped: ({ direction, message, cause }) => {
        told.push(`dropped ${direction} ${String(message)} ${cause}`);
        whenDropped?.(message);
      },
      onError: (error) => errors.push(error),
      onUndecodable: (message, error) => {
        told.push(`dropped in ${String(message)} decode`);
        whenDropped?.(message);
        errors.push(error);
      },
      onConsumed: (waited) => waits.push(waited),
      onIdleWait: (change) => idleWaits.push(change),
    },
  );
}

beforeEach(() => {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  told = [];
  heard = [];
  errors = [];
  waits = [];
  whenDropped = undefined;
  idleWaits = [];
  emitter = new Emitter<EventMap<string>>({ onListenerError: (_name, error) => errors.push(error as Error) });
  create();
});

afterEach(() => {
  clock.advance(100_000);
  counting.assertIdle();
});

function receive(...texts: readonly string[]): void {
  for (const text of texts) dispatcher.receive(text, text.length, counting.runtime.now());
}

/** Adds a lasting handler, as a client does. */
function on(name: "message" | "rawMessage" = "message", word = ""): (event: unknown) => void {
  const listener = (event: unknown): void => {
    heard.push(word + String((event as { data: unknown }).data));
  };
  emitter.add(name, listener, false);
  dispatcher.onListenerAdded();
  return listener;
}

async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  const pending = {};
  await new Promise((resolve) => setImmediate(resolve));
  return Promise.race([promise, Promise.resolve(pending)]).then(
    (value) => (value === pending ? "waits" : value),
    (error: unknown) => error,
  );
}

const recv = (): Promise<unknown> => stateOf(dispatcher.recv(undefined));

function iterate(): AsyncIterableIterator<string> {
  return dispatcher.iterate()!;
}

describe("recv()", () => {
  it("gives what waits, then what comes, in order", async () => {
    receive("1", "2");
    expect(await Promise.all([recv(), recv()])).toEqual(["<1>", "<2>"]);
    const waiting = [dispatcher.recv(undefined), dispatcher.recv(undefined)];
    receive("3", "4", "5");
    expect(await Promise.all(waiting)).toEqual(["<3>", "<4>"]);
    expect(dispatcher.waitingCount).toBe(1);
    expect(await recv()).toBe("<5>");
  });

  it("that times out takes nothing", async () => {
    const late = dispatcher.recv({ timeout: 50 });
    clock.advance(50);
    receive("1");
    expect(await stateOf(late)).toBeInstanceOf(TimeoutError);
    expect(await recv()).toBe("<1>");
  });

  it("whose signal is aborted takes nothing", async () => {
    const controller = new AbortController();
    const stopped = dispatcher.recv({ signal: controller.signal, timeout: 50 });
    controller.abort("stop");
    receive("1");
    expect(await stateOf(stopped)).toBe("stop");
    expect(await stateOf(dispatcher.recv({ signal: controller.signal }))).toBe("stop");
    expect(await recv()).toBe("<1>");
  });

  it("that gets its message leaves no timer", async () => {
    const one = dispatcher.recv({ timeout: 50 });
    receive("1");
    expect(await one).toBe("<1>");
    expect(counting.openTimers).toBe(0);
  });
});

describe("an iterator", () => {
  it("gives what waits, then what comes", async () => {
    receive("1");
    const iterator = iterate();
    expect(await iterator.next()).toEqual({ value: "<1>", done: false });
    const next = iterator.next();
    receive("2");
    expect(await next).toEqual({ value: "<2>", done: false });
  });

  it("is one at a time, and leaves what it has not taken", async () => {
    const iterator = iterate();
    expect(dispatcher.iterate()).toBeUndefined();
    receive("1", "2");
    await iterator.next();
    const waiting = [iterator.next(), iterator.next()];
    await iterator.return!();
    receive("3");
    expect(await Promise.all(waiting.map(stateOf))).toEqual([
      { value: "<2>", done: false },
      { value: undefined, done: true },
    ]);
    expect(await iterate().next()).toEqual({ value: "<3>", done: false });
  });

  it("shares the messages with recv() in the order of the calls", async () => {
    const iterator = iterate();
    const results = [dispatcher.recv(undefined), iterator.next(), dispatcher.recv(undefined)];
    receive("1", "2", "3");
    expect(await Promise.all(results)).toEqual(["<1>", { value: "<2>", done: false }, "<3>"]);
  });
});

describe("a handler", () => {
  it("gets messages alone, without the inbox", () => {
    on();
    on("rawMessage", "raw ");
    receive("1", "2");
    expect(heard).toEqual(["raw 1", "<1>", "raw 2", "<2>"]);
    expect(dispatcher.waitingCount).toBe(0);
  });

  it("for raw messages spares the deserializer", () => {
    on("rawMessage");
    receive("bad");
    expect([heard, errors, told]).toEqual([["bad"], [], []]);
  });

  it("knows text from bytes", () => {
    const events: unknown[] = [];
    emitter.add("rawMessage", (event) => events.push(event), false);
    receive("text");
    dispatcher.receive(Buffer.from("b"), 1, counting.runtime.now());
    expect(events).toEqual([
      { data: "text", isBinary: false },
      { data: Buffer.from("b"), isBinary: true },
    ]);
  });

  it("for one message does not keep it from the inbox", async () => {
    emitter.add("message", (event) => heard.push(event.data), true);
    receive("1", "2");
    expect(heard).toEqual(["<1>"]);
    expect(await Promise.all([recv(), recv()])).toEqual(["<1>", "<2>"]);
  });

  it("and an open iterator both get a message", async () => {
    on();
    const iterator = iterate();
    receive("1");
    expect(heard).toEqual(["<1>"]);
    expect(await iterator.next()).toEqual({ value: "<1>", done: false });
  });

  it("and a recv() that waits both get a message", async () => {
    on();
    const waiting = dispatcher.recv(undefined);
    receive("1", "2");
    expect([heard, await waiting, dispatcher.waitingCount]).toEqual([["<1>", "<2>"], "<1>", 0]);
  });

  it("that reads from inside gets the next message so", async () => {
    const read: Promise<string>[] = [];
    emitter.add("message", () => read.push(dispatcher.recv(undefined)), true);
    on();
    receive("1", "2");
    expect([heard, await Promise.all(read)]).toEqual([["<1>", "<2>"], ["<2>"]]);
  });
});

const over = { recvError: new Error("over"), iteratorError: undefined };

describe("who is to have messages may change between two of them", () => {
  let heardBy: (event: unknown) => void;

  beforeEach(() => {
    heardBy = on();
    receive("1");
    heard = [];
  });

  it.each<[string, () => void, readonly string[]]>([
    [
      "a recv() waits",
      () => void dispatcher.recv(undefined).then((value) => heard.push(value)),
      ["<2>", "<2>"],
    ],
    ["a raw handler was added", () => on("rawMessage", "raw "), ["raw 2", "<2>"]],
    [
      "a borrowed handler was added",
      () => dispatcher.listeners.addBorrowed(({ data }) => heard.push(`lent ${data.toString()}`)),
      ["lent 2", "<2>"],
    ],
    ["the end is to come at once", () => dispatcher.discard(), []],
  ])("%s", async (_, change, expected) => {
    change();
    receive("2");
    await Promise.resolve();
    expect(heard).toEqual(expected);
    dispatcher.finish(over, true);
  });

  it("a loop was opened", async () => {
    const loop = iterate();
    receive("2");
    expect(heard).toEqual(["<2>"]);
    await expect(loop.next()).resolves.toEqual({ value: "<2>", done: false });
    await loop.return!();
  });

  it("the last handler has gone", async () => {
    emitter.remove("message", heardBy);
    receive("2");
    expect(heard).toEqual([]);
    await expect(recv()).resolves.toBe("<2>");
  });
});

describe("who reads by batches", () => {
  it.each<[string, () => void, readonly string[], readonly string[]]>([
    [
      "shares with a recv() that waits",
      () => void dispatcher.recv(undefined).then((value) => heard.push(value)),
      ["<1>", "<2>", "<4>"],
      ["<3>"],
    ],
    ["shares with a handler", () => on(), ["<1>", "<2>", "<3>", "<4>"], ["<3>", "<4>"]],
    ["gets no more when all is discarded", () => dispatcher.discard(), ["<1>", "<2>"], []],
    ["gets no more behind the end", () => dispatcher.finish(over, false), ["<1>", "<2>"], []],
  ])("%s", async (_, change, batch, others) => {
    const first = dispatcher.iterateBatches()!.next();
    receive("1", "2");
    change();
    receive("3", "4");
    await expect(first).resolves.toEqual({ value: batch, done: false });
    expect(heard).toEqual(others);
    dispatcher.finish(over, true);
  });
});

describe("a handler that comes late", () => {
  it("gets what waits, at the end of the tick", () => {
    receive("1", "2");
    on();
    expect(heard).toEqual([]);
    clock.advance(0);
    expect([heard, dispatcher.waitingCount]).toEqual([["<1>", "<2>"], 0]);
  });

  it("gets what waits before anything newer", () => {
    receive("1", "2");
    on();
    receive("3");
    clock.advance(0);
    expect(heard).toEqual(["<1>", "<2>", "<3>"]);
  });

  it("gets raw messages as they came", () => {
    receive("1");
    on("rawMessage");
    on();
    clock.advance(0);
    expect(heard).toEqual(["1", "<1>"]);
  });

  it("gets nothing where it is gone by then", async () => {
    receive("1");
    const listener = on();
    emitter.remove("message", listener);
    clock.advance(0);
    expect([heard, await recv()]).toEqual([[], "<1>"]);
  });

  it("that takes itself away leaves the rest", async () => {
    receive("1", "2");
    const listener = (event: { data: string }): void => {
      heard.push(event.data);
      emitter.remove("message", listener);
    };
    emitter.add("message", listener, false);
    dispatcher.onListenerAdded();
    clock.advance(0);
    expect([heard, await recv()]).toEqual([["<1>"], "<2>"]);
  });

  it("leaves what waits to an open iterator", async () => {
    const iterator = iterate();
    receive("1");
    on();
    clock.advance(0);
    receive("2");
    expect(heard).toEqual(["<1>", "<2>"]);
    expect([(await iterator.next()).value, (await iterator.next()).value]).toEqual(["<1>", "<2>"]);
  });

  it("does not wait for the next loop where the last one was left in a pause", async () => {
    const iterator = iterate();
    on();
    receive("1", "2", "3", "4");
    expect(told).toEqual(["pause"]);
    await iterator.return!();
    expect(told).toEqual(["pause", "resume"]);
    receive("5");
    expect(heard).toEqual(["<1>", "<2>", "<3>", "<4>", "<5>"]);
    expect(await recv()).toBe("<1>");
  });

  it("gets what a loop has left, and those that have had it do not get it again", async () => {
    on("message", "first ");
    const iterator = iterate();
    receive("1", "2");
    expect((await iterator.next()).value).toBe("<1>");
    await iterator.return!();
    receive("3");
    on("message", "second ");
    clock.advance(0);
    receive("4");
    expect(heard).toEqual([
      ...["first <1>", "first <2>", "first <3>"],
      ...["second <2>", "first <4>", "second <4>"],
    ]);
    expect(dispatcher.waitingCount).toBe(0);
  });

  it("ends the pause that its messages have caused", async () => {
    await stateOf(dispatcher.recv({ signal: AbortSignal.abort() }));
    void dispatcher.recv(undefined);
    receive("0", "1", "2", "3", "4");
    expect(told).toEqual(["pause"]);
    on();
    clock.advance(0);
    expect([told, heard.length]).toEqual([["pause", "resume"], 4]);
  });
});

describe("before anybody reads", () => {
  it("the newest are kept, and nothing pauses", async () => {
    receive("1", "2", "3", "4", "5", "6");
    expect(told).toEqual(["dropped in <1> overflow", "dropped in <2> overflow"]);
    expect(await recv()).toBe("<3>");
  });
});

describe("back-pressure", () => {
  beforeEach(async () => {
    const first = dispatcher.recv(undefined);
    receive("0");
    await first;
  });

  it("pauses a full inbox, and resumes at half", async () => {
    receive("1", "2", "3");
    expect(told).toEqual([]);
    receive("4");
    expect(told).toEqual(["pause"]);
    await recv();
    expect(told).toEqual(["pause"]);
    await recv();
    expect(told).toEqual(["pause", "resume"]);
    receive("5", "6");
    expect(told).toEqual(["pause", "resume", "pause"]);
    dispatcher.beginClosing();
  });

  it("pauses once, whatever comes still", () => {
    receive("1", "2", "3", "4", "5", "6");
    expect(told).toEqual(["pause"]);
    dispatcher.beginClosing();
    expect(told).toEqual(["pause", "resume"]);
  });

  it("holds for a loop that was open before the connection", async () => {
    await stateOf(Promise.resolve());
    create();
    const iterator = iterate();
    void iterator.next();
    dispatcher.begin();
    receive("1", "2", "3", "4", "5");
    expect(told).toEqual(["pause"]);
    dispatcher.beginClosing();
  });

  it("holds for a recv() that waited before the connection", () => {
    create();
    void dispatcher.recv(undefined);
    dispatcher.begin();
    receive("1", "2", "3", "4", "5", "6");
    expect(told).toEqual(["pause"]);
    dispatcher.beginClosing();
  });

  it.each([
    ["dropOldest", ["dropped in <1> overflow"], "<2>"],
    ["dropNewest", ["dropped in <5> overflow"], "<1>"],
    ["error", ["dropped in <5> overflow", "overflow"], "<1>"],
  ] as const)("is not that of %s", async (overflow, expected, next) => {
    create({ overflow });
    void dispatcher.recv({ signal: AbortSignal.timeout(1e6) });
    receive("0", "1", "2", "3", "4", "5");
    expect([told, await recv()]).toEqual([expected, next]);
  });
});

describe("what waits by key", () => {
  const keyOf = (message: string): unknown => message[1];

  it("is replaced by what comes newer", async () => {
    create({ overflow: "conflate", keyOf });
    void dispatcher.recv(undefined);
    receive("0", "a1", "b1", "a2", "c1", "d1", "b2");
    expect(dispatcher.waiting.map(({ value }) => value)).toEqual(["<a2>", "<b2>", "<c1>", "<d1>"]);
    expect(await recv()).toBe("<a2>");
  });

  it("goes without one where keyOf throws, and that is told", async () => {
    const oops = new Error("oops");
    create({
      overflow: "conflate",
      keyOf: () => {
        throw oops;
      },
    });
    receive("a1");
    expect(errors).toEqual([expect.any(JetSocketError)]);
    expect(errors[0]).toMatchObject({ code: "BUFFER_FUNCTION_FAILED", cause: oops });
    expect(await recv()).toBe("<a1>");
  });
});

describe("a small text that waits by its key", () => {
  it("holds on to itself alone, and not to the run that it was cut from", () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const count = 1_000;
    create({ overflow: "conflate", keyOf: (message) => message, capacity: count, maxBytes: 1e6 });
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < count; index++) {
      const run = Buffer.alloc(8_192, `${index} `.padEnd(64, "x")).toString("latin1");
      dispatcher.receive(run.slice(0, 100), 100, 0);
    }
    collect();
    expect(dispatcher.waitingCount).toBe(count);
    expect((process.memoryUsage().heapUsed - before) / count).toBeLessThan(2_000);
  });
});

describe("the time that a message has waited for its reader", () => {
  it("is told when it is read, and only where it has waited", async () => {
    receive("1", "2");
    clock.advance(30);
    expect([await recv(), waits]).toEqual(["<1>", [30]]);
    clock.advance(20);
    expect([(await iterate().next()).value, waits]).toEqual(["<2>", [30, 50]]);
    void dispatcher.recv(undefined);
    receive("3");
    expect(waits).toEqual([30, 50]);
  });
});

describe("a message that did not come over a connection", () => {
  it("reaches everyone but raw handlers", async () => {
    const entry = () => ({
      ...{ value: "own", isDecoded: true, key: undefined, data: undefined, size: 3, at: 0, deliveredToId: 0 },
    });
    dispatcher.deliver(entry());
    on("rawMessage", "raw ");
    on();
    clock.advance(0);
    dispatcher.deliver(entry());
    const waiting = dispatcher.recv(undefined);
    dispatcher.deliver(entry());
    expect([heard, await waiting]).toEqual([["own", "own", "own"], "own"]);
  });
});

describe("who brings messages", () => {
  it("may wait until the inbox has room", async () => {
    expect([dispatcher.isPaused, await stateOf(dispatcher.untilReadable())]).toEqual([false, undefined]);
    void dispatcher.recv(undefined);
    receive("0", "1", "2", "3", "4");
    const waiting = [dispatcher.untilReadable(), dispatcher.untilReadable()];
    expect([dispatcher.isPaused, ...(await Promise.all(waiting.map(stateOf)))]).toEqual([
      true,
      "waits",
      "waits",
    ]);
    await recv();
    await recv();
    expect([dispatcher.isPaused, ...(await Promise.all(waiting.map(stateOf)))]).toEqual([
      ...[false, undefined, undefined],
    ]);
  });
});

describe("a pause in which nobody reads", () => {
  beforeEach(() => {
    void dispatcher.recv(undefined);
    receive("0", "1", "2", "3", "4");
    told = [];
  });

  it("ends after 30 s, and the newest are kept again", async () => {
    clock.advance(29_999);
    expect(told).toEqual([]);
    clock.advance(1);
    expect(told).toEqual(["resume"]);
    receive("5");
    expect(told).toEqual(["resume", "dropped in <1> overflow"]);
    clock.advance(60_000);
    expect(await recv()).toBe("<2>");
    receive("6");
    expect(told.at(-1)).toBe("pause");
    dispatcher.beginClosing();
  });

  it("lasts as long as somebody calls recv() now and then", async () => {
    clock.advance(29_000);
    await recv();
    clock.advance(29_000);
    expect(told).toEqual([]);
    clock.advance(2_000 + 30_000);
    expect(told).toEqual(["resume"]);
  });

  it("lasts as long as a loop is open", async () => {
    const iterator = iterate();
    clock.advance(600_000);
    expect(told).toEqual([]);
    await iterator.return!();
    clock.advance(60_000);
    expect(told).toEqual(["resume"]);
  });

  it("holds the process, unless told otherwise", () => {
    expect(clock.isHeld).toBe(true);
    dispatcher.unref();
    expect(clock.isHeld).toBe(false);
    dispatcher.ref();
    expect(clock.isHeld).toBe(true);
    dispatcher.unref();
    void iterate();
    clock.advance(45_000);
    expect(clock.isHeld).toBe(false);
    dispatcher.beginClosing();
  });

  it("ends with the connection, and leaves no timer", () => {
    dispatcher.beginClosing();
    expect([told, counting.openTimers]).toEqual([["resume"], 0]);
  });
});

describe("a message that cannot be decoded", () => {
  it("is told and dropped, and the others go on", async () => {
    receive("1", "bad", "2");
    expect(told).toEqual(["dropped in bad decode"]);
    expect(errors[0]).toBeInstanceOf(JetSocketError);
    expect(errors[0]).toMatchObject({ code: "DECODE_FAILED", cause: new Error("no good") });
    expect(await Promise.all([recv(), recv()])).toEqual(["<1>", "<2>"]);
  });

  it("reaches raw handlers all the same", () => {
    on("rawMessage", "raw ");
    on();
    receive("bad");
    expect([heard, told]).toEqual([["raw bad"], ["dropped in bad decode"]]);
  });
});

describe("behind 64 KiB that wait", () => {
  const large = "x".repeat(65_536);

  beforeEach(() => create({ maxBytes: 1_000_000 }));

  it("messages are decoded when they are read", async () => {
    receive(large, "bad", "1");
    expect([errors, told]).toEqual([[], []]);
    expect(await Promise.all([recv(), recv()])).toEqual([`<${large}>`, "<1>"]);
    expect([errors.length, told]).toEqual([1, ["dropped in bad decode"]]);
  });

  it("and are for handlers that come late", () => {
    receive(large, "bad", "1");
    on();
    clock.advance(0);
    expect([heard, told]).toEqual([[`<${large}>`, "<1>"], ["dropped in bad decode"]]);
  });

  it("and where they are dropped", () => {
    receive(large, "1", "2", "3");
    dispatcher.finish({ iteratorError: undefined, recvError: undefined }, true);
    expect(told.slice(1)).toEqual(["1", "2", "3"].map((text) => `dropped in <${text}> closed`));
  });
});

const failure = new Error("broken");
const closed = { iteratorError: undefined, recvError: failure };
const broken = { iteratorError: failure, recvError: failure };

describe("while the connection closes", () => {
  it("the inbox takes its bound once more, and drops what is beyond", () => {
    void dispatcher.recv(undefined);
    dispatcher.beginClosing();
    receive("0", "1", "2", "3", "4", "5", "6", "7", "8", "9");
    expect([dispatcher.waitingCount, told]).toEqual([8, ["dropped in <9> overflow"]]);
  });
});

describe("the end", () => {
  it("gives what waits first, then ends loops and rejects recv()", async () => {
    receive("1", "2");
    dispatcher.finish(closed, false);
    const iterator = iterate();
    expect([await recv(), await iterator.next()]).toEqual(["<1>", { value: "<2>", done: false }]);
    expect(await recv()).toBe(failure);
    expect(await iterator.next()).toEqual({ value: undefined, done: true });
    expect(await iterate().next()).toEqual({ value: undefined, done: true });
  });

  it("ends everyone who waits", async () => {
    const iterator = iterate();
    const waiting = [dispatcher.recv({ timeout: 50 }), iterator.next(), dispatcher.recv(undefined)];
    expect(dispatcher.hasWaitingReader).toBe(true);
    dispatcher.finish(closed, false);
    expect(await Promise.all(waiting.map(stateOf))).toEqual([
      failure,
      { value: undefined, done: true },
      failure,
    ]);
    expect([counting.openTimers, dispatcher.hasWaitingReader]).toEqual([0, false]);
  });

  it("by a failure rejects loops too", async () => {
    const next = iterate().next();
    dispatcher.finish(broken, false);
    expect(await stateOf(next)).toBe(failure);
    expect(await stateOf(iterate().next())).toBe(failure);
  });

  it("at once drops what waits, and tells each", async () => {
    receive("1", "2");
    dispatcher.finish(broken, true);
    expect(told).toEqual(["dropped in <1> closed", "dropped in <2> closed"]);
    expect([dispatcher.waitingCount, await recv()]).toEqual([0, failure]);
  });

  it("that is to come at once drops what waits and what comes, for handlers too, and readers wait", async () => {
    receive("1");
    const iterator = iterate();
    dispatcher.discard();
    on();
    receive("2");
    expect(told).toEqual(["dropped in <1> closed", "dropped in <2> closed"]);
    const next = iterator.next();
    expect([await stateOf(next), heard]).toEqual(["waits", []]);
    dispatcher.finish(closed, true);
    expect(await next).toEqual({ value: undefined, done: true });
  });

  it("keeps nothing that comes behind it, but for handlers", async () => {
    dispatcher.finish(broken, true);
    receive("1");
    expect([told, await recv()]).toEqual([["dropped in <1> closed"], failure]);
    on();
    receive("2");
    expect(heard).toEqual(["<2>"]);
  });
});

describe("another life", () => {
  it("begins with what the last one has left", async () => {
    receive("1");
    dispatcher.finish(broken, false);
    dispatcher.begin();
    receive("2");
    expect(await Promise.all([recv(), recv()])).toEqual(["<1>", "<2>"]);
    const waiting = dispatcher.recv(undefined);
    receive("3");
    expect(await waiting).toBe("<3>");
  });

  it("keeps the newest until somebody reads, as the first did", async () => {
    await stateOf(dispatcher.recv({ timeout: 1 }).catch(() => undefined));
    clock.advance(1);
    receive("1", "2");
    dispatcher.finish(broken, false);
    dispatcher.begin();
    receive("3", "4", "5");
    expect([told, await recv()]).toEqual([["dropped in <1> overflow"], "<2>"]);
  });
});

describe("a reader that starts inside a `dropped` listener", () => {
  const started: Promise<unknown>[] = [];

  /** Starts one reader inside the first event. */
  function startOnce(start: () => Promise<unknown>): void {
    started.length = 0;
    whenDropped = () => {
      whenDropped = undefined;
      started.push(start());
    };
  }

  const bounds: readonly [string, Partial<Bounds>, boolean][] = [
    ["pause, before the first reader", { overflow: "pause" }, false],
    ["dropOldest, before the first reader", { overflow: "dropOldest" }, false],
    ["dropOldest, with a reader", { overflow: "dropOldest" }, true],
    ["conflate, before the first reader", { overflow: "conflate", keyOf: (text) => text }, false],
    ["conflate, with a reader", { overflow: "conflate", keyOf: (text) => text }, true],
    ["conflate, in the place of an older message", { overflow: "conflate", keyOf: () => "key" }, true],
  ];

  it.each(bounds)(
    "gets the message that caused the drop, with `recv()` (%s)",
    async (_, given, hasReader) => {
      create({ capacity: 1, ...given });
      startOnce(() => dispatcher.recv(undefined));
      if (hasReader) {
        receive("0");
        expect(await recv()).toBe("<0>");
      }
      receive("1", "2", "3");
      expect(await stateOf(started[0]!)).toBe("<2>");
      expect(dispatcher.waitingCount).toBe(1);
      expect(await recv()).toBe("<3>");
    },
  );

  it.each(bounds)("gets all from there on in order, with a loop (%s)", async (_, given, hasReader) => {
    create({ capacity: 1, ...given });
    let iterator: AsyncIterableIterator<string> | undefined;
    startOnce(() => (iterator = iterate()).next());
    if (hasReader) {
      receive("0");
      expect(await recv()).toBe("<0>");
    }
    receive("1", "2", "3");
    expect(await stateOf(started[0]!)).toEqual({ value: "<2>", done: false });
    expect(await iterator!.next()).toEqual({ value: "<3>", done: false });
  });

  it("gets the newest where one large message drops several", async () => {
    create({ capacity: 3, maxBytes: 10 });
    startOnce(() => dispatcher.recv(undefined));
    receive("1", "2", "3333333333");
    expect(await stateOf(started[0]!)).toBe("<3333333333>");
    expect([dispatcher.waitingCount, told.length]).toEqual([0, 2]);
  });

  it("gets nothing of what `terminate()` drops", async () => {
    startOnce(() => dispatcher.recv(undefined));
    receive("1", "2", "3");
    dispatcher.discard();
    expect(told.length).toBe(3);
    dispatcher.finish({ iteratorError: undefined, recvError: "over" }, true);
    expect(await stateOf(started[0]!)).toBe("over");
  });

  it("waits behind the reader that was served when a message could not be decoded", async () => {
    create({ capacity: 10, maxBytes: 1_000_000 });
    receive("x".repeat(70_000), "bad", "1", "2");
    await recv();
    startOnce(() => dispatcher.recv(undefined));
    expect([await recv(), await stateOf(started[0]!)]).toEqual(["<1>", "<2>"]);
  });

  it("waits behind a batch that was being gathered when a message could not be decoded", async () => {
    create({ capacity: 10, maxBytes: 1_000_000 });
    const batches = dispatcher.iterateBatches()!;
    receive("x".repeat(70_000), "1", "bad", "2");
    startOnce(() => dispatcher.recv(undefined));
    const { value } = (await batches.next()) as { value: readonly string[] };
    expect(value.slice(1)).toEqual(["<1>", "<2>"]);
    receive("3");
    expect(await stateOf(started[0]!)).toBe("<3>");
  });

  it("gets the end where nothing is left", async () => {
    create({ maxBytes: 1_000_000 });
    receive("x".repeat(70_000), "bad");
    dispatcher.finish({ iteratorError: undefined, recvError: "over" }, false);
    startOnce(() => dispatcher.recv(undefined));
    await recv();
    expect([await recv(), await stateOf(started[0]!)]).toEqual(["over", "over"]);
  });

  it("is ended inside the event, and takes nothing", async () => {
    create({ capacity: 10, maxBytes: 1_000_000 });
    receive("x".repeat(70_000), "bad", "1", "2");
    await recv();
    const controller = new AbortController();
    startOnce(() => {
      const stopped = dispatcher.recv({ signal: controller.signal });
      controller.abort("stop");
      return stopped;
    });
    expect([await recv(), await stateOf(started[0]!)]).toEqual(["<1>", "stop"]);
    expect(await recv()).toBe("<2>");
  });
});

it("gives a reader that `keyOf` starts the message that it is asked about", async () => {
  let reading: Promise<unknown> | undefined;
  create({
    capacity: 2,
    overflow: "conflate",
    keyOf: (text) => ((reading ??= dispatcher.recv(undefined)), text),
  });
  receive("1", "2");
  expect([await stateOf(reading!), await recv()]).toEqual(["<1>", "<2>"]);
});

describe("recv({ match })", () => {
  const isOf =
    (...values: readonly string[]) =>
    (value: string): boolean =>
      values.includes(value);

  it("takes the first message that it accepts of those that wait; the others keep their place", async () => {
    receive("1", "2", "3", "2");
    expect(await stateOf(dispatcher.recv({ match: isOf("<2>", "<3>") }))).toBe("<2>");
    expect([await recv(), await recv(), await recv(), dispatcher.waitingCount]).toEqual([
      "<1>",
      "<3>",
      "<2>",
      0,
    ]);
  });

  it("waits for one that comes, and leaves what comes before it to others", async () => {
    const matching = dispatcher.recv({ match: isOf("<3>") });
    receive("1", "2");
    expect([await stateOf(matching), dispatcher.waitingCount]).toEqual(["waits", 2]);
    receive("3", "4");
    expect([await matching, await recv(), await recv(), await recv()]).toEqual(["<3>", "<1>", "<2>", "<4>"]);
  });

  it("shares the messages with others in the order of the calls", async () => {
    const calls = [
      dispatcher.recv({ match: isOf("<b>", "<c>") }),
      dispatcher.recv(undefined),
      dispatcher.recv({ match: isOf("<b>", "<c>") }),
      dispatcher.recv(undefined),
    ];
    receive("a", "c", "b", "d");
    expect(await Promise.all(calls)).toEqual(["<c>", "<a>", "<b>", "<d>"]);
    expect(dispatcher.waitingCount).toBe(0);
  });

  it("takes its message beside a loop, which gets the others", async () => {
    const iterator = iterate();
    const next = iterator.next();
    const matching = dispatcher.recv({ match: isOf("<2>") });
    receive("2");
    expect(await next).toEqual({ value: "<2>", done: false });
    const later = iterator.next();
    const ahead = dispatcher.recv({ match: isOf("<2>") });
    receive("1", "2", "3", "2");
    expect([await matching, await ahead, await later]).toEqual(["<2>", "<2>", { value: "<1>", done: false }]);
    expect(await iterator.next()).toEqual({ value: "<3>", done: false });
  });

  it("takes its message beside batches, which get the others in order", async () => {
    const batches = dispatcher.iterateBatches()!;
    const matching = dispatcher.recv({ match: isOf("<3>") });
    const first = batches.next();
    receive("1", "2", "3", "4");
    expect([await matching, await first]).toEqual(["<3>", { value: ["<1>", "<2>", "<4>"], done: false }]);
    const between = dispatcher.recv({ match: isOf("<6>") });
    receive("5", "6", "7");
    expect([await between, await batches.next()]).toEqual(["<6>", { value: ["<5>", "<7>"], done: false }]);
  });

  it("takes its message beside a handler, which gets all, and lets none of the others wait", async () => {
    on();
    const matching = dispatcher.recv({ match: isOf("<2>") });
    receive("1", "2", "3");
    expect([heard, await matching, dispatcher.waitingCount]).toEqual([["<1>", "<2>", "<3>"], "<2>", 0]);
  });

  it("that times out or is aborted takes nothing", async () => {
    const controller = new AbortController();
    const match = isOf("<2>");
    const late = dispatcher.recv({ match, timeout: 50 });
    const stopped = dispatcher.recv({ match, signal: controller.signal, timeout: 90 });
    clock.advance(50);
    controller.abort("stop");
    receive("2");
    expect(await stateOf(late)).toBeInstanceOf(TimeoutError);
    expect([await stateOf(stopped), await recv(), counting.openTimers]).toEqual(["stop", "<2>", 0]);
    expect(await stateOf(dispatcher.recv({ match, signal: controller.signal }))).toBe("stop");
  });

  it("rejects with what match throws, and the message goes on", async () => {
    const fault = new Error("no");
    const match = (): boolean => {
      throw fault;
    };
    receive("1");
    expect(await stateOf(dispatcher.recv({ match }))).toBe(fault);
    expect(await recv()).toBe("<1>");
    const waiting = dispatcher.recv({ match });
    const behind = dispatcher.recv({ match: () => true });
    receive("2");
    expect([await stateOf(waiting), await behind]).toEqual([fault, "<2>"]);
  });

  it("skips what cannot be decoded, which is told once", async () => {
    create({ maxBytes: 1_000_000, capacity: 100 });
    dispatcher.receive("x".repeat(70_000), 70_000, 0);
    receive("bad", "1");
    expect(await stateOf(dispatcher.recv({ match: isOf("<1>") }))).toBe("<1>");
    expect([dispatcher.waitingCount, told, errors.length]).toEqual([1, ["dropped in bad decode"], 1]);
  });

  const overflow = { code: "BUFFER_OVERFLOW" };

  it("rejects when the inbox is full of other messages and reading pauses: its own could never come", async () => {
    const matching = dispatcher.recv({ match: isOf("<9>") });
    receive("1", "2", "3");
    expect(await stateOf(matching)).toBe("waits");
    receive("4");
    expect(told).toEqual(["pause"]);
    expect(await stateOf(matching)).toMatchObject(overflow);
    expect(await stateOf(dispatcher.recv({ match: isOf("<9>"), timeout: 50 }))).toMatchObject(overflow);
    expect([await recv(), await stateOf(dispatcher.recv({ match: isOf("<9>") }))]).toMatchObject([
      "<1>",
      overflow,
    ]);
    expect([await recv(), told]).toEqual(["<2>", ["pause", "resume"]]);
    const again = dispatcher.recv({ match: isOf("<9>") });
    receive("9");
    expect(await again).toBe("<9>");
  });

  it("rejects so by the bound of bytes too, and inside of an open loop that waits for it", async () => {
    create({ maxBytes: 10, capacity: 100 });
    const iterator = iterate();
    receive("1");
    await iterator.next();
    const matching = dispatcher.recv({ match: isOf("<9>") });
    receive("123456", "7890");
    expect(await stateOf(matching)).toMatchObject(overflow);
    await iterator.return!();
  });

  it("takes its message out of a full inbox, and ends the pause when half is free", async () => {
    const first = dispatcher.recv(undefined);
    receive("0", "1", "2", "3", "4");
    await first;
    expect(told).toEqual(["pause"]);
    expect(await stateOf(dispatcher.recv({ match: isOf("<3>") }))).toBe("<3>");
    expect(told).toEqual(["pause"]);
    expect(await stateOf(dispatcher.recv({ match: isOf("<2>") }))).toBe("<2>");
    expect(told).toEqual(["pause", "resume"]);
  });

  it("is not rejected where a listener of paused reads the others", async () => {
    const matching = dispatcher.recv({ match: isOf("<9>") });
    told.push = (...words: string[]) => {
      if (words[0] === "pause") for (let count = 0; count < 3; count++) void dispatcher.recv(undefined);
      return Array.prototype.push.apply(told, words);
    };
    receive("1", "2", "3", "4", "9");
    expect(await matching).toBe("<9>");
  });

  it.each(["dropOldest", "dropNewest"] as const)("waits on where the inbox drops: %s", async (policy) => {
    create({ overflow: policy });
    const matching = dispatcher.recv({ match: isOf("<9>") });
    receive("1", "2", "3", "4", "5", "6", "9", "7");
    expect(await matching).toBe("<9>");
    expect(dispatcher.waitingCount).toBe(4);
  });

  it("takes a message out of those that wait by their keys", async () => {
    create({ overflow: "conflate", keyOf: (value) => value[1] });
    void dispatcher.recv({ timeout: 1 });
    clock.advance(1);
    receive("a1", "b1", "c1");
    expect(await stateOf(dispatcher.recv({ match: isOf("<a1>") }))).toBe("<a1>");
    receive("b2", "a2", "c2");
    expect(told).toEqual(["dropped in <b1> overflow", "dropped in <c1> overflow"]);
    expect([await recv(), await recv(), await recv()]).toEqual(["<b2>", "<c2>", "<a2>"]);
  });

  it("rejects at the end, behind what waits", async () => {
    const matching = dispatcher.recv({ match: isOf("<9>") });
    receive("1", "2");
    dispatcher.finish(over, false);
    expect(await stateOf(matching)).toBe(over.recvError);
    expect(await stateOf(dispatcher.recv({ match: isOf("<2>") }))).toBe("<2>");
    expect(await stateOf(dispatcher.recv({ match: isOf("<2>") }))).toBe(over.recvError);
    expect(await recv()).toBe("<1>");
  });

  it("measures how long its message has waited", async () => {
    receive("1", "2");
    clock.advance(30);
    await dispatcher.recv({ match: isOf("<2>") });
    expect(waits).toEqual([30]);
  });
});

describe("a client that was never begun", () => {
  it("tells how many calls wait for a message, until it begins", async () => {
    const stopped = dispatcher.recv({ timeout: 5 });
    const iterator = iterate();
    const next = iterator.next();
    expect(idleWaits).toEqual([1, 1]);
    clock.advance(5);
    await stateOf(stopped);
    await iterator.return!();
    await next;
    expect(idleWaits).toEqual([1, 1, -1, -1]);
    dispatcher.begin();
    void dispatcher.recv(undefined);
    dispatcher.finish(over, true);
    expect(idleWaits.length).toBe(4);
  });
});
