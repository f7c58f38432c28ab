import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deflateOffer } from "../../protocol/index.js";
import type { UnsentMessage } from "../../src/connection/message-tokens.js";
import { type SendMarks, SendQueue } from "../../src/connection/send-queue.js";
import { PendingMessage } from "../../src/connection/pending-message.js";
import { BufferOverflowError, TimeoutError } from "../../src/errors.js";
import { createCountingRuntime, type CountingRuntime } from "../support/counting-runtime.js";
import { ProtocolEnd } from "../support/protocol-end.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";
import { readFrames } from "../support/wire.js";
import { never } from "../support/never.js";

/** Room for three small messages, the size of whose frames is 16. */
const marks: SendMarks = { highWaterMark: 48, lowWaterMark: 16, maxBufferedAmount: 128 };

let clock: VirtualRuntime;
let counting: CountingRuntime;
let end: ProtocolEnd;
let queue: SendQueue;
let told: unknown[];
let wire: Buffer[];
let withdrawn: unknown[];
let samples: number[];

beforeEach(() => {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  end = new ProtocolEnd();
  told = [];
  wire = [];
  withdrawn = [];
  samples = [];
  queue = create();
});

afterEach(() => {
  finish(new Error("over"));
  clock.advance(0);
});

/** The connection is gone. @returns What was not sent, of which the last are those that were not framed. */
function finish(error: unknown): readonly UnsentMessage[] {
  const { framedCount } = end.connection;
  const unsent = queue.takeUnsent(end.connection.takeUnsent(), framedCount);
  queue.end(error);
  return unsent;
}

const dataOf = (unsent: readonly UnsentMessage[]): unknown[] => unsent.map(({ data }) => data);

function create(given: Partial<SendMarks> = {}): SendQueue {
  return new SendQueue(
    end.connection,
    counting.runtime,
    { ...marks, ...given },
    { onQueued: () => undefined, onRefused: (error) => told.push(error) },
    {
      onDrain: () => told.push("drain"),
      onWithdrawn: (token) => withdrawn.push(token),
      onSampled: (duration) => samples.push(duration),
    },
  );
}

/** A message whose frame has 16 bytes, ten of which are `text`. */
const small = (text: string): string => text.padEnd(10, ".");

/** The kernel takes all that is framed. */
function progress(): void {
  for (let bytes = end.connection.take(); bytes !== undefined; bytes = end.connection.take()) {
    wire.push(Buffer.from(bytes));
    end.connection.written();
  }
  queue.pump();
}

/** Progress until nothing comes any more. */
function drain(): void {
  while (end.connection.hasOutput) progress();
}

const sent = (): string[] =>
  readFrames(Buffer.concat(wire)).map(({ payload }) => payload.toString().replaceAll(".", ""));

async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  const pending = {};
  await new Promise((resolve) => setImmediate(resolve));
  return Promise.race([promise, Promise.resolve(pending)]).then(
    (value) => (value === pending ? "waits" : "done"),
    (error: unknown) => error,
  );
}

/** A Blob in the making: its content comes when the test says so. */
function pending(size: number): {
  message: PendingMessage;
  give: (content: string | Uint8Array) => Promise<void>;
  fail: (error: unknown) => Promise<void>;
} {
  const { promise, resolve, reject } = withResolvers<string | Uint8Array>();
  const settled = async (): Promise<void> => {
    await promise.catch(() => undefined);
    await Promise.resolve();
  };
  return {
    message: new PendingMessage({ size }, size, () => promise),
    give: async (content) => {
      resolve(content);
      await settled();
    },
    fail: async (error) => {
      reject(error);
      await settled();
    },
  };
}

function withResolvers<Value>(): {
  promise: Promise<Value>;
  resolve: (value: Value) => void;
  reject: (error: unknown) => void;
} {
  let [resolve, reject] = [(_value: Value): void => undefined, (_error: unknown): void => undefined];
  const promise = new Promise<Value>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  void never<Value>().then(resolve);
  return { promise, resolve, reject };
}

