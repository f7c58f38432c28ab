import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ownPing } from "../../../src/client/sending/outbox-message.js";
import { Sender, type SenderHandler, type SendResult } from "../../../src/client/sending/sender.js";
import type { LiveConnection } from "../../../src/connection/live-connection.js";
import type { UnsentMessage } from "../../../src/connection/message-tokens.js";
import { PendingMessage, type Sendable } from "../../../src/connection/pending-message.js";
import type { MessageOptions } from "../../../src/connection/send-queue.js";
import { BufferOverflowError, InvalidStateError, TimeoutError } from "../../../src/errors.js";
import type { ResolvedOptions } from "../../../src/options/resolve-options.js";
import { createCountingRuntime, type CountingRuntime } from "../../support/counting-runtime.js";
import { turns } from "../../support/dialling.js";
import { VirtualRuntime } from "../../support/virtual-runtime.js";

type AnyOutbox = NonNullable<ResolvedOptions["outbox"]>;
type OutboxOption = NonNullable<ResolvedOptions<string, string>["outbox"]>;

const defaultOutbox: OutboxOption = {
  ...{ capacity: 10, maxBytes: 1_000, ttl: undefined, overflow: "error", perSecond: undefined },
  ...{ keyOf: undefined, idOf: undefined, acknowledges: undefined },
};

/** Rejects the flushes that a test leaves pending; has no effect on settled ones. */
const pendingFlushes: ((error: Error) => void)[] = [];

afterEach(() => {
  for (const reject of pendingFlushes.splice(0)) reject(new Error("the test has ended"));
});

/** A connection that records what it accepts. The test sets its load, and settles its flushes. */
class Connection {
  readonly accepted: UnsentMessage[] = [];
  readonly options: (MessageOptions | undefined)[] = [];
  readonly flushes: (() => void)[] = [];
  isClosing = false;
  sendLoad = 0;
  bufferedAmount = 0;
  isFull = false;
  /** The result of `trySend()`. */
  result: boolean | undefined = true;
  /** Called for each message before it is accepted. */
  onSend: () => void = () => undefined;

  readonly queue = this;

  get live(): LiveConnection {
    return this as unknown as LiveConnection;
  }

  get texts(): unknown[] {
    return this.accepted.map(({ data }) => data);
  }

  isFullFor(): boolean {
    return this.isFull;
  }

  #accept(data: Sendable, options: MessageOptions | undefined, token: unknown): void {
    this.onSend();
    this.accepted.push({ data, token });
    this.options.push(options);
  }

  send(data: Sendable, options: MessageOptions | undefined, token?: unknown): Promise<void> {
    this.#accept(data, options, token);
    return Promise.resolve();
  }

  trySend(data: Sendable, options: MessageOptions | undefined, token?: unknown): boolean | undefined {
    this.#accept(data, options, token);
    return this.result;
  }

  sendAccepted(data: Sendable, options: MessageOptions | undefined, token: unknown): void {
    this.#accept(data, options, token);
  }

  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.flushes.push(resolve);
      pendingFlushes.push(reject);
    });
  }
}

const highWaterMark = 100;
const maxBufferedAmount = 400;

/** A sender with a handler that records its calls. */
class Scene implements SenderHandler {
  readonly clock = new VirtualRuntime();
  readonly counting: CountingRuntime = createCountingRuntime(this.clock);
  readonly log: unknown[] = [];
  readonly sender: Sender;
  readonly state = "backingOff";
  isAccepting = true;
  onUnsentCall: (message: unknown) => void = () => undefined;

  constructor(outbox: Partial<OutboxOption> | undefined) {
    const resolved = outbox === undefined ? undefined : ({ ...defaultOutbox, ...outbox } as AnyOutbox);
    this.sender = new Sender(
      this.counting.runtime,
      { outbox: resolved, highWaterMark, maxBufferedAmount },
      this,
    );
  }

  onError(error: unknown): void {
    this.log.push(error);
  }

  async onRefused(
    { error, promise }: Parameters<SenderHandler["onRefused"]>[0],
    isAborted: boolean,
  ): Promise<never> {
    this.log.push(["refused", error, isAborted]);
    return promise;
  }

