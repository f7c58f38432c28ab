import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Dispatcher } from "../../../src/client/receiving/dispatcher.js";
import { JetSocketError, TimeoutError } from "../../../src/errors.js";
import { Emitter } from "../../../src/events/emitter.js";
import type { EventMap } from "../../../src/events/event-map.js";
import { cases } from "../../support/cases.js";
import { createCountingRuntime, type CountingRuntime } from "../../support/counting-runtime.js";
import { measureCpuTime } from "../../support/cpu-time.js";
import { stateOf } from "../../support/state-of.js";
import { VirtualRuntime } from "../../support/virtual-runtime.js";

type Bounds = ConstructorParameters<typeof Dispatcher>[2]["buffer"];

let clock: VirtualRuntime;
let counting: CountingRuntime;
let emitter: Emitter<EventMap<unknown>>;
let dispatcher: Dispatcher;
let reports: string[];
let emitted: unknown[];
let errors: Error[];
let inboxTimes: number[];
/** Called inside the event `dropped`. */
let onDropped: ((message: unknown) => void) | undefined;
let idleWaits: number[];

function create(bounds: Partial<Bounds> = {}): void {
  dispatcher = new Dispatcher(
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
      onPaused: () => reports.push("pause"),
      onResumed: () => reports.push("resume"),
      onInboxFull: () => reports.push("overflow"),
      onDropped: ({ direction, message, cause }) => {
        reports.push(`dropped ${direction} ${String(message)} ${cause}`);
        onDropped?.(message);
      },
      onError: (error) => errors.push(error),
      onUndecodable: (message, error) => {
        reports.push(`dropped in ${String(message)} decode`);
        onDropped?.(message);
        errors.push(error);
      },
      onConsumed: (waited) => inboxTimes.push(waited),
      onIdleWait: (change) => idleWaits.push(change),
    },
  );
}

beforeEach(() => {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  reports = [];
  emitted = [];
  errors = [];
  inboxTimes = [];
  onDropped = undefined;
  idleWaits = [];
  emitter = new Emitter<EventMap<unknown>>({
    onListenerError: (_name, error) => errors.push(error as Error),
  });
  create();
});

afterEach(() => {
  clock.advance(100_000);
  counting.assertIdle();
});

function receive(...texts: readonly string[]): void {
  for (const text of texts) dispatcher.receive(text, text.length, counting.runtime.now());
}

/** Adds a listener as `on()` of a client does. */
function on(name: "message" | "rawMessage" = "message", prefix = ""): (event: unknown) => void {
  const listener = (event: unknown): void => {
    emitted.push(prefix + String((event as { data: unknown }).data));
  };
  emitter.add(name, listener, false);
  dispatcher.onListenerAdded();
  return listener;
}

const recv = (): Promise<unknown> => stateOf(dispatcher.recv(undefined));

function iterate(): AsyncIterableIterator<unknown> {
  return dispatcher.iterate()!;
}

describe("recv()", () => {
  it("resolves with the messages in the inbox, then with new messages, in order", async () => {
    receive("1", "2");
    expect(await Promise.all([recv(), recv()])).toEqual(["<1>", "<2>"]);
    const waiting = [dispatcher.recv(undefined), dispatcher.recv(undefined)];
    receive("3", "4", "5");
    expect(await Promise.all(waiting)).toEqual(["<3>", "<4>"]);
    expect(dispatcher.waitingCount).toBe(1);
    expect(await recv()).toBe("<5>");
  });

  it("does not consume a message after a timeout", async () => {
    const late = dispatcher.recv({ timeout: 50 });
    clock.advance(50);
    receive("1");
    expect(await stateOf(late)).toBeInstanceOf(TimeoutError);
    expect(await recv()).toBe("<1>");
  });

  it("does not consume a message after an abort", async () => {
    const controller = new AbortController();
    const stopped = dispatcher.recv({ signal: controller.signal, timeout: 50 });
    controller.abort("stop");
    receive("1");
    expect(await stateOf(stopped)).toBe("stop");
    expect(await stateOf(dispatcher.recv({ signal: controller.signal }))).toBe("stop");
    expect(await recv()).toBe("<1>");
  });

  it("clears its timer when it receives a message", async () => {
    const one = dispatcher.recv({ timeout: 50 });
    receive("1");
    expect(await one).toBe("<1>");
    expect(counting.openTimers).toBe(0);
  });
});

