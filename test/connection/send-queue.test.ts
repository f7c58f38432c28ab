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

/** The high-water mark is the size of three small messages. Their frames have 16 bytes. */
const marks: SendMarks = { highWaterMark: 48, lowWaterMark: 16, maxBufferedAmount: 128 };

let clock: VirtualRuntime;
let counting: CountingRuntime;
let end: ProtocolEnd;
let queue: SendQueue;
let reported: unknown[];
let wire: Buffer[];
let withdrawn: unknown[];
let samples: number[];

beforeEach(() => {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  end = new ProtocolEnd();
  reported = [];
  wire = [];
  withdrawn = [];
  samples = [];
  queue = create();
});

afterEach(() => {
  finish(new Error("over"));
  clock.advance(0);
});

/** Ends the connection. @returns The unsent messages: first the framed ones, then the others. */
function finish(error: unknown): readonly UnsentMessage[] {
  const { framedCount } = end.connection;
  const unsent = queue.takeUnsent(end.connection.takeUnsent(), framedCount);
  queue.end(error);
  return unsent;
}

/** The tests write the output by themselves. */
const noWriter = { wake: () => undefined, flush: () => undefined };

const dataOf = (unsent: readonly UnsentMessage[]): unknown[] => unsent.map(({ data }) => data);

function create(given: Partial<SendMarks> = {}): SendQueue {
  return new SendQueue(
    end.connection,
    counting.runtime,
    { ...marks, ...given },
    noWriter,
    {
      onDrain: () => reported.push("drain"),
      onWithdrawn: (token) => withdrawn.push(token),
      onSampled: (duration) => samples.push(duration),
    },
    { onRefused: (error) => reported.push(error) },
  );
}

/** A message whose frame has 16 bytes, ten of which are `text`. */
const small = (text: string): string => text.padEnd(10, ".");

/** The kernel accepts all framed messages. */
function progress(): void {
  for (let bytes = end.connection.take(); bytes !== undefined; bytes = end.connection.take()) {
    wire.push(Buffer.from(bytes));
    end.connection.written();
  }
  queue.pump();
}

/** Repeats {@link progress} until no output is left. */
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