  onUnsent(message: unknown, cause: string): void {
    this.log.push(`${message instanceof Blob ? "Blob" : String(message)} ${cause}`);
    this.onUnsentCall(message);
  }

  onDrain(): void {
    this.log.push("drain");
  }

  stateError(operation: string): InvalidStateError {
    return new InvalidStateError(`${operation} is not possible`, this.state);
  }

  attach(connection = new Connection()): Connection {
    this.sender.attach(connection.live);
    return connection;
  }

  /** Calls `send()` and records how the promise settles. */
  send(data: Sendable, options?: MessageOptions): { result: unknown } {
    const call: { result: unknown } = { result: "pending" };
    this.sender.send("send", data, data, options).then(
      () => (call.result = "resolved"),
      (error: unknown) => (call.result = error),
    );
    return call;
  }

  trySend(data: Sendable, options?: MessageOptions): SendResult {
    return this.sender.trySend(data, data, options);
  }
}

let scene: Scene;
let first: Connection;

describe("without an outbox", () => {
  beforeEach(() => {
    scene = new Scene(undefined);
  });

  it("passes messages to the connection without a token", async () => {
    first = scene.attach();
    const options = { compress: true };
    const call = scene.send("a", options);
    expect(scene.trySend("b", options)).toBe("sent");
    await turns(1);
    expect(call.result).toBe("resolved");
    expect(first.accepted).toEqual([
      { data: "a", token: undefined },
      { data: "b", token: undefined },
    ]);
    expect(first.options).toEqual([options, options]);
  });

  it.each([
    [true, "sent"],
    [false, "queued"],
    [undefined, "dropped"],
  ] as const)("trySend() translates the answer %o of the connection to %j", (answer, expected) => {
    first = scene.attach();
    first.result = answer;
    expect(scene.trySend("a")).toBe(expected);
  });

  it("refuses messages while there is no connection", async () => {
    const call = scene.send("a");
    expect(scene.trySend("b")).toBe("dropped");
    await turns(1);
    expect(call.result).toBeInstanceOf(InvalidStateError);
    expect(scene.log).toEqual([["refused", call.result, false]]);
  });

  it("does not use a connection that is closing", () => {
    first = new Connection();
    first.isClosing = true;
    scene.attach(first);
    expect([scene.trySend("a"), first.texts]).toEqual(["dropped", []]);
  });

  it("reports the unsent messages of a lost connection, but not its application pings", () => {
    first = scene.attach();
    const blob = new Blob([]);
    const pending = new PendingMessage(blob, 1, () => Promise.resolve(""));
    const unsent = [
      { data: "a", token: undefined },
      { data: "ping", token: ownPing },
      { data: pending, token: undefined },
    ];
    scene.sender.lost(unsent, new Error("lost"), false);
    expect(scene.log).toEqual(["a unsent", "Blob unsent"]);
    expect(scene.trySend("b")).toBe("dropped");
  });

  it("refuses flush() without a connection, and does not report this", async () => {
    await expect(scene.sender.flush(undefined)).rejects.toThrow("flush is not possible");
    expect(scene.log).toEqual([]);
  });
});