describe("iterate()", () => {
  it("returns the messages in the inbox, then new messages", async () => {
    receive("1");
    const iterator = iterate();
    expect(await iterator.next()).toEqual({ value: "<1>", done: false });
    const next = iterator.next();
    receive("2");
    expect(await next).toEqual({ value: "<2>", done: false });
  });

  it("opens one iterator at a time and leaves unread messages in the inbox", async () => {
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

  it("shares messages with recv() in the order of the calls", async () => {
    const iterator = iterate();
    const results = [dispatcher.recv(undefined), iterator.next(), dispatcher.recv(undefined)];
    receive("1", "2", "3");
    expect(await Promise.all(results)).toEqual(["<1>", { value: "<2>", done: false }, "<3>"]);
  });
});

describe("a listener", () => {
  it("receives messages that are not added to the inbox", () => {
    on();
    on("rawMessage", "raw ");
    receive("1", "2");
    expect(emitted).toEqual(["raw 1", "<1>", "raw 2", "<2>"]);
    expect(dispatcher.waitingCount).toBe(0);
  });

  it("of rawMessage alone does not cause a call of the deserializer", () => {
    on("rawMessage");
    receive("bad");
    expect([emitted, errors, reports]).toEqual([["bad"], [], []]);
  });

  it("of rawMessage receives text as a string and binary as a Buffer", () => {
    const events: unknown[] = [];
    emitter.add("rawMessage", (event) => events.push(event), false);
    receive("text");
    dispatcher.receive(Buffer.from("b"), 1, counting.runtime.now());
    expect(events).toEqual([
      { data: "text", isBinary: false },
      { data: Buffer.from("b"), isBinary: true },
    ]);
  });

  it("added with once() does not remove its message from the inbox", async () => {
    emitter.add("message", (event) => emitted.push(event.data), true);
    receive("1", "2");
    expect(emitted).toEqual(["<1>"]);
    expect(await Promise.all([recv(), recv()])).toEqual(["<1>", "<2>"]);
  });

  it("and an open iterator both receive a message", async () => {
    on();
    const iterator = iterate();
    receive("1");
    expect(emitted).toEqual(["<1>"]);
    expect(await iterator.next()).toEqual({ value: "<1>", done: false });
  });

  it("and a waiting recv() both receive a message", async () => {
    on();
    const waiting = dispatcher.recv(undefined);
    receive("1", "2");
    expect([emitted, await waiting, dispatcher.waitingCount]).toEqual([["<1>", "<2>"], "<1>", 0]);
  });

  it("that calls recv() receives the next message from it", async () => {
    const read: Promise<unknown>[] = [];
    emitter.add("message", () => read.push(dispatcher.recv(undefined)), true);
    on();
    receive("1", "2");
    expect([emitted, await Promise.all(read)]).toEqual([["<1>", "<2>"], ["<2>"]]);
  });
});

const ended = { recvError: new Error("over"), iteratorError: undefined };

describe("a change of consumers between two messages", () => {
  let messageListener: (event: unknown) => void;

  beforeEach(() => {
    messageListener = on();
    receive("1");
    emitted = [];
  });

  it.each<[string, () => void, readonly string[]]>([
    [
      "recv() is called",
      () => void dispatcher.recv(undefined).then((value) => emitted.push(value)),
      ["<2>", "<2>"],
    ],
    ["a rawMessage listener is added", () => on("rawMessage", "raw "), ["raw 2", "<2>"]],
    [
      "a borrowed listener is added",
      () => dispatcher.listeners.addBorrowed(({ data }) => emitted.push(`borrowed ${data.toString()}`)),
      ["borrowed 2", "<2>"],
    ],
    ["discard() is called", () => dispatcher.discard(), []],
  ])("%s", async (_, change, expected) => {
    change();
    receive("2");
    await Promise.resolve();
    expect(emitted).toEqual(expected);
    dispatcher.finish(ended, true);
  });

  it("an iterator is opened", async () => {
    const loop = iterate();
    receive("2");
    expect(emitted).toEqual(["<2>"]);
    await expect(loop.next()).resolves.toEqual({ value: "<2>", done: false });
    await loop.return!();
  });

  it("the last listener is removed", async () => {
    emitter.remove("message", messageListener);
    receive("2");
    expect(emitted).toEqual([]);
    await expect(recv()).resolves.toBe("<2>");
  });
});

describe("iterateBatches()", () => {
  it.each<[string, () => void, readonly string[], readonly string[]]>([
    [
      "shares messages with a waiting recv()",
      () => void dispatcher.recv(undefined).then((value) => emitted.push(value)),
      ["<1>", "<2>", "<4>"],
      ["<3>"],
    ],
    ["shares messages with a listener", () => on(), ["<1>", "<2>", "<3>", "<4>"], ["<3>", "<4>"]],
    ["receives no messages after discard()", () => dispatcher.discard(), ["<1>", "<2>"], []],
    ["receives no messages after the end", () => dispatcher.finish(ended, false), ["<1>", "<2>"], []],
  ])("%s", async (_, change, batch, others) => {
    const first = dispatcher.iterateBatches()!.next();
    receive("1", "2");
    change();
    receive("3", "4");
    await expect(first).resolves.toEqual({ value: batch, done: false });
    expect(emitted).toEqual(others);
    dispatcher.finish(ended, true);
  });
});

describe("a listener that is added while messages are in the inbox", () => {
  it("receives them at the end of the tick", () => {
    receive("1", "2");
    on();
    expect(emitted).toEqual([]);
    clock.advance(0);
    expect([emitted, dispatcher.waitingCount]).toEqual([["<1>", "<2>"], 0]);
  });

  it("receives them before newer messages", () => {
    receive("1", "2");
    on();
    receive("3");
    clock.advance(0);
    expect(emitted).toEqual(["<1>", "<2>", "<3>"]);
  });

  it("of rawMessage receives them undecoded", () => {
    receive("1");
    on("rawMessage");
    on();
    clock.advance(0);
    expect(emitted).toEqual(["1", "<1>"]);
  });

  it("receives nothing if it is removed before the end of the tick", async () => {
    receive("1");
    const listener = on();
    emitter.remove("message", listener);
    clock.advance(0);
    expect([emitted, await recv()]).toEqual([[], "<1>"]);
  });

  it("leaves the remaining messages in the inbox if it removes itself", async () => {
    receive("1", "2");
    const listener = (event: { data: unknown }): void => {
      emitted.push(event.data);
      emitter.remove("message", listener);
    };
    emitter.add("message", listener, false);
    dispatcher.onListenerAdded();
    clock.advance(0);
    expect([emitted, await recv()]).toEqual([["<1>"], "<2>"]);
  });

  it("receives them without removing them from an open iterator", async () => {
    const iterator = iterate();
    receive("1");
    on();
    clock.advance(0);
    receive("2");
    expect(emitted).toEqual(["<1>", "<2>"]);
    expect([(await iterator.next()).value, (await iterator.next()).value]).toEqual(["<1>", "<2>"]);
  });

  it("receives new messages when an iterator is closed during a pause", async () => {
    const iterator = iterate();
    on();
    receive("1", "2", "3", "4");
    expect(reports).toEqual(["pause"]);
    await iterator.return!();
    expect(reports).toEqual(["pause", "resume"]);
    receive("5");
    expect(emitted).toEqual(["<1>", "<2>", "<3>", "<4>", "<5>"]);
    expect(await recv()).toBe("<1>");
  });

  it("receives unread messages of an iterator, while earlier listeners do not receive them twice", async () => {
    on("message", "first ");
    const iterator = iterate();
    receive("1", "2");
    expect((await iterator.next()).value).toBe("<1>");
    await iterator.return!();
    receive("3");
    on("message", "second ");
    clock.advance(0);
    receive("4");
    expect(emitted).toEqual([
      ...["first <1>", "first <2>", "first <3>"],
      ...["second <2>", "first <4>", "second <4>"],
    ]);
    expect(dispatcher.waitingCount).toBe(0);
  });

  it("ends the pause that these messages caused", async () => {
    await stateOf(dispatcher.recv({ signal: AbortSignal.abort() }));
    void dispatcher.recv(undefined);
    receive("0", "1", "2", "3", "4");
    expect(reports).toEqual(["pause"]);
    on();
    clock.advance(0);
    expect([reports, emitted.length]).toEqual([["pause", "resume"], 4]);
  });
});

describe("before the first read", () => {
  it("the inbox keeps the newest messages and does not pause reading", async () => {
    receive("1", "2", "3", "4", "5", "6");
    expect(reports).toEqual(["dropped in <1> overflow", "dropped in <2> overflow"]);
    expect(await recv()).toBe("<3>");
  });
});

describe('overflow "pause"', () => {
  beforeEach(async () => {
    const first = dispatcher.recv(undefined);
    receive("0");
    await first;
  });

  it("pauses reading when the inbox is full and resumes when half of it is free", async () => {
    receive("1", "2", "3");
    expect(reports).toEqual([]);
    receive("4");
    expect(reports).toEqual(["pause"]);
    await recv();
    expect(reports).toEqual(["pause"]);
    await recv();
    expect(reports).toEqual(["pause", "resume"]);
    receive("5", "6");
    expect(reports).toEqual(["pause", "resume", "pause"]);
    dispatcher.beginClosing();
  });

  it("pauses only once if more messages arrive", () => {
    receive("1", "2", "3", "4", "5", "6");
    expect(reports).toEqual(["pause"]);
    dispatcher.beginClosing();
    expect(reports).toEqual(["pause", "resume"]);
  });

  it("applies to an iterator that was opened before the connection", async () => {
    await stateOf(Promise.resolve());
    create();
    const iterator = iterate();
    void iterator.next();
    dispatcher.begin();
    receive("1", "2", "3", "4", "5");
    expect(reports).toEqual(["pause"]);
    dispatcher.beginClosing();
  });

  it("applies to a recv() that was called before the connection", () => {
    create();
    void dispatcher.recv(undefined);
    dispatcher.begin();
    receive("1", "2", "3", "4", "5", "6");
    expect(reports).toEqual(["pause"]);
    dispatcher.beginClosing();
  });

  it.each([
    ["dropOldest", ["dropped in <1> overflow"], "<2>"],
    ["dropNewest", ["dropped in <5> overflow"], "<1>"],
    ["error", ["dropped in <5> overflow", "overflow"], "<1>"],
  ] as const)("does not pause reading with overflow %s", async (overflow, expected, next) => {
    create({ overflow });
    void dispatcher.recv({ signal: AbortSignal.timeout(1e6) });
    receive("0", "1", "2", "3", "4", "5");
    expect([reports, await recv()]).toEqual([expected, next]);
  });
});

describe("a message with a key", () => {
  const keyOf = (message: unknown): unknown => String(message)[1];

  it("is replaced by a newer message with the same key", async () => {
    create({ overflow: "conflate", keyOf });
    void dispatcher.recv(undefined);
    receive("0", "a1", "b1", "a2", "c1", "d1", "b2");
    expect(dispatcher.waiting.map(({ value }) => value)).toEqual(["<a2>", "<b2>", "<c1>", "<d1>"]);
    expect(await recv()).toBe("<a2>");
  });

  it("is queued without a key, and the error is reported, if keyOf throws", async () => {
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

describe("a small text with a key", () => {
  it("does not keep alive the larger string of which it is a slice", () => {
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

describe("the time that a message waits in the inbox", () => {
  it("is reported when the message is read, and only if it waited", async () => {
    receive("1", "2");
    clock.advance(30);
    expect([await recv(), inboxTimes]).toEqual(["<1>", [30]]);
    clock.advance(20);
    expect([(await iterate().next()).value, inboxTimes]).toEqual(["<2>", [30, 50]]);
    void dispatcher.recv(undefined);
    receive("3");
    expect(inboxTimes).toEqual([30, 50]);
  });
});

describe("a message that onReplay returned", () => {
  it("is delivered to all consumers except rawMessage listeners", async () => {
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
    expect([emitted, await waiting]).toEqual([["own", "own", "own"], "own"]);
  });
});

describe("untilReadable()", () => {
  it("resolves when the inbox has space", async () => {
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

describe("a pause without reads", () => {
  beforeEach(() => {
    void dispatcher.recv(undefined);
    receive("0", "1", "2", "3", "4");
    reports = [];
  });

  it("ends after 30 s, and the inbox then keeps the newest messages", async () => {
    clock.advance(29_999);
    expect(reports).toEqual([]);
    clock.advance(1);
    expect(reports).toEqual(["resume"]);
    receive("5");
    expect(reports).toEqual(["resume", "dropped in <1> overflow"]);
    clock.advance(60_000);
    expect(await recv()).toBe("<2>");
    receive("6");
    expect(reports.at(-1)).toBe("pause");
    dispatcher.beginClosing();
  });

  it("continues while recv() is called at least every 30 s", async () => {
    clock.advance(29_000);
    await recv();
    clock.advance(29_000);
    expect(reports).toEqual([]);
    clock.advance(2_000 + 30_000);
    expect(reports).toEqual(["resume"]);
  });

  it("continues while an iterator is open", async () => {
    const iterator = iterate();
    clock.advance(600_000);
    expect(reports).toEqual([]);
    await iterator.return!();
    clock.advance(60_000);
    expect(reports).toEqual(["resume"]);
  });

  it("keeps the process running unless unref() is called", () => {
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

  it("ends when the connection closes, and leaves no timer", () => {
    dispatcher.beginClosing();
    expect([reports, counting.openTimers]).toEqual([["resume"], 0]);
  });
});

describe("a message that cannot be decoded", () => {
  it("is reported and dropped, and the other messages are delivered", async () => {
    receive("1", "bad", "2");
    expect(reports).toEqual(["dropped in bad decode"]);
    expect(errors[0]).toBeInstanceOf(JetSocketError);
    expect(errors[0]).toMatchObject({ code: "DECODE_FAILED", cause: new Error("no good") });
    expect(await Promise.all([recv(), recv()])).toEqual(["<1>", "<2>"]);
  });

  it("is emitted to rawMessage listeners", () => {
    on("rawMessage", "raw ");
    on();
    receive("bad");
    expect([emitted, reports]).toEqual([["raw bad"], ["dropped in bad decode"]]);
  });
});

describe("when the inbox contains 64 KiB", () => {
  const large = "x".repeat(65_536);

  beforeEach(() => create({ maxBytes: 1_000_000 }));

  it("decodes further messages when they are read", async () => {
    receive(large, "bad", "1");
    expect([errors, reports]).toEqual([[], []]);
    expect(await Promise.all([recv(), recv()])).toEqual([`<${large}>`, "<1>"]);
    expect([errors.length, reports]).toEqual([1, ["dropped in bad decode"]]);
  });

  it("decodes further messages for a listener that is added later", () => {
    receive(large, "bad", "1");
    on();
    clock.advance(0);
    expect([emitted, reports]).toEqual([[`<${large}>`, "<1>"], ["dropped in bad decode"]]);
  });

  it("decodes further messages when they are dropped", () => {
    receive(large, "1", "2", "3");
    dispatcher.finish({ iteratorError: undefined, recvError: undefined }, true);
    expect(reports.slice(1)).toEqual(["1", "2", "3"].map((text) => `dropped in <${text}> closed`));
  });
});

const failure = new Error("broken");
const closed = { iteratorError: undefined, recvError: failure };
const broken = { iteratorError: failure, recvError: failure };

describe("while the connection closes", () => {
  it("the inbox accepts twice its capacity and drops the rest", () => {
    void dispatcher.recv(undefined);
    dispatcher.beginClosing();
    receive("0", "1", "2", "3", "4", "5", "6", "7", "8", "9");
    expect([dispatcher.waitingCount, reports]).toEqual([8, ["dropped in <9> overflow"]]);
  });
});

describe("the end", () => {
  it("delivers the remaining messages, then ends iterators and rejects recv()", async () => {
    receive("1", "2");
    dispatcher.finish(closed, false);
    const iterator = iterate();
    expect([await recv(), await iterator.next()]).toEqual(["<1>", { value: "<2>", done: false }]);
    expect(await recv()).toBe(failure);
    expect(await iterator.next()).toEqual({ value: undefined, done: true });
    expect(await iterate().next()).toEqual({ value: undefined, done: true });
  });

  it("ends all waiting readers", async () => {
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

  it("rejects iterators after a failure", async () => {
    const next = iterate().next();
    dispatcher.finish(broken, false);
    expect(await stateOf(next)).toBe(failure);
    expect(await stateOf(iterate().next())).toBe(failure);
  });

  it("drops and reports each remaining message if it is immediate", async () => {
    receive("1", "2");
    dispatcher.finish(broken, true);
    expect(reports).toEqual(["dropped in <1> closed", "dropped in <2> closed"]);
    expect([dispatcher.waitingCount, await recv()]).toEqual([0, failure]);
  });

  it("drops all messages after discard(), also for listeners, while readers wait for the end", async () => {
    receive("1");
    const iterator = iterate();
    dispatcher.discard();
    on();
    receive("2");
    expect(reports).toEqual(["dropped in <1> closed", "dropped in <2> closed"]);
    const next = iterator.next();
    expect([await stateOf(next), emitted]).toEqual(["waits", []]);
    dispatcher.finish(closed, true);
    expect(await next).toEqual({ value: undefined, done: true });
  });

  it("does not concern readers that a listener of dropped adds after it has connected again", async () => {
    const earlier = dispatcher.recv({ match: () => false });
    receive("1");
    let later: Promise<unknown> | undefined;
    onDropped = () => {
      dispatcher.begin();
      later = dispatcher.recv(undefined);
    };
    dispatcher.finish(broken, true);
    expect(await stateOf(earlier)).toBe(broken.recvError);
    receive("2");
    expect(await later).toBe("<2>");
  });

  it("drops later messages unless there are listeners", async () => {
    dispatcher.finish(broken, true);
    receive("1");
    expect([reports, await recv()]).toEqual([["dropped in <1> closed"], failure]);
    on();
    receive("2");
    expect(emitted).toEqual(["<2>"]);
  });
});

describe("begin() after an end", () => {
  it("delivers the messages that were left, then new ones", async () => {
    receive("1");
    dispatcher.finish(broken, false);
    dispatcher.begin();
    receive("2");
    expect(await Promise.all([recv(), recv()])).toEqual(["<1>", "<2>"]);
    const waiting = dispatcher.recv(undefined);
    receive("3");
    expect(await waiting).toBe("<3>");
  });

  it("keeps the newest messages until the first read, as at the start", async () => {
    await stateOf(dispatcher.recv({ timeout: 1 }).catch(() => undefined));
    clock.advance(1);
    receive("1", "2");
    dispatcher.finish(broken, false);
    dispatcher.begin();
    receive("3", "4", "5");
    expect([reports, await recv()]).toEqual([["dropped in <1> overflow"], "<2>"]);
  });
});

describe("a reader that starts inside a `dropped` listener", () => {
  const started: Promise<unknown>[] = [];

  /** Starts one reader inside the first event. */
  function startOnce(start: () => Promise<unknown>): void {
    started.length = 0;
    onDropped = () => {
      onDropped = undefined;
      started.push(start());
    };
  }

  const bounds: readonly [string, Partial<Bounds>, boolean][] = [
    ["pause, before the first reader", { overflow: "pause" }, false],
    ["dropOldest, before the first reader", { overflow: "dropOldest" }, false],
    ["dropOldest, with a reader", { overflow: "dropOldest" }, true],
    ["conflate, before the first reader", { overflow: "conflate", keyOf: (text) => text }, false],
    ["conflate, with a reader", { overflow: "conflate", keyOf: (text) => text }, true],
    ["conflate, replacing an older message", { overflow: "conflate", keyOf: () => "key" }, true],
  ];

  it.each(bounds)(
    "receives the message that caused the drop, with `recv()` (%s)",
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

  it.each(bounds)(
    "receives all messages from then on in order, with an iterator (%s)",
    async (_, given, hasReader) => {
      create({ capacity: 1, ...given });
      let iterator: AsyncIterableIterator<unknown> | undefined;
      startOnce(() => (iterator = iterate()).next());
      if (hasReader) {
        receive("0");
        expect(await recv()).toBe("<0>");
      }
      receive("1", "2", "3");
      expect(await stateOf(started[0]!)).toEqual({ value: "<2>", done: false });
      expect(await iterator!.next()).toEqual({ value: "<3>", done: false });
    },
  );

  it("receives the newest message if one large message drops several", async () => {
    create({ capacity: 3, maxBytes: 10 });
    startOnce(() => dispatcher.recv(undefined));
    receive("1", "2", "3333333333");
    expect(await stateOf(started[0]!)).toBe("<3333333333>");
    expect([dispatcher.waitingCount, reports.length]).toEqual([0, 2]);
  });

  it("does not receive messages that `terminate()` drops", async () => {
    startOnce(() => dispatcher.recv(undefined));
    receive("1", "2", "3");
    dispatcher.discard();
    expect(reports.length).toBe(3);
    dispatcher.finish({ iteratorError: undefined, recvError: "over" }, true);
    expect(await stateOf(started[0]!)).toBe("over");
  });

  it("waits after the reader for which the undecodable message was read", async () => {
    create({ capacity: 10, maxBytes: 1_000_000 });
    receive("x".repeat(70_000), "bad", "1", "2");
    await recv();
    startOnce(() => dispatcher.recv(undefined));
    expect([await recv(), await stateOf(started[0]!)]).toEqual(["<1>", "<2>"]);
  });

  it("waits after the batch for which the undecodable message was read", async () => {
    create({ capacity: 10, maxBytes: 1_000_000 });
    const batches = dispatcher.iterateBatches()!;
    receive("x".repeat(70_000), "1", "bad", "2");
    startOnce(() => dispatcher.recv(undefined));
    const { value } = (await batches.next()) as { value: readonly string[] };
    expect(value.slice(1)).toEqual(["<1>", "<2>"]);
    receive("3");
    expect(await stateOf(started[0]!)).toBe("<3>");
  });

  it("receives the end if no message is left", async () => {
    create({ maxBytes: 1_000_000 });
    receive("x".repeat(70_000), "bad");
    dispatcher.finish({ iteratorError: undefined, recvError: "over" }, false);
    startOnce(() => dispatcher.recv(undefined));
    await recv();
    expect([await recv(), await stateOf(started[0]!)]).toEqual(["over", "over"]);
  });

  it("does not consume a message if it is aborted inside the event", async () => {
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

it("delivers the current message to a reader that `keyOf` starts", async () => {
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
  it("takes time in proportion to the messages that it checks", async () => {
    create({ capacity: 100_000, maxBytes: 1_000_000 });
    const count = cases(30_000);
    for (let index = 0; index < count; index++) receive(String(index));
    const cpuTime = measureCpuTime();
    const calls: Promise<unknown>[] = [];
    // A copy of all waiting messages for each call would take seconds.
    for (let index = 1; index < count; index++)
      calls.push(dispatcher.recv({ match: (text) => text !== "<0>" }));
    expect(cpuTime()).toBeLessThan(1_000);
    expect((await Promise.all(calls)).at(-1)).toBe(`<${count - 1}>`);
    expect(await stateOf(dispatcher.recv(undefined))).toBe("<0>");
  });

  const isOf =
    (...values: readonly unknown[]) =>
    (value: unknown): boolean =>
      values.includes(value);

  it("removes the first message that match accepts from the inbox and keeps the order of the others", async () => {
    receive("1", "2", "3", "2");
    expect(await stateOf(dispatcher.recv({ match: isOf("<2>", "<3>") }))).toBe("<2>");
    expect([await recv(), await recv(), await recv(), dispatcher.waitingCount]).toEqual([
      "<1>",
      "<3>",
      "<2>",
      0,
    ]);
  });

  it("waits for a matching message and leaves earlier messages to other readers", async () => {
    const matching = dispatcher.recv({ match: isOf("<3>") });
    receive("1", "2");
    expect([await stateOf(matching), dispatcher.waitingCount]).toEqual(["waits", 2]);
    receive("3", "4");
    expect([await matching, await recv(), await recv(), await recv()]).toEqual(["<3>", "<1>", "<2>", "<4>"]);
  });

  it("shares messages with other calls in the order of the calls", async () => {
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

  it("consumes its message while an iterator receives the others", async () => {
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

  it("consumes its message while batches receive the others in order", async () => {
    const batches = dispatcher.iterateBatches()!;
    const matching = dispatcher.recv({ match: isOf("<3>") });
    const first = batches.next();
    receive("1", "2", "3", "4");
    expect([await matching, await first]).toEqual(["<3>", { value: ["<1>", "<2>", "<4>"], done: false }]);
    const between = dispatcher.recv({ match: isOf("<6>") });
    receive("5", "6", "7");
    expect([await between, await batches.next()]).toEqual(["<6>", { value: ["<5>", "<7>"], done: false }]);
  });

  it("consumes its message while a listener receives all, and queues no other message", async () => {
    on();
    const matching = dispatcher.recv({ match: isOf("<2>") });
    receive("1", "2", "3");
    expect([emitted, await matching, dispatcher.waitingCount]).toEqual([["<1>", "<2>", "<3>"], "<2>", 0]);
  });

  it("does not consume a message after a timeout or an abort", async () => {
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

  it("rejects with the error of match, and the next reader receives the message", async () => {
    const fault = new Error("no");
    const match = (): boolean => {
      throw fault;
    };
    receive("1");
    expect(await stateOf(dispatcher.recv({ match }))).toBe(fault);
    expect(await recv()).toBe("<1>");
    const waiting = dispatcher.recv({ match });
    const following = dispatcher.recv({ match: () => true });
    receive("2");
    expect([await stateOf(waiting), await following]).toEqual([fault, "<2>"]);
  });

  it("skips an undecodable message and reports it once", async () => {
    create({ maxBytes: 1_000_000, capacity: 100 });
    dispatcher.receive("x".repeat(70_000), 70_000, 0);
    receive("bad", "1");
    expect(await stateOf(dispatcher.recv({ match: isOf("<1>") }))).toBe("<1>");
    expect([dispatcher.waitingCount, reports, errors.length]).toEqual([1, ["dropped in bad decode"], 1]);
  });

  const overflow = { code: "BUFFER_OVERFLOW" };

  it("rejects when reading pauses because other messages fill the inbox, as no other message can arrive", async () => {
    const matching = dispatcher.recv({ match: isOf("<9>") });
    receive("1", "2", "3");
    expect(await stateOf(matching)).toBe("waits");
    receive("4");
    expect(reports).toEqual(["pause"]);
    expect(await stateOf(matching)).toMatchObject(overflow);
    expect(await stateOf(dispatcher.recv({ match: isOf("<9>"), timeout: 50 }))).toMatchObject(overflow);
    expect([await recv(), await stateOf(dispatcher.recv({ match: isOf("<9>") }))]).toMatchObject([
      "<1>",
      overflow,
    ]);
    expect([await recv(), reports]).toEqual(["<2>", ["pause", "resume"]]);
    const again = dispatcher.recv({ match: isOf("<9>") });
    receive("9");
    expect(await again).toBe("<9>");
  });

  it("also rejects at the limit of bytes, and while an iterator is open", async () => {
    create({ maxBytes: 10, capacity: 100 });
    const iterator = iterate();
    receive("1");
    await iterator.next();
    const matching = dispatcher.recv({ match: isOf("<9>") });
    receive("123456", "7890");
    expect(await stateOf(matching)).toMatchObject(overflow);
    await iterator.return!();
  });

  it("removes its message from a full inbox and ends the pause when half is free", async () => {
    const first = dispatcher.recv(undefined);
    receive("0", "1", "2", "3", "4");
    await first;
    expect(reports).toEqual(["pause"]);
    expect(await stateOf(dispatcher.recv({ match: isOf("<3>") }))).toBe("<3>");
    expect(reports).toEqual(["pause"]);
    expect(await stateOf(dispatcher.recv({ match: isOf("<2>") }))).toBe("<2>");
    expect(reports).toEqual(["pause", "resume"]);
  });

  it("is not rejected if a listener of paused reads the other messages", async () => {
    const matching = dispatcher.recv({ match: isOf("<9>") });
    reports.push = (...words: string[]) => {
      if (words[0] === "pause") for (let count = 0; count < 3; count++) void dispatcher.recv(undefined);
      return Array.prototype.push.apply(reports, words);
    };
    receive("1", "2", "3", "4", "9");
    expect(await matching).toBe("<9>");
  });

  it.each(["dropOldest", "dropNewest"] as const)(
    "continues to wait with overflow %s, because the inbox drops messages",
    async (policy) => {
      create({ overflow: policy });
      const matching = dispatcher.recv({ match: isOf("<9>") });
      receive("1", "2", "3", "4", "5", "6", "9", "7");
      expect(await matching).toBe("<9>");
      expect(dispatcher.waitingCount).toBe(4);
    },
  );

  it("removes a message from an inbox with keys", async () => {
    create({ overflow: "conflate", keyOf: (value) => String(value)[1] });
    void dispatcher.recv({ timeout: 1 });
    clock.advance(1);
    receive("a1", "b1", "c1");
    expect(await stateOf(dispatcher.recv({ match: isOf("<a1>") }))).toBe("<a1>");
    receive("b2", "a2", "c2");
    expect(reports).toEqual(["dropped in <b1> overflow", "dropped in <c1> overflow"]);
    expect([await recv(), await recv(), await recv()]).toEqual(["<b2>", "<c2>", "<a2>"]);
  });

  it("rejects at the end if no remaining message matches", async () => {
    const matching = dispatcher.recv({ match: isOf("<9>") });
    receive("1", "2");
    dispatcher.finish(ended, false);
    expect(await stateOf(matching)).toBe(ended.recvError);
    expect(await stateOf(dispatcher.recv({ match: isOf("<2>") }))).toBe("<2>");
    expect(await stateOf(dispatcher.recv({ match: isOf("<2>") }))).toBe(ended.recvError);
    expect(await recv()).toBe("<1>");
  });

  it("reports how long its message waited", async () => {
    receive("1", "2");
    clock.advance(30);
    await dispatcher.recv({ match: isOf("<2>") });
    expect(inboxTimes).toEqual([30]);
  });
});

describe("before begin()", () => {
  it("reports the number of waiting calls until begin() is called", async () => {
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
    dispatcher.finish(ended, true);
    expect(idleWaits.length).toBe(4);
  });
});