/** A Blob whose content arrives when the test calls `resolveContent`. */
function pending(size: number): {
  message: PendingMessage;
  resolveContent: (content: string | Uint8Array) => Promise<void>;
  fail: (error: unknown) => Promise<void>;
} {
  const { promise, resolve, reject } = withResolvers<string | Uint8Array>();
  const settled = async (): Promise<void> => {
    await promise.catch(() => undefined);
    await Promise.resolve();
  };
  return {
    message: new PendingMessage({ size }, size, () => promise),
    resolveContent: async (content) => {
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

describe("SendQueue", () => {
  describe("below the high-water mark", () => {
    it("frames a message during the call and returns a resolved promise", async () => {
      const first = queue.send(small("a"), undefined);
      expect(end.connection.framedCount).toBe(1);
      expect(queue.send(small("b"), undefined)).toBe(first);
      expect(await stateOf(first)).toBe("done");
      expect(queue.trySend(small("c"), undefined)).toBe(true);
      drain();
      expect(sent()).toEqual(["a", "b", "c"]);
      expect(queue.isEmpty).toBe(true);
    });

    it("allows the caller to reuse its bytes after the call", () => {
      const bytes = Buffer.from("a");
      void queue.send(bytes, undefined);
      bytes.fill("z");
      drain();
      expect(sent()).toEqual(["a"]);
    });

    it("delays the promise for a turn after 64 KiB, even if they compress well", async () => {
      end = new ProtocolEnd({ extension: deflateOffer({}).agree([]) });
      queue = create({ highWaterMark: 10_000 });
      const sending = queue.send("x".repeat(70_000), undefined);
      expect(queue.bufferedAmount).toBeLessThan(1_000);
      expect(await stateOf(sending)).toBe("waits");
      clock.advance(0);
      expect(await stateOf(sending)).toBe("done");
      end.connection.abandon();
    });

    it("passes `compress` to the protocol", () => {
      const options = { compress: true };
      void queue.send("text", options);
      expect(queue.trySend("text", options)).toBe(true);
      drain();
      expect(sent()).toEqual(["text", "text"]);
    });
  });

  describe("bufferedAmount", () => {
    it.each([0, 1, 125, 126, 127, 65_535, 65_536])(
      "includes the frame header of %i bytes, and falls to 0",
      (size) => {
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
      },
    );

    it("counts the UTF-8 bytes of text", () => {
      void fillToHighWaterMark();
      void queue.send("\u20ac", undefined);
      expect(queue.bufferedAmount).toBe(48 + 9);
    });
  });

  /** Reaches the high-water mark: the third send waits, and later messages are not framed. */
  function fillToHighWaterMark(): readonly Promise<void>[] {
    return ["a", "b", "c"].map((text) => queue.send(small(text), undefined));
  }

  describe("above the high-water mark", () => {
    it("frames the message that reaches the mark, and its promise waits", async () => {
      const promises = fillToHighWaterMark();
      expect(end.connection.framedCount).toBe(3);
      expect(await Promise.all(promises.map(stateOf))).toEqual(["done", "done", "waits"]);
      progress();
      expect(await stateOf(promises[2]!)).toBe("done");
    });

    it("keeps messages in call order", async () => {
      void fillToHighWaterMark();
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

    it("resolves a promise only when the load is below the mark", async () => {
      void fillToHighWaterMark();
      const four = ["d", "e", "f", "g"].map((text) => queue.send(small(text), undefined));
      progress();
      expect(await Promise.all(four.map(stateOf))).toEqual(["done", "done", "waits", "waits"]);
      progress();
      expect(await Promise.all(four.map(stateOf))).toEqual(["done", "done", "done", "done"]);
    });

    it("copies bytes that wait", () => {
      void fillToHighWaterMark();
      const bytes = Buffer.from(small("d"));
      void queue.send(bytes, undefined);
      bytes.fill("z");
      drain();
      expect(sent()).toEqual(["a", "b", "c", "d"]);
    });

    it("does not let a message overtake waiting ones", () => {
      void fillToHighWaterMark();
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
    it("is emitted once when the load falls to the low-water mark", () => {
      void fillToHighWaterMark();
      void queue.send(small("d"), undefined);
      expect(reported).toEqual([]);
      progress();
      expect(reported).toEqual(["drain"]);
      expect(queue.bufferedAmount).toBe(16);
      drain();
      expect(reported).toEqual(["drain"]);
    });

    it("is emitted again after the mark was reached again", () => {
      void fillToHighWaterMark();
      drain();
      void fillToHighWaterMark();
      drain();
      expect(reported).toEqual(["drain", "drain"]);
    });

    it("is not emitted if the high-water mark was never reached", () => {
      void queue.send(small("a"), undefined);
      void queue.send(small("b"), undefined);
      drain();
      expect(reported).toEqual([]);
    });

    it("is not emitted for a Blob below the mark", async () => {
      const { message, resolveContent } = pending(10);
      void queue.send(message, undefined);
      await resolveContent(small("a"));
      drain();
      expect([reported, sent()]).toEqual([[], ["a"]]);
    });

    it("is not emitted after the end of the connection", async () => {
      const { message, resolveContent } = pending(100);
      const sending = queue.send(message, undefined);
      finish(new Error("gone"));
      await resolveContent("late");
      expect(await stateOf(sending)).toEqual(new Error("gone"));
      expect([reported, end.connection.framedCount]).toEqual([[], 0]);
    });

    it("may be answered by another send()", () => {
      let isFirst = true;
      const events = {
        onWithdrawn: () => undefined,
        onSampled: () => undefined,
        onDrain: () => {
          if (isFirst) void again.send(small("again"), undefined);
          isFirst = false;
        },
      };
      const again: SendQueue = new SendQueue(end.connection, clock, marks, noWriter, events, {
        onRefused: (error) => reported.push(error),
      });
      queue = again;
      void fillToHighWaterMark();
      drain();
      expect(sent()).toEqual(["a", "b", "c", "again"]);
    });
  });

  describe("maxBufferedAmount", () => {
    it("refuses and reports messages that would exceed it", async () => {
      void fillToHighWaterMark();
      for (const text of ["d", "e", "f", "g"]) void queue.send(small(text), undefined);
      expect(queue.bufferedAmount).toBe(112);
      void queue.send("x".repeat(10), undefined);
      const refused = await stateOf(queue.send("y", undefined));
      expect(refused).toBeInstanceOf(BufferOverflowError);
      expect((refused as Error).message).toMatch(
        /^A message was refused: 128 bytes wait.*maxBufferedAmount is 128/,
      );
      expect(reported).toEqual([refused]);
      expect(queue.trySend("y", undefined)).toBeUndefined();
      expect(reported.length).toBe(1);
      expect(queue.acceptedCount).toBe(8);
      drain();
      expect(sent().length).toBe(8);
    });

    it("accepts one larger message if nothing waits", async () => {
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

    /** Returns the number of messages that are accepted before one is refused. */
    function countTaken(send: (index: number) => boolean | undefined): number {
      for (let index = 0; index < 1_000_000; index++) if (send(index) === undefined) return index;
      throw new Error("Nothing was refused.");
    }

    it("counts for maxBufferedAmount, whereas bufferedAmount counts bytes on the wire", async () => {
      queue = create({ highWaterMark: 1_000, maxBufferedAmount: 4 * mebibyte });
      const count = countTaken(() => queue.trySend("x", undefined));
      // About 1 KiB per message. The first MiB is not counted.
      expect(count).toBeGreaterThan(4_000);
      expect(count).toBeLessThan(6_000);
      expect(queue.bufferedAmount).toBe(count * 7);
      expect(queue.load).toBeGreaterThan(3.9 * mebibyte);
      const refused = await stateOf(queue.send("x", undefined));
      expect(refused).toBeInstanceOf(BufferOverflowError);
      expect((refused as Error).message).toMatch(
        /^A message was refused: \d+ bytes wait.* take \d+ bytes of memory/,
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

    it("includes two bytes per character for text outside Latin-1", () => {
      queue = create({ highWaterMark: 1, maxBufferedAmount: 64 * mebibyte });
      void queue.send("first", undefined);
      const text = "a".repeat(4 * mebibyte) + "\u20ac";
      void queue.send(text, undefined);
      expect(queue.load).toBeGreaterThan(2 * text.length - mebibyte);
    });

    it("includes the tokens of framed messages, which can reach the mark", () => {
      queue = create({ highWaterMark: mebibyte, maxBufferedAmount: 4 * mebibyte });
      let count = 0;
      while (queue.trySend("x", undefined, { count }) === true) count++;
      expect(count).toBeLessThan(5_000);
      expect(queue.bufferedAmount).toBeLessThan(100_000);
      drain();
      expect(queue.load).toBe(0);
      expect(reported).toEqual(["drain"]);
    });

    it("includes the uncompressed size of messages until their frames are passed to the kernel", () => {
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

    it("causes a write before the end of the tick if messages compress well", () => {
      end = new ProtocolEnd({ extension: deflateOffer({}).agree([]) });
      const writes: number[] = [];
      const writer = {
        wake: () => undefined,
        flush: () => {
          writes.push(end.connection.bufferedSize);
          progress();
        },
      };
      const events = { onDrain: () => undefined, onWithdrawn: () => undefined, onSampled: () => undefined };
      const kept = { ...marks, highWaterMark: 2 * mebibyte, maxBufferedAmount: 4 * mebibyte };
      queue = new SendQueue(end.connection, counting.runtime, kept, writer, events, {
        onRefused: () => undefined,
      });
      for (let index = 0; index < 100; index++)
        expect(queue.trySend("x".repeat(100_000), undefined)).toBe(true);
      expect(writes.length).toBeGreaterThan(2);
      expect(writes.length).toBeLessThan(10);
      drain();
      end.connection.abandon();
    });

    it("shares one promise from the 64th refusal of a turn on, so that a loop of refusals ends the turn", async () => {
      void fillToHighWaterMark();
      while (queue.trySend("x", undefined) !== undefined);
      const promises = new Set<Promise<void>>();
      for (let count = 0; count < 10_000; count++) promises.add(queue.send("x", undefined));
      expect(promises.size).toBe(64);
      expect(reported.length).toBe(10_000);
      const last = queue.send("xy", undefined);
      expect(promises).toContain(last);
      expect(await stateOf(last)).toBe("waits");
      clock.advance(0);
      const error = await stateOf(last);
      expect(error).toBe(reported.at(-1));
      expect((error as Error).message).toMatch(/^A message was refused: \d+ bytes wait/);
    });
  });

  describe("a Blob", () => {
    it("keeps its position while it is read", async () => {
      const { message, resolveContent } = pending(10);
      const blob = queue.send(message, undefined);
      const after = queue.send(small("b"), undefined);
      expect(queue.trySend(small("c"), undefined)).toBe(false);
      expect(await Promise.all([blob, after].map(stateOf))).toEqual(["waits", "waits"]);
      await resolveContent(small("a"));
      expect(await Promise.all([blob, after].map(stateOf))).toEqual(["done", "done"]);
      drain();
      expect(sent()).toEqual(["a", "b", "c"]);
    });

    it("waits for the messages before it, even if it is read first", async () => {
      const [first, second] = [pending(1), pending(1)];
      void queue.send(first.message, undefined);
      void queue.send(second.message, undefined);
      await second.resolveContent("b");
      expect(end.connection.framedCount).toBe(0);
      await first.resolveContent(Buffer.from("a"));
      drain();
      expect(sent()).toEqual(["a", "b"]);
    });

    it("rejects if it cannot be read, and does not block other messages", async () => {
      const { message, fail } = pending(10);
      const error = new Error("file gone");
      const blob = queue.send(message, undefined);
      void queue.send(small("b"), undefined);
      await fail(error);
      expect(await stateOf(blob)).toBe(error);
      expect([reported, queue.acceptedCount, queue.bufferedAmount]).toEqual([[error], 1, 16]);
      drain();
      expect(sent()).toEqual(["b"]);
    });

    it("is not sent if it is withdrawn while it is read", async () => {
      const { message, resolveContent } = pending(10);
      const controller = new AbortController();
      const blob = queue.send(message, { signal: controller.signal });
      controller.abort("stop");
      await resolveContent(small("a"));
      expect(await stateOf(blob)).toBe("stop");
      expect(end.connection.framedCount).toBe(0);
    });
  });

  describe("withdrawing", () => {
    it("by timeout removes a message that is not framed", async () => {
      void fillToHighWaterMark();
      const late = queue.send(small("late"), { timeout: 50 });
      void queue.send(small("d"), undefined);
      clock.advance(50);
      const error = await stateOf(late);
      expect(error).toBeInstanceOf(TimeoutError);
      expect(error).toMatchObject({ operation: "send", timeoutMs: 50 });
      expect([reported, queue.bufferedAmount, queue.acceptedCount]).toEqual([[error], 64, 4]);
      drain();
      expect(sent()).toEqual(["a", "b", "c", "d"]);
    });

    it("by signal removes a message that is not framed", async () => {
      void fillToHighWaterMark();
      const controller = new AbortController();
      const late = queue.send(small("late"), { signal: controller.signal });
      controller.abort("stop");
      expect(await stateOf(late)).toBe("stop");
      expect(reported).toEqual(["stop"]);
      drain();
      expect(sent()).toEqual(["a", "b", "c"]);
    });

    it("does not remove a framed message, but ends the caller's wait", async () => {
      void fillToHighWaterMark();
      const controller = new AbortController();
      const four = ["d", "e", "f", "g"].map((text) =>
        queue.send(small(text), { timeout: 50, signal: controller.signal }),
      );
      progress();
      expect(await stateOf(four[2]!)).toBe("waits");
      controller.abort("stop");
      clock.advance(100);
      expect(await Promise.all(four.map(stateOf))).toEqual(["done", "done", "stop", "stop"]);
      expect([reported, counting.openTimers, queue.acceptedCount]).toEqual([["stop", "stop"], 0, 6]);
      drain();
      expect(sent()).toEqual(["a", "b", "c", "d", "e", "f"]);
    });

    it("ends the wait of a send() that reached the mark, and still sends its message", async () => {
      void fillToHighWaterMark();
      drain();
      const options = { timeout: 50 };
      const large = queue.send("x".repeat(100), options);
      clock.advance(50);
      const error = await stateOf(large);
      expect(error).toBeInstanceOf(TimeoutError);
      expect(reported).toEqual(["drain", error]);
      drain();
      expect(sent().at(-1)).toBe("x".repeat(100));
    });

    it("has no effect on a message that was framed during the call", async () => {
      void fillToHighWaterMark();
      drain();
      const controller = new AbortController();
      const options = { timeout: 50, signal: controller.signal };
      const one = queue.send(small("d"), options);
      expect(counting.openTimers).toBe(0);
      controller.abort();
      expect(await stateOf(one)).toBe("done");
    });

    it("before the call refuses and reports the message", async () => {
      const signal = AbortSignal.abort("stop");
      expect(await stateOf(queue.send(small("a"), { signal }))).toBe("stop");
      expect([reported, end.connection.framedCount, queue.acceptedCount]).toEqual([["stop"], 0, 0]);
    });
  });

  describe("flush", () => {
    it("resolves immediately if everything is written", async () => {
      expect(await stateOf(queue.flush(undefined))).toBe("done");
      void queue.send("a", undefined);
      drain();
      expect(await stateOf(queue.flush(undefined))).toBe("done");
    });

    it("waits for messages framed before the call, not for later ones", async () => {
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

    it("waits for messages that are not framed yet", async () => {
      void fillToHighWaterMark();
      void queue.send(small("d"), undefined);
      const flush = queue.flush(undefined);
      void queue.send(small("e"), undefined);
      progress();
      expect(await stateOf(flush)).toBe("waits");
      progress();
      expect(await stateOf(flush)).toBe("done");
    });

    it("still waits for the messages before a withdrawn one", async () => {
      const { message, resolveContent } = pending(10);
      const controller = new AbortController();
      void queue.send(message, undefined);
      void queue.send(small("b"), { signal: controller.signal });
      void queue.send(small("c"), { signal: controller.signal });
      const flush = queue.flush(undefined);
      controller.abort();
      expect(await stateOf(flush)).toBe("waits");
      await resolveContent(small("a"));
      expect(await stateOf(flush)).toBe("waits");
      drain();
      expect(await stateOf(flush)).toBe("done");
      expect(sent()).toEqual(["a"]);
    });

    it("waits only for framed messages after all others are withdrawn", async () => {
      void fillToHighWaterMark();
      const controller = new AbortController();
      void queue.send(small("d"), { signal: controller.signal });
      const flush = queue.flush(undefined);
      controller.abort();
      expect(await stateOf(flush)).toBe("waits");
      progress();
      expect(await stateOf(flush)).toBe("done");
    });

    it("settles in call order", async () => {
      const order: string[] = [];
      void fillToHighWaterMark();
      void queue.flush(undefined).then(() => order.push("first"));
      void queue.send(small("d"), undefined);
      void queue.flush(undefined).then(() => order.push("second"));
      drain();
      await stateOf(Promise.resolve());
      expect(order).toEqual(["first", "second"]);
    });

    it("can be cancelled by timeout or signal", async () => {
      void fillToHighWaterMark();
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

  describe("the end of the connection", () => {
    it("rejects all pending calls once", async () => {
      void fillToHighWaterMark();
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
      expect([reported, queue.isEmpty, finish(gone)]).toEqual([[], true, []]);
    });

    it("rejects sends of framed messages that wait for the mark", async () => {
      const promises = fillToHighWaterMark();
      finish("gone");
      expect(await Promise.all(promises.map(stateOf))).toEqual(["done", "done", "gone"]);
    });

    it("is reported once for a Blob that fails later", async () => {
      const { message, fail } = pending(10);
      const sending = queue.send(message, undefined);
      finish("gone");
      await fail(new Error("file gone"));
      expect([await stateOf(sending), reported]).toEqual(["gone", []]);
    });
  });

  describe("a message with a token", () => {
    /** Sends three messages that are framed, the last of which waits, and two that are not framed. */
    function sendFive(): readonly Promise<void>[] {
      return ["a", "b", "c", "d", "e"].map((text) => queue.send(small(text), undefined, `token of ${text}`));
    }

    it("is returned with its token if it was not sent, framed or not", () => {
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

    it("is not returned if it was sent", () => {
      void sendFive();
      progress();
      expect(finish("gone")).toEqual(
        ["d", "e"].map((text) => ({ data: small(text), token: `token of ${text}` })),
      );
      expect(queue.acceptedCount).toBe(3);
    });

    it("is kept by its owner, so its promise resolves when the connection ends", async () => {
      const promises = sendFive();
      const without = queue.send(small("f"), undefined);
      finish("gone");
      const states = await Promise.all([...promises, without].map(stateOf));
      expect(states).toEqual(["done", "done", "done", "done", "done", "gone"]);
    });

    it("is reported when it is withdrawn, unless it is framed", () => {
      void fillToHighWaterMark();
      const controller = new AbortController();
      const { signal } = controller;
      void queue.send(small("d"), { signal }, "token of d");
      void queue.send(small("e"), { signal });
      controller.abort("stop");
      expect([withdrawn, reported]).toEqual([["token of d"], ["stop", "stop"]]);
      drain();
      const late = new AbortController();
      void queue.send("x".repeat(100), { signal: late.signal }, "token of x");
      late.abort("stop");
      expect(withdrawn).toEqual(["token of d"]);
    });

    it.each([
      ["because too many bytes wait", {}],
      ["because its signal is aborted", { signal: AbortSignal.abort("stop") }],
    ])("is reported when it is refused %s", async (_why, options) => {
      void queue.send("x".repeat(1_000), undefined);
      const refused = await stateOf(queue.send(small("a"), options, "token"));
      expect([withdrawn, reported]).toEqual([["token"], [refused]]);
    });

    it("is also returned if it was sent by trySend()", () => {
      expect(queue.trySend(small("a"), undefined, 1)).toBe(true);
      void fillToHighWaterMark();
      expect(queue.trySend(small("b"), undefined, 2)).toBe(false);
      expect(finish("gone").filter(({ token }) => token !== undefined)).toEqual([
        { data: small("a"), token: 1 },
        { data: small("b"), token: 2 },
      ]);
    });
  });

  describe("sendAccepted()", () => {
    it("never refuses a message, and keeps the order", () => {
      queue.sendAccepted("x".repeat(1_000), undefined, "token");
      queue.sendAccepted(small("second"), undefined, "token");
      expect(queue.trySend(small("refused"), undefined)).toBeUndefined();
      queue.sendAccepted(small("third"), undefined, undefined);
      expect([queue.acceptedCount, reported]).toEqual([3, []]);
      drain();
      expect(sent()).toEqual(["x".repeat(1_000), "second", "third"]);
    });
  });

  describe("resolveWaits()", () => {
    it("resolves all pending calls when the messages move to another connection", async () => {
      const sends = [...fillToHighWaterMark(), queue.send(small("d"), undefined)];
      const flushes = [queue.flush(undefined)];
      const { framedCount } = end.connection;
      expect(dataOf(queue.takeUnsent(end.connection.takeBack(), framedCount))).toEqual(
        ["a", "b", "c", "d"].map(small),
      );
      queue.resolveWaits();
      expect(await Promise.all([...sends, ...flushes].map(stateOf))).toEqual(Array(5).fill("done"));
      expect([queue.isEmpty, queue.acceptedCount, queue.bufferedAmount]).toEqual([true, 0, 0]);
      progress();
      expect([sent(), reported]).toEqual([[], []]);
    });
  });

  describe("a sample", () => {
    it("is the time from send() to the kernel, for one message in 16", () => {
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

    it("does not exist for a message that was taken back", () => {
      void queue.send(small("a"), undefined);
      finish("gone");
      queue.pump();
      expect(samples).toEqual([]);
    });
  });

  it("frames nothing more once the protocol is closing", async () => {
    const { message, resolveContent } = pending(10);
    void queue.send(message, undefined);
    end.connection.close(1000);
    await resolveContent(small("a"));
    drain();
    expect(dataOf(finish("gone"))).toEqual([small("a")]);
  });

  it("does not grow the stack with the number of waiting messages", () => {
    const deep: SendQueue = new SendQueue(
      end.connection,
      clock,
      { highWaterMark: 1_000, lowWaterMark: 1, maxBufferedAmount: 1e9 },
      {
        // A kernel that accepts everything immediately and reports progress.
        wake: () => {
          if (!isOpen) return;
          end.drain();
          deep.pump();
        },
        flush: () => undefined,
      },
      {
        onDrain: () => reported.push("drain"),
        onWithdrawn: () => undefined,
        onSampled: () => undefined,
      },
      { onRefused: (error) => reported.push(error) },
    );
    let isOpen = false;
    for (let count = 0; count < 5_000; count++) deep.trySend("x".repeat(1_000), undefined);
    const flush = deep.flush(undefined);
    isOpen = true;
    end.drain();
    deep.pump();
    expect([end.connection.writtenCount, deep.bufferedAmount, reported]).toEqual([5_000, 0, ["drain"]]);
    return flush;
  });
});