describe("with an outbox", () => {
  beforeEach(() => {
    scene = new Scene({});
  });

  it("stores messages, and sends them in their order, with their option compress, before newer ones", async () => {
    const call = scene.send("a", { compress: false });
    expect([scene.trySend("b"), scene.sender.keptCount, scene.sender.keptBytes]).toEqual(["queued", 2, 2]);
    first = scene.attach();
    scene.send("c");
    await turns(1);
    expect([first.texts, call.result]).toEqual([["a", "b", "c"], "resolved"]);
    expect(first.options).toEqual([{ compress: false }, undefined, undefined]);
    expect([scene.sender.keptCount, scene.sender.keptBytes]).toEqual([0, 0]);
  });

  it("refuses a message for which it is full, reports the error once, and drops it in trySend()", async () => {
    scene = new Scene({ capacity: 1 });
    scene.send("a");
    const call = scene.send("b");
    expect(scene.trySend("c")).toBe("dropped");
    await turns(1);
    expect(call.result).toBeInstanceOf(BufferOverflowError);
    expect(scene.log).toEqual([call.result]);
  });

  it("refuses a call whose signal is already aborted, and stores nothing", async () => {
    const call = scene.send("a", { signal: AbortSignal.abort("stop") });
    await turns(1);
    expect([call.result, scene.log, scene.sender.keptCount]).toEqual([
      "stop",
      [["refused", "stop", true]],
      0,
    ]);
  });

  it("writes waiting messages up to the high-water mark, and continues after drain", () => {
    for (const text of ["a", "b", "c"]) scene.send(text);
    first = new Connection();
    first.onSend = () => (first.sendLoad += highWaterMark / 2);
    scene.attach(first);
    expect(first.texts).toEqual(["a", "b"]);
    scene.sender.pump();
    expect(first.texts).toEqual(["a", "b"]);
    first.sendLoad = highWaterMark - 1;
    scene.sender.onDrain();
    expect(first.texts).toEqual(["a", "b", "c"]);
  });

  it("keeps the order if the connection drains while waiting messages are written", () => {
    for (const text of ["a", "b", "c"]) scene.send(text);
    first = new Connection();
    first.onSend = () => scene.sender.onDrain();
    scene.attach(first);
    expect(first.texts).toEqual(["a", "b", "c"]);
  });

  it("queues a new message while older ones wait", () => {
    scene.send("a");
    first = new Connection();
    first.sendLoad = highWaterMark;
    scene.attach(first);
    expect([scene.trySend("b"), first.texts]).toEqual(["queued", []]);
  });

  it("passes a message to a full connection without a token, so that the connection refuses it", () => {
    first = scene.attach();
    first.isFull = true;
    scene.send("a");
    expect(first.accepted).toEqual([{ data: "a", token: undefined }]);
  });

  it("sends the returned messages of a lost connection first, with the bytes of the call", () => {
    first = scene.attach();
    scene.send(new Uint8Array([1]));
    scene.send("b");
    scene.sender.lost(
      [{ data: Buffer.from([1]), token: first.accepted[0]!.token }, first.accepted[1]!],
      "gone",
      false,
    );
    scene.send("c");
    expect(scene.sender.keptCount).toBe(3);
    expect(scene.attach().texts).toEqual([Buffer.from([1]), "b", "c"]);
    expect(scene.log).toEqual([]);
  });

  it("reports returned messages without an entry as dropped, after it stored the others", () => {
    first = scene.attach();
    scene.send("a");
    const kept: number[] = [];
    scene.onUnsentCall = () => kept.push(scene.sender.keptCount);
    scene.sender.lost([{ data: "other", token: {} }, ...first.accepted], "gone", false);
    expect([scene.log, kept]).toEqual([["other unsent"], [1]]);
  });

  it("stores messages after detach() until the next connection", () => {
    first = scene.attach();
    scene.sender.detach();
    expect([scene.trySend("a"), first.texts]).toEqual(["queued", []]);
    expect(scene.attach().texts).toEqual(["a"]);
  });

  it("reports a displaced message after the new one was stored", () => {
    scene = new Scene({ capacity: 1, overflow: "dropOldest" });
    scene.send("a");
    const kept: unknown[] = [];
    scene.onUnsentCall = (message) => {
      kept.push([message, scene.sender.keptCount]);
      if (message === "a") scene.send("c");
    };
    scene.send("b");
    expect(scene.log).toEqual(["a overflow", "b overflow"]);
    expect(kept).toEqual([
      ["a", 1],
      ["b", 1],
    ]);
    expect(scene.attach().texts).toEqual(["c"]);
  });

  it("reports all displaced messages before the end if a listener ends the client", () => {
    scene = new Scene({ maxBytes: 2, overflow: "dropOldest" });
    scene.send("a");
    scene.send("b");
    scene.onUnsentCall = (message) => {
      if (message !== "a") return;
      scene.sender.end("over");
      scene.log.push("ended");
    };
    scene.send("cc");
    expect(scene.log).toEqual(["a overflow", "b overflow", "cc closed", "ended"]);
  });

  it("expires messages while there is no connection, and leaves no timer", () => {
    scene = new Scene({ ttl: 50 });
    scene.send("a");
    scene.clock.advance(49);
    expect(scene.log).toEqual([]);
    scene.clock.advance(1);
    expect(scene.log).toEqual(["a expired"]);
    expect(scene.counting.openTimers).toBe(0);
  });

  it("counts the time to live of a returned message from its first send", () => {
    scene = new Scene({ ttl: 50 });
    first = scene.attach();
    scene.send("a");
    scene.clock.advance(30);
    scene.sender.lost(first.accepted, "gone", false);
    scene.clock.advance(20);
    expect(scene.log).toEqual(["a expired"]);
  });

  it("keeps the process alive for an expiry only without a connection and while it is referenced", () => {
    scene = new Scene({ ttl: 50 });
    scene.send("a");
    expect(scene.clock.isHeld).toBe(true);
    scene.sender.unref();
    expect(scene.clock.isHeld).toBe(false);
    scene.sender.ref();
    expect(scene.clock.isHeld).toBe(true);
    scene.sender.end("over");
    expect(scene.clock.isHeld).toBe(false);
  });

  it("sends perSecond messages at their pace, but all when the client closes", () => {
    scene = new Scene({ perSecond: 1 });
    for (const text of ["a", "b", "c", "d"]) scene.send(text);
    first = scene.attach();
    expect(first.texts).toEqual(["a"]);
    scene.clock.advance(1_000);
    expect(first.texts).toEqual(["a", "b"]);
    first.sendLoad = highWaterMark;
    scene.sender.beginClosing();
    expect(first.texts).toEqual(["a", "b", "c", "d"]);
  });

  it("writes no more than maxBufferedAmount when the client closes, and drops the rest at the end", () => {
    for (const text of ["a", "b"]) scene.send(text);
    first = new Connection();
    first.sendLoad = highWaterMark;
    first.onSend = () => (first.sendLoad = maxBufferedAmount);
    scene.attach(first);
    scene.sender.beginClosing();
    expect(first.texts).toEqual(["a"]);
    scene.sender.end("over");
    expect([scene.log, scene.sender.keptCount]).toEqual([["b closed"], 0]);
  });

  it("refuses a message if the client ends while its key is computed", async () => {
    const keyOf = (): string => {
      scene.isAccepting = false;
      return "key";
    };
    scene = new Scene({ overflow: "conflate", keyOf });
    const call = scene.send("a");
    await turns(1);
    expect(call.result).toBeInstanceOf(InvalidStateError);
    expect(scene.sender.keptCount).toBe(0);
    expect(scene.trySend("b")).toBe("dropped");
  });
});