describe("below the high-water mark", () => {
  it("a message is framed at the call, and the promise is resolved", async () => {
    const first = queue.send(small("a"), undefined);
    expect(end.connection.framedCount).toBe(1);
    expect(queue.send(small("b"), undefined)).toBe(first);
    expect(await stateOf(first)).toBe("done");
    expect(queue.trySend(small("c"), undefined)).toBe(true);
    drain();
    expect(sent()).toEqual(["a", "b", "c"]);
    expect(queue.isEmpty).toBe(true);
  });

  it("bytes may be used again when the call returns", () => {
    const bytes = Buffer.from("a");
    void queue.send(bytes, undefined);
    bytes.fill("z");
    drain();
    expect(sent()).toEqual(["a"]);
  });

  it("the promise lets the event loop run for 64 KiB, whatever is left of them on the wire", async () => {
    end = new ProtocolEnd({ extension: deflateOffer({}).agree([]) });
    queue = create({ highWaterMark: 10_000 });
    const sending = queue.send("x".repeat(70_000), undefined);
    expect(queue.bufferedAmount).toBeLessThan(1_000);
    expect(await stateOf(sending)).toBe("waits");
    clock.advance(0);
    expect(await stateOf(sending)).toBe("done");
    end.connection.abandon();
  });

  it("`compress` reaches the protocol", () => {
    const options = { compress: true };
    void queue.send("text", options);
    expect(queue.trySend("text", options)).toBe(true);
    drain();
    expect(sent()).toEqual(["text", "text"]);
  });
});

describe("bufferedAmount", () => {
  it.each([0, 1, 125, 126, 127, 65_535, 65_536])("counts the framing of %i bytes, and falls to 0", (size) => {
    queue = create({ highWaterMark: 1e6, maxBufferedAmount: 1e6 });
    const frameSize = size + (size < 126 ? 6 : size < 65_536 ? 8 : 14);
    void queue.send(Buffer.alloc(size), undefined);
    expect(queue.bufferedAmount).toBe(frameSize);
    void queue.send(pending(size).message, undefined);
    expect(queue.bufferedAmount).toBe(2 * frameSize);
    drain();
    expect(queue.bufferedAmount).toBe(frameSize);
    finish(new Error("gone"));
    expect(queue.bufferedAmount).toBe(0);
  });

  it("counts characters by their bytes", () => {
    void fill();
    void queue.send("\u20ac", undefined);
    expect(queue.bufferedAmount).toBe(48 + 9);
  });
});

/** Comes to the mark: the third message waits for room, what comes behind it to be framed. */
function fill(): readonly Promise<void>[] {
  return ["a", "b", "c"].map((text) => queue.send(small(text), undefined));
}