describe("with acknowledgements", () => {
  const acknowledgement = { idOf: (sent: string) => sent, acknowledges: (received: string) => received };

  beforeEach(() => {
    scene = new Scene(acknowledgement);
    first = scene.attach();
  });

  it("removes the messages that a received message acknowledges", () => {
    scene.send("a");
    scene.send("b");
    scene.sender.received("a");
    expect(scene.sender.keptCount).toBe(1);
    scene.sender.lost([], "gone", false);
    expect(scene.attach().texts).toEqual(["b"]);
  });

  it("does not keep a message that the connection refused", () => {
    first.result = undefined;
    expect([scene.trySend("a"), scene.sender.keptCount]).toEqual(["dropped", 0]);
    first.result = false;
    expect([scene.trySend("b"), scene.sender.keptCount]).toEqual(["queued", 1]);
    scene.sender.onWithdrawn(first.accepted[1]!.token);
    expect(scene.sender.keptCount).toBe(0);
    scene.sender.onWithdrawn({});
    scene.sender.onWithdrawn(undefined);
  });

  it.each(["send", "trySend"] as const)(
    "reports a displaced message after %s() has written the new one",
    (method) => {
      scene = new Scene({ ...acknowledgement, capacity: 1, overflow: "dropOldest" });
      first = scene.attach();
      scene.send("a");
      const written: unknown[] = [];
      scene.onUnsentCall = () => written.push(...first.texts);
      scene[method]("b");
      expect([scene.log, written]).toEqual([["a overflow"], ["a", "b"]]);
    },
  );

  it("reports all displaced messages before the end if a listener ends the client and no message is left", () => {
    scene = new Scene({ ...acknowledgement, maxBytes: 2, overflow: "dropOldest" });
    first = scene.attach();
    scene.send("a");
    scene.send("b");
    scene.onUnsentCall = (message) => {
      if (message !== "a") return;
      scene.sender.received("cc");
      scene.sender.end("over");
      scene.log.push("ended");
    };
    scene.send("cc");
    expect(scene.log).toEqual(["a overflow", "b overflow", "ended"]);
  });

  it("does not keep a message for which the connection throws", () => {
    first.onSend = () => {
      throw new Error("thrown");
    };
    expect(() => scene.send("a")).toThrow("thrown");
    expect(() => scene.trySend("b")).toThrow("thrown");
    expect(scene.sender.keptCount).toBe(0);
  });
});

describe("a rotation without an outbox", () => {
  const large = "x".repeat(highWaterMark);

  beforeEach(() => {
    scene = new Scene(undefined);
    first = scene.attach();
    scene.sender.hold();
  });

  it("stores messages until they move to the new connection", async () => {
    const call = scene.send("a");
    expect([first.texts, scene.sender.keptCount]).toEqual([[], 1]);
    await turns(1);
    expect(call.result).toBe("resolved");
    const second = new Connection();
    scene.sender.move([{ data: "unsent", token: undefined }], second.live, false);
    expect([second.texts, scene.sender.keptCount, scene.log]).toEqual([["unsent", "a"], 0, []]);
    scene.send("b");
    expect(second.accepted.at(-1)).toEqual({ data: "b", token: undefined });
  });

  it("does not move application pings", () => {
    const second = new Connection();
    scene.sender.move([{ data: "ping", token: ownPing }], second.live, false);
    expect([second.texts, scene.log]).toEqual([[], []]);
  });

  it("sends the messages over the old connection if it is cancelled", () => {
    scene.send("a");
    scene.sender.resume(first.live);
    expect(first.texts).toEqual(["a"]);
    scene.send("b");
    expect(first.accepted.at(-1)).toEqual({ data: "b", token: undefined });
  });

  it("does not resume a connection that is closing", () => {
    scene.send("a");
    first.isClosing = true;
    scene.sender.resume(first.live);
    expect([first.texts, scene.sender.keptCount]).toEqual([[], 1]);
  });

  it("lets calls at the high-water mark wait until the messages have moved", async () => {
    const calls = [scene.send(large.slice(1)), scene.send("x"), scene.send("y")];
    await turns(1);
    expect(calls.map(({ result }) => result)).toEqual(["resolved", "pending", "pending"]);
    scene.sender.move([], new Connection().live, false);
    await turns(1);
    expect(calls.map(({ result }) => result)).toEqual(["resolved", "resolved", "resolved"]);
  });

  it("shares one promise between waiting calls without a signal and a timeout", async () => {
    scene.send(large);
    const send = (options?: MessageOptions): Promise<void> => scene.sender.send("send", "a", "a", options);
    const calls = [send(), send({ compress: true }), send({ timeout: 10 }), send({ timeout: 10 })];
    expect(new Set(calls).size).toBe(3);
    expect(calls[1]).toBe(calls[0]);
    scene.sender.move([], new Connection().live, false);
    await Promise.all(calls);
    scene.counting.assertIdle();
  });

  it("withdraws the message of a waiting call whose timeout has passed", async () => {
    scene.send(large);
    const call = scene.send("late", { timeout: 10 });
    scene.clock.advance(10);
    await turns(1);
    expect(call.result).toBeInstanceOf(TimeoutError);
    expect(scene.log).toEqual([call.result]);
    const second = new Connection();
    scene.sender.move([], second.live, false);
    expect(second.texts).toEqual([large]);
    scene.counting.assertIdle();
  });

  it("limits its messages together with the load of the old connection", async () => {
    first.sendLoad = maxBufferedAmount - 10;
    first.bufferedAmount = 7;
    expect([scene.trySend("12345"), scene.trySend("12345"), scene.trySend("1")]).toEqual([
      "queued",
      "queued",
      "dropped",
    ]);
    const call = scene.send("1");
    await turns(1);
    expect((call.result as Error).message).toMatch(
      /^A message was refused: .* 2 messages of 10 bytes .* 7 bytes .* maxBufferedAmount is 400/,
    );
    first.sendLoad--;
    expect(scene.trySend("1")).toBe("queued");
  });

  it("rejects waiting calls and drops the messages if the connection is lost", async () => {
    scene.send(large);
    const lost = new Error("lost");
    const call = scene.send("a");
    scene.sender.lost([{ data: "b", token: undefined }], lost, false);
    await turns(1);
    expect([call.result, scene.log]).toEqual([lost, ["b unsent", `${large} unsent`, "a unsent"]]);
    expect([scene.sender.keptCount, scene.trySend("c")]).toEqual([0, "dropped"]);
  });

  it("rejects waiting calls and drops the messages if the client ends", async () => {
    const flushing = scene.sender.flush(undefined).catch((error: unknown) => error);
    scene.send(large);
    const call = scene.send("a");
    scene.sender.end("over");
    await turns(1);
    expect([await flushing, call.result, scene.log]).toEqual([
      "over",
      "over",
      [`${large} closed`, "a closed"],
    ]);
  });
});