describe("above the high-water mark", () => {
  it("the message that meets it is framed, and its promise waits", async () => {
    const promises = fill();
    expect(end.connection.framedCount).toBe(3);
    expect(await Promise.all(promises.map(stateOf))).toEqual(["done", "done", "waits"]);
    progress();
    expect(await stateOf(promises[2]!)).toBe("done");
  });

  it("messages wait in the order of the calls", async () => {
    void fill();
    const waiting = ["d", "e"].map((text) => queue.send(small(text), undefined));
    expect(queue.trySend(small("f"), undefined)).toBe(false);
    expect([end.connection.framedCount, queue.isEmpty]).toEqual([3, false]);
    expect(await Promise.all(waiting.map(stateOf))).toEqual(["waits", "waits"]);
    progress();
    expect(end.connection.framedCount).toBe(6);
    expect(await Promise.all(waiting.map(stateOf))).toEqual(["done", "done"]);
    drain();
    expect(sent()).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  it("a promise resolves only when what waits is below it", async () => {
    void fill();
    const four = ["d", "e", "f", "g"].map((text) => queue.send(small(text), undefined));
    progress();
    expect(await Promise.all(four.map(stateOf))).toEqual(["done", "done", "waits", "waits"]);
    progress();
    expect(await Promise.all(four.map(stateOf))).toEqual(["done", "done", "done", "done"]);
  });

  it("bytes that wait are the queue's own", () => {
    void fill();
    const bytes = Buffer.from(small("d"));
    void queue.send(bytes, undefined);
    bytes.fill("z");
    drain();
    expect(sent()).toEqual(["a", "b", "c", "d"]);
  });

  it("a message that comes while others wait does not overtake them", () => {
    void fill();
    void queue.send(small("d"), undefined);
    end.connection.take();
    end.connection.written();
    void queue.send(small("e"), undefined);
    queue.pump();
    drain();
    expect(sent().slice(-2)).toEqual(["d", "e"]);
  });
});

describe("drain", () => {
  it("comes once, when what waits has fallen to the low-water mark", () => {
    void fill();
    void queue.send(small("d"), undefined);
    expect(told).toEqual([]);
    progress();
    expect(told).toEqual(["drain"]);
    expect(queue.bufferedAmount).toBe(16);
    drain();
    expect(told).toEqual(["drain"]);
  });

  it("comes again after the next time above the mark", () => {
    void fill();
    drain();
    void fill();
    drain();
    expect(told).toEqual(["drain", "drain"]);
  });

  it("does not come where the high-water mark was never met", () => {
    void queue.send(small("a"), undefined);
    void queue.send(small("b"), undefined);
    drain();
    expect(told).toEqual([]);
  });

  it("does not come for a Blob below the mark", async () => {
    const { message, give } = pending(10);
    void queue.send(message, undefined);
    await give(small("a"));
    drain();
    expect([told, sent()]).toEqual([[], ["a"]]);
  });

  it("does not come when the connection is gone", async () => {
    const { message, give } = pending(100);
    const sending = queue.send(message, undefined);
    finish(new Error("gone"));
    await give("late");
    expect(await stateOf(sending)).toEqual(new Error("gone"));
    expect([told, end.connection.framedCount]).toEqual([[], 0]);
  });

  it("may send again from inside", () => {
    let isFirst = true;
    const handler = { onQueued: () => undefined, onRefused: (error: unknown) => told.push(error) };
    const again = new SendQueue(end.connection, clock, marks, handler, {
      onWithdrawn: () => undefined,
      onSampled: () => undefined,
      onDrain: () => {
        if (isFirst) void again.send(small("again"), undefined);
        isFirst = false;
      },
    });
    queue = again;
    void fill();
    drain();
    expect(sent()).toEqual(["a", "b", "c", "again"]);
  });
});

describe("maxBufferedAmount", () => {
  it("refuses what would go past it, and tells so", async () => {
    void fill();
    for (const text of ["d", "e", "f", "g"]) void queue.send(small(text), undefined);
    expect(queue.bufferedAmount).toBe(112);
    void queue.send("x".repeat(10), undefined);
    const refused = await stateOf(queue.send("y", undefined));
    expect(refused).toBeInstanceOf(BufferOverflowError);
    expect((refused as Error).message).toMatch(
      /1 bytes was refused: 128 bytes wait.*maxBufferedAmount is 128/,
    );
    expect(told).toEqual([refused]);
    expect(queue.trySend("y", undefined)).toBeUndefined();
    expect(told.length).toBe(1);
    expect(queue.acceptedCount).toBe(8);
    drain();
    expect(sent().length).toBe(8);
  });

  it("lets one larger message pass where nothing waits", async () => {
    expect(await stateOf(queue.send("x".repeat(1_000), undefined))).toBe("waits");
    expect(await stateOf(queue.send("y", undefined))).toBeInstanceOf(BufferOverflowError);
    drain();
    expect(queue.trySend("z".repeat(1_000), undefined)).toBe(true);
  });

  it.each([
    ["text of one byte each", "x".repeat(112)],
    ["text of two bytes each", "\u00e9".repeat(56)],
    ["text of three bytes each", "\u20ac".repeat(37)],
    ["text of four bytes each", "\u{1f600}".repeat(28)],
    ["bytes", Buffer.alloc(112)],
    ["a Blob", new PendingMessage({}, 112, () => never())],
  ])("is exact for %s", async (_what, data) => {
    void queue.send(small("a"), undefined);
    expect(await stateOf(queue.send(data, undefined))).not.toBeInstanceOf(BufferOverflowError);
    expect(await stateOf(queue.send("", undefined))).toBeInstanceOf(BufferOverflowError);
  });
});

describe("the memory of messages that wait", () => {
  const mebibyte = 1024 * 1024;

  /** Counts messages that are taken before one is refused. */
  function countTaken(send: (index: number) => boolean | undefined): number {
    for (let index = 0; index < 1_000_000; index++) if (send(index) === undefined) return index;
    throw new Error("Nothing was refused.");
  }

  it("counts against maxBufferedAmount, while bufferedAmount counts bytes on the wire", async () => {
    queue = create({ highWaterMark: 1_000, maxBufferedAmount: 4 * mebibyte });
    const count = countTaken(() => queue.trySend("x", undefined));
    // About 1 KiB for each, of which 1 MiB is not counted.
    expect(count).toBeGreaterThan(4_000);
    expect(count).toBeLessThan(6_000);
    expect(queue.bufferedAmount).toBe(count * 7);
    expect(queue.load).toBeGreaterThan(3.9 * mebibyte);
    const refused = await stateOf(queue.send("x", undefined));
    expect(refused).toBeInstanceOf(BufferOverflowError);
    expect((refused as Error).message).toMatch(
      /1 bytes was refused: \d+ bytes wait.* take \d+ bytes of memory/,
    );
    drain();
    expect([queue.bufferedAmount, queue.load, sent().length]).toEqual([0, 0, count]);
  });

  it.each([
    ["binary messages", Buffer.from("x"), undefined],
    ["messages with a timeout", "x", { timeout: 1_000 }],
  ])("is larger for %s", (_what, data, options) => {
    queue = create({ highWaterMark: 1_000, maxBufferedAmount: 4 * mebibyte });
    const controller = new AbortController();
    const count = countTaken(() => {
      if (queue.load > 3.9 * mebibyte) return undefined;
      void queue.send(data, options === undefined ? undefined : { ...options, signal: controller.signal });
      return true;
    });
    expect(count).toBeLessThan(3_000);
    controller.abort();
    drain();
    expect([queue.bufferedAmount, queue.load]).toEqual([0, 0]);
  });

  it("contains the two bytes of each character of a text with one outside Latin-1", () => {
    queue = create({ highWaterMark: 1, maxBufferedAmount: 64 * mebibyte });
    void queue.send("first", undefined);
    const text = "a".repeat(4 * mebibyte) + "\u20ac";
    void queue.send(text, undefined);
    expect(queue.load).toBeGreaterThan(2 * text.length - mebibyte);
  });

  it("contains what framed messages are known by, and the mark is met by it", () => {
    queue = create({ highWaterMark: mebibyte, maxBufferedAmount: 4 * mebibyte });
    let count = 0;
    while (queue.trySend("x", undefined, { count }) === true) count++;
    expect(count).toBeLessThan(5_000);
    expect(queue.bufferedAmount).toBeLessThan(100_000);
    drain();
    expect(queue.load).toBe(0);
    expect(told).toEqual(["drain"]);
  });

  it("contains compressed messages as they were given, until their frames are handed out", () => {
    end = new ProtocolEnd({ extension: deflateOffer({}).agree([]) });
    queue = create({ highWaterMark: 2 * mebibyte, maxBufferedAmount: 4 * mebibyte });
    const text = "x".repeat(100_000);
    let count = 0;
    while (queue.trySend(text, undefined) === true) count++;
    expect(count).toBeLessThan(32);
    expect(end.connection.bufferedSize).toBeLessThan(20_000);
    drain();
    expect([queue.load, end.connection.originalSize]).toEqual([0, 0]);
    end.connection.abandon();
  });

  it("is written before the end of the tick where few bytes stand for much of it", () => {
    end = new ProtocolEnd({ extension: deflateOffer({}).agree([]) });
    const writes: number[] = [];
    const handler = {
      onQueued: () => undefined,
      onMemoryFull: () => {
        writes.push(end.connection.bufferedSize);
        progress();
      },
      onRefused: () => undefined,
    };
    const events = { onDrain: () => undefined, onWithdrawn: () => undefined, onSampled: () => undefined };
    const kept = { ...marks, highWaterMark: 2 * mebibyte, maxBufferedAmount: 4 * mebibyte };
    queue = new SendQueue(end.connection, counting.runtime, kept, handler, events);
    for (let index = 0; index < 100; index++)
      expect(queue.trySend("x".repeat(100_000), undefined)).toBe(true);
    expect(writes.length).toBeGreaterThan(2);
    expect(writes.length).toBeLessThan(10);
    drain();
    end.connection.abandon();
  });

  it("keeps one promise for refusals beyond 64 in one turn, and lets a loop of them end the turn", async () => {
    void fill();
    while (queue.trySend("x", undefined) !== undefined);
    const promises = new Set<Promise<void>>();
    for (let count = 0; count < 10_000; count++) promises.add(queue.send("x", undefined));
    expect(promises.size).toBe(64);
    expect(told.length).toBe(10_000);
    const last = queue.send("xy", undefined);
    expect(promises).toContain(last);
    expect(await stateOf(last)).toBe("waits");
    clock.advance(0);
    const error = await stateOf(last);
    expect(error).toBe(told.at(-1));
    expect((error as Error).message).toMatch(/^Messages were refused: \d+ bytes wait/);
  });
});

describe("a Blob", () => {
  it("keeps its place while it is read", async () => {
    const { message, give } = pending(10);
    const blob = queue.send(message, undefined);
    const after = queue.send(small("b"), undefined);
    expect(queue.trySend(small("c"), undefined)).toBe(false);
    expect(await Promise.all([blob, after].map(stateOf))).toEqual(["waits", "waits"]);
    await give(small("a"));
    expect(await Promise.all([blob, after].map(stateOf))).toEqual(["done", "done"]);
    drain();
    expect(sent()).toEqual(["a", "b", "c"]);
  });

  it("that is read waits for those before it", async () => {
    const [first, second] = [pending(1), pending(1)];
    void queue.send(first.message, undefined);
    void queue.send(second.message, undefined);
    await second.give("b");
    expect(end.connection.framedCount).toBe(0);
    await first.give(Buffer.from("a"));
    drain();
    expect(sent()).toEqual(["a", "b"]);
  });

  it("that cannot be read rejects, and lets the others pass", async () => {
    const { message, fail } = pending(10);
    const error = new Error("file gone");
    const blob = queue.send(message, undefined);
    void queue.send(small("b"), undefined);
    await fail(error);
    expect(await stateOf(blob)).toBe(error);
    expect([told, queue.acceptedCount, queue.bufferedAmount]).toEqual([[error], 1, 16]);
    drain();
    expect(sent()).toEqual(["b"]);
  });

  it("that was withdrawn while it was read is not sent", async () => {
    const { message, give } = pending(10);
    const controller = new AbortController();
    const blob = queue.send(message, { signal: controller.signal });
    controller.abort("stop");
    await give(small("a"));
    expect(await stateOf(blob)).toBe("stop");
    expect(end.connection.framedCount).toBe(0);
  });
});

describe("withdrawing", () => {
  it("by timeout takes a message that waits to be framed", async () => {
    void fill();
    const late = queue.send(small("late"), { timeout: 50 });
    void queue.send(small("d"), undefined);
    clock.advance(50);
    const error = await stateOf(late);
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ operation: "send", timeoutMs: 50 });
    expect([told, queue.bufferedAmount, queue.acceptedCount]).toEqual([[error], 64, 4]);
    drain();
    expect(sent()).toEqual(["a", "b", "c", "d"]);
  });

  it("by signal takes a message that waits to be framed", async () => {
    void fill();
    const controller = new AbortController();
    const late = queue.send(small("late"), { signal: controller.signal });
    controller.abort("stop");
    expect(await stateOf(late)).toBe("stop");
    expect(told).toEqual(["stop"]);
    drain();
    expect(sent()).toEqual(["a", "b", "c"]);
  });

  it("does not take a message that is framed: only its caller is let go", async () => {
    void fill();
    const controller = new AbortController();
    const four = ["d", "e", "f", "g"].map((text) =>
      queue.send(small(text), { timeout: 50, signal: controller.signal }),
    );
    progress();
    expect(await stateOf(four[2]!)).toBe("waits");
    controller.abort("stop");
    clock.advance(100);
    expect(await Promise.all(four.map(stateOf))).toEqual(["done", "done", "stop", "stop"]);
    expect([told, counting.openTimers, queue.acceptedCount]).toEqual([["stop", "stop"], 0, 6]);
    drain();
    expect(sent()).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  it("lets the caller go whose message met the mark, and sends the message", async () => {
    void fill();
    drain();
    const options = { timeout: 50 };
    const large = queue.send("x".repeat(100), options);
    clock.advance(50);
    const error = await stateOf(large);
    expect(error).toBeInstanceOf(TimeoutError);
    expect(told).toEqual(["drain", error]);
    drain();
    expect(sent().at(-1)).toBe("x".repeat(100));
  });

  it("does not touch a message that was framed at the call", async () => {
    void fill();
    drain();
    const controller = new AbortController();
    const options = { timeout: 50, signal: controller.signal };
    const one = queue.send(small("d"), options);
    expect(counting.openTimers).toBe(0);
    controller.abort();
    expect(await stateOf(one)).toBe("done");
  });

  it("before the call takes nothing, and is told", async () => {
    const signal = AbortSignal.abort("stop");
    expect(await stateOf(queue.send(small("a"), { signal }))).toBe("stop");
    expect([told, end.connection.framedCount, queue.acceptedCount]).toEqual([["stop"], 0, 0]);
  });
});

describe("flush", () => {
  it("resolves at once where all is written", async () => {
    expect(await stateOf(queue.flush(undefined))).toBe("done");
    void queue.send("a", undefined);
    drain();
    expect(await stateOf(queue.flush(undefined))).toBe("done");
  });

  it("waits for what was framed before the call, not for what comes later", async () => {
    void queue.send(Buffer.alloc(100_000), undefined);
    const flush = queue.flush(undefined);
    const take = async (): Promise<unknown> => {
      expect(end.connection.take()).toBeDefined();
      end.connection.written();
      queue.pump();
      return stateOf(flush);
    };
    expect(await take()).toBe("waits");
    void queue.send(small("later"), undefined);
    expect(await take()).toBe("done");
  });

  it("waits for what waits to be framed", async () => {
    void fill();
    void queue.send(small("d"), undefined);
    const flush = queue.flush(undefined);
    void queue.send(small("e"), undefined);
    progress();
    expect(await stateOf(flush)).toBe("waits");
    progress();
    expect(await stateOf(flush)).toBe("done");
  });

  it("goes on waiting for those before a message that is withdrawn", async () => {
    const { message, give } = pending(10);
    const controller = new AbortController();
    void queue.send(message, undefined);
    void queue.send(small("b"), { signal: controller.signal });
    void queue.send(small("c"), { signal: controller.signal });
    const flush = queue.flush(undefined);
    controller.abort();
    expect(await stateOf(flush)).toBe("waits");
    await give(small("a"));
    expect(await stateOf(flush)).toBe("waits");
    drain();
    expect(await stateOf(flush)).toBe("done");
    expect(sent()).toEqual(["a"]);
  });

  it("waits for what is framed alone when all that waited is withdrawn", async () => {
    void fill();
    const controller = new AbortController();
    void queue.send(small("d"), { signal: controller.signal });
    const flush = queue.flush(undefined);
    controller.abort();
    expect(await stateOf(flush)).toBe("waits");
    progress();
    expect(await stateOf(flush)).toBe("done");
  });

  it("settles in the order of the calls", async () => {
    const order: string[] = [];
    void fill();
    void queue.flush(undefined).then(() => order.push("first"));
    void queue.send(small("d"), undefined);
    void queue.flush(undefined).then(() => order.push("second"));
    drain();
    await stateOf(Promise.resolve());
    expect(order).toEqual(["first", "second"]);
  });

  it("may be given up", async () => {
    void fill();
    const controller = new AbortController();
    const flushes = [queue.flush({ timeout: 5 }), queue.flush({ signal: controller.signal })];
    clock.advance(5);
    controller.abort("stop");
    const signal = AbortSignal.abort("stop");
    flushes.push(queue.flush({ signal, timeout: 1_000 }));
    const [late, ...stopped] = await Promise.all(flushes.map(stateOf));
    expect(late).toBeInstanceOf(TimeoutError);
    expect(stopped).toEqual(["stop", "stop"]);
    expect(counting.openTimers).toBe(0);
    drain();
  });
});

describe("the end", () => {
  it("rejects everything that waits, once", async () => {
    void fill();
    const above = queue.send(small("d"), { timeout: 50 });
    const flushes = [queue.flush(undefined)];
    const { message } = pending(10);
    void queue.send(message, undefined);
    flushes.push(queue.flush(undefined));
    const gone = new Error("gone");
    expect(dataOf(finish(gone)).slice(-2)).toEqual([small("d"), message]);
    expect(await Promise.all([above, ...flushes].map(stateOf))).toEqual([gone, gone, gone]);
    expect(counting.openTimers).toBe(0);
    clock.advance(100);
    expect([told, queue.isEmpty, finish(gone)]).toEqual([[], true, []]);
  });

  it("rejects the sends of framed messages that wait for the mark", async () => {
    const promises = fill();
    finish("gone");
    expect(await Promise.all(promises.map(stateOf))).toEqual(["done", "done", "gone"]);
  });

  it("of a Blob that fails later is not told twice", async () => {
    const { message, fail } = pending(10);
    const sending = queue.send(message, undefined);
    finish("gone");
    await fail(new Error("file gone"));
    expect([await stateOf(sending), told]).toEqual(["gone", []]);
  });
});

describe("a message with a token", () => {
  /** Three that are framed, the last of which waits for room, and two that are not. */
  function sendFive(): readonly Promise<void>[] {
    return ["a", "b", "c", "d", "e"].map((text) => queue.send(small(text), undefined, `token of ${text}`));
  }

  it("comes back with it where it was not sent, framed or not", () => {
    void sendFive();
    const { message } = pending(10);
    void queue.send(message, undefined, "token of f");
    void queue.send(small("g"), undefined);
    expect(finish("gone")).toEqual([
      ...["a", "b", "c", "d", "e"].map((text) => ({ data: small(text), token: `token of ${text}` })),
      { data: message, token: "token of f" },
      { data: small("g"), token: undefined },
    ]);
    expect(queue.acceptedCount).toBe(0);
  });

  it("does not come back where it was sent", () => {
    void sendFive();
    progress();
    expect(finish("gone")).toEqual(
      ["d", "e"].map((text) => ({ data: small(text), token: `token of ${text}` })),
    );
    expect(queue.acceptedCount).toBe(3);
  });

  it("is kept by its owner: its promise resolves when the connection is gone", async () => {
    const promises = sendFive();
    const without = queue.send(small("f"), undefined);
    finish("gone");
    const states = await Promise.all([...promises, without].map(stateOf));
    expect(states).toEqual(["done", "done", "done", "done", "done", "gone"]);
  });

  it("that is withdrawn is told of, unless it is framed", () => {
    void fill();
    const controller = new AbortController();
    const { signal } = controller;
    void queue.send(small("d"), { signal }, "token of d");
    void queue.send(small("e"), { signal });
    controller.abort("stop");
    expect([withdrawn, told]).toEqual([["token of d"], ["stop", "stop"]]);
    drain();
    const late = new AbortController();
    void queue.send("x".repeat(100), { signal: late.signal }, "token of x");
    late.abort("stop");
    expect(withdrawn).toEqual(["token of d"]);
  });

  it.each([
    ["for too much waits", {}],
    ["for its signal is aborted", { signal: AbortSignal.abort("stop") }],
  ])("that is refused at the call, %s, is told of", async (_why, options) => {
    void queue.send("x".repeat(1_000), undefined);
    const refused = await stateOf(queue.send(small("a"), options, "token"));
    expect([withdrawn, told]).toEqual([["token"], [refused]]);
  });

  it("of trySend() comes back too", () => {
    expect(queue.trySend(small("a"), undefined, 1)).toBe(true);
    void fill();
    expect(queue.trySend(small("b"), undefined, 2)).toBe(false);
    expect(finish("gone").filter(({ token }) => token !== undefined)).toEqual([
      { data: small("a"), token: 1 },
      { data: small("b"), token: 2 },
    ]);
  });
});

describe("a message that was accepted long ago", () => {
  it("is not refused, whatever waits, and keeps the order", () => {
    queue.sendAccepted("x".repeat(1_000), undefined, "token");
    queue.sendAccepted(small("second"), undefined, "token");
    expect(queue.trySend(small("refused"), undefined)).toBeUndefined();
    queue.sendAccepted(small("third"), undefined, undefined);
    expect([queue.acceptedCount, told]).toEqual([3, []]);
    drain();
    expect(sent()).toEqual(["x".repeat(1_000), "second", "third"]);
  });
});

describe("when the messages move to another connection", () => {
  it("who waits for this one is let go", async () => {
    const sends = [...fill(), queue.send(small("d"), undefined)];
    const flushes = [queue.flush(undefined)];
    const { framedCount } = end.connection;
    expect(dataOf(queue.takeUnsent(end.connection.takeBack(), framedCount))).toEqual(
      ["a", "b", "c", "d"].map(small),
    );
    queue.resolveWaits();
    expect(await Promise.all([...sends, ...flushes].map(stateOf))).toEqual(Array(5).fill("done"));
    expect([queue.isEmpty, queue.acceptedCount, queue.bufferedAmount]).toEqual([true, 0, 0]);
    progress();
    expect([sent(), told]).toEqual([[], []]);
  });
});

describe("a sample", () => {
  it("is the time of one message in sixteen from its sending to the kernel", () => {
    void queue.send(small("a"), undefined);
    void queue.send(small("b"), undefined);
    clock.advance(5);
    progress();
    expect(samples).toEqual([5]);
    clock.advance(5);
    for (let count = 3; count <= 17; count++) {
      void queue.send(small("c"), undefined);
      clock.advance(1);
      progress();
    }
    expect(samples).toEqual([5, 1]);
  });

  it("is none of a message that was taken back", () => {
    void queue.send(small("a"), undefined);
    finish("gone");
    queue.pump();
    expect(samples).toEqual([]);
  });
});

it("frames nothing more once the protocol is closing", async () => {
  const { message, give } = pending(10);
  void queue.send(message, undefined);
  end.connection.close(1000);
  await give(small("a"));
  drain();
  expect(dataOf(finish("gone"))).toEqual([small("a")]);
});

it("does not grow its stack with what waits", () => {
  const deep: SendQueue = new SendQueue(
    end.connection,
    clock,
    { highWaterMark: 1_000, lowWaterMark: 1, maxBufferedAmount: 1e9 },
    {
      // A kernel that takes all at once, with the progress that comes of it.
      onQueued: () => {
        if (!isOpen) return;
        end.drain();
        deep.pump();
      },
      onRefused: (error) => told.push(error),
    },
    {
      onDrain: () => told.push("drain"),
      onWithdrawn: () => undefined,
      onSampled: () => undefined,
    },
  );
  let isOpen = false;
  for (let count = 0; count < 5_000; count++) deep.trySend("x".repeat(1_000), undefined);
  const flush = deep.flush(undefined);
  isOpen = true;
  end.drain();
  deep.pump();
  expect([end.connection.writtenCount, deep.bufferedAmount, told]).toEqual([5_000, 0, ["drain"]]);
  return flush;
});