describe("drain after the loss of a connection above its high-water mark", () => {
  beforeEach(() => {
    scene = new Scene({});
    first = scene.attach();
    scene.sender.lost([], "gone", true);
  });

  it("is emitted once, when the next connection has written the returned messages", async () => {
    const second = scene.attach();
    expect([second.flushes.length, scene.log]).toEqual([1, []]);
    second.flushes[0]!();
    await turns(1);
    expect(scene.log).toEqual(["drain"]);
    scene.sender.lost([], "gone", false);
    expect(scene.attach().flushes).toEqual([]);
  });

  it("is not emitted twice if the next connection drains itself", async () => {
    const second = scene.attach();
    scene.sender.onDrain();
    second.flushes[0]!();
    await turns(1);
    expect(scene.log).toEqual([]);
  });

  it("is emitted for a later connection if the next one is lost too", async () => {
    const second = scene.attach();
    scene.sender.lost([], "gone", false);
    const third = scene.attach();
    second.flushes[0]!();
    await turns(1);
    expect(scene.log).toEqual([]);
    third.flushes[0]!();
    await turns(1);
    expect(scene.log).toEqual(["drain"]);
  });
});

describe("flush() with an outbox", () => {
  beforeEach(() => {
    scene = new Scene({});
  });

  it("resolves immediately if there is no connection and no message waits", async () => {
    await expect(scene.sender.flush(undefined)).resolves.toBeUndefined();
  });

  it("waits for a connection that is detached", async () => {
    first = scene.attach();
    scene.sender.detach();
    let isFlushed = false;
    void scene.sender.flush(undefined).then(() => (isFlushed = true));
    await turns(1);
    expect([isFlushed, first.flushes.length]).toEqual([false, 1]);
    first.flushes[0]!();
    await turns(1);
    expect(isFlushed).toBe(true);
  });

  it("waits for the next connection if messages were returned to the outbox", async () => {
    first = scene.attach();
    scene.send("a");
    let isFlushed = false;
    void scene.sender.flush(undefined).then(() => (isFlushed = true));
    scene.sender.lost(first.accepted, "gone", false);
    const second = scene.attach();
    first.flushes[0]!();
    await turns(1);
    expect([isFlushed, second.texts, second.flushes.length]).toEqual([false, ["a"], 1]);
    second.flushes[0]!();
    await turns(1);
    expect(isFlushed).toBe(true);
  });

  it("waits for the messages of the outbox, and then for the connection", async () => {
    scene.send("a");
    let isFlushed = false;
    void scene.sender.flush(undefined).then(() => (isFlushed = true));
    first = scene.attach();
    expect([first.texts, first.flushes.length]).toEqual([["a"], 1]);
    first.flushes[0]!();
    await turns(1);
    expect(isFlushed).toBe(true);
  });
});

it("refuses calls of one state and operation with an error whose stack begins at the caller", async () => {
  scene = new Scene(undefined);
  const error = (await scene.sender.refuseForState("ping").catch((reason: unknown) => reason)) as Error;
  expect(error).toMatchObject({ code: "INVALID_STATE", message: "ping is not possible" });
  expect(error.stack).not.toMatch(/refuseForState|stateError/);
});
