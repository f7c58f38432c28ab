import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Dispatcher } from "../../../src/client/receiving/dispatcher.js";
import { InboundPipeline } from "../../../src/client/receiving/inbound-pipeline.js";
import { JetSocketError } from "../../../src/errors.js";
import type { EventMap } from "../../../src/events/event-map.js";
import type { SetupConnection, WebSocketOptions } from "../../../src/options/options.js";
import { resolveOptions } from "../../../src/options/resolve-options.js";
import { EmitterScene } from "../../support/emitter-scene.js";
import { never } from "../../support/never.js";

type Replay = NonNullable<WebSocketOptions<string, string>["replay"]>;

/** A pipeline with a real dispatcher. Texts such as `5` are numbered messages, others have no number. */
class Scene extends EmitterScene {
  readonly dispatcher: Dispatcher;
  readonly statistics = { messagesReceived: 0, payloadBytesReceived: 0 };
  readonly pipeline: InboundPipeline;
  readonly connection = { url: "ws://feed.test/" } as SetupConnection<string, string>;
  isSettled = false;
  hasLeftover = false;

  constructor(replay?: Partial<Replay>, { isInspected = false, capacity = 100, maxBytes = 10_000 } = {}) {
    super();
    const { runtime } = this.counting;
    const { emitter } = this;
    const sequence = (message: string): number | undefined =>
      /^\d+$/.test(message) ? Number(message) : undefined;
    const resolved = resolveOptions<string, string>(
      { replay: replay === undefined ? undefined : { sequence, ...replay }, buffer: { capacity, maxBytes } },
      runtime,
    );
    const onDropped = ({ message, cause }: EventMap<string>["dropped"]): void =>
      void this.log.push(`dropped ${String(message)} ${cause}`);
    this.dispatcher = new Dispatcher(
      runtime,
      emitter,
      {
        deserializer: (data) => {
          if (data === "bad") throw new Error("no good");
          return data.toString();
        },
        buffer: resolved.buffer,
      },
      {
        onPaused: () => this.log.push("paused"),
        ...{ onResumed: () => undefined, onInboxFull: () => undefined, onConsumed: () => undefined },
        ...{ onDropped, onIdleWait: () => undefined, onError: () => undefined },
        onUndecodable: (message) => this.log.push(`undecodable ${message.toString()}`),
        hasLeftover: true,
      },
    );
    const isSettled = (): boolean => this.isSettled;
    this.pipeline = new InboundPipeline(
      {
        ...{ runtime, replay: resolved.replay, emitter, dispatcher: this.dispatcher, isInspected, maxBytes },
        statistics: this.statistics,
      },
      {
        connectionOf: (number) => (number === 1 ? this.connection : undefined),
        onDecoded: (message, at, number) => {
          this.log.push(`decoded ${String(message)} at ${at} on ${number}`);
          return message === "pong";
        },
        onError: (error) => this.errors.push(error),
        onFunctionError: (what, thrown) => this.errors.push(`${what} threw ${String(thrown)}`),
        get isSettled() {
          return isSettled();
        },
        onDropped,
      },
    );
    this.record("gap", ({ stream, expected, received }) => `gap ${stream} ${expected} ${received}`);
    this.record("recovered", ({ stream, count }) => `recovered ${stream} ${count}`);
    this.record("reset", ({ stream }) => `reset ${stream}`);
  }

  /** Begins an overlap. Connection 2 is the newer connection. */
  beginOverlap(maxWaiting = 10): this {
    this.pipeline.beginOverlap(2, maxWaiting, {
      onCaughtUp: () => this.log.push("caught up"),
      onFull: () => this.log.push("overlap full"),
    });
    return this;
  }

  /** Adds a `message` listener. */
  listen(): this {
    this.record("message", ({ data }) => String(data));
    return this;
  }

  receive(connection: number, ...texts: readonly string[]): this {
    for (const text of texts) this.pipeline.receive(connection, text, text.length, this.clock.now());
    return this;
  }

  /** Lets promises settle and due timers fire. */
  async pass(ms = 0): Promise<void> {
    await this.clock.advanceAsync(ms);
  }
}

let scene: Scene;

function create(...given: ConstructorParameters<typeof Scene>): Scene {
  scene = new Scene(...given);
  return scene;
}

beforeEach(() => void create());

afterEach(() => {
  scene.pipeline.stop();
  scene.dispatcher.finish({ iteratorError: undefined, recvError: undefined }, true);
  scene.counting.assertIdle();
});

describe("without the option `replay`", () => {
  it("delivers messages in the order of arrival, and keeps no positions", () => {
    scene.listen().receive(1, "5", "5", "1");
    const { pipeline } = scene;
    expect(scene.log).toEqual(["5", "5", "1"]);
    expect([pipeline.cursors, pipeline.counts.duplicateCount, pipeline.heldCount]).toEqual([{}, 0, 0]);
  });

  it("does nothing when a connection opens or ends, or an overlap ends that did not begin", () => {
    const { pipeline } = scene;
    pipeline.onConnection(1);
    pipeline.onConnectionEnd(1);
    pipeline.cancelOverlap();
    expect([pipeline.endOverlap(), scene.log]).toEqual([0, []]);
    pipeline.finish();
  });
});

describe("isLending", () => {
  const borrow = (): void => scene.dispatcher.listeners.addBorrowed(() => undefined);

  it("is true if all consumers accept a view", () => {
    expect(scene.pipeline.isLending).toBe(false);
    borrow();
    expect(scene.pipeline.isLending).toBe(true);
    scene.listen();
    expect(scene.pipeline.isLending).toBe(false);
  });

  it.each([
    ["messages are inspected", undefined, true],
    ["the option `replay` is set", {}, false],
  ])("is false if %s", (_, replay, isInspected) => {
    create(replay, { isInspected });
    borrow();
    expect(scene.pipeline.isLending).toBe(false);
  });

  it("is false during an overlap", () => {
    borrow();
    scene.beginOverlap();
    expect(scene.pipeline.isLending).toBe(false);
    scene.pipeline.endOverlap();
    expect(scene.pipeline.isLending).toBe(true);
  });
});

describe("inspection", () => {
  it("passes each decoded message with its time and connection before it is delivered", () => {
    create(undefined, { isInspected: true }).listen();
    scene.clock.advance(7);
    scene.receive(3, "a");
    expect(scene.log).toEqual(["decoded a at 7 on 3", "a"]);
  });

  it.each([undefined, {}])("does not deliver a message that answers a ping: replay %o", (replay) => {
    create(replay, { isInspected: true }).listen().receive(1, "pong", "a");
    expect(scene.log).toEqual(["decoded pong at 0 on 1", "decoded a at 0 on 1", "a"]);
  });

  it("applies the option `replay` to the other messages", () => {
    create({ onReplay: () => never<string[]>() }, { isInspected: true }).listen();
    scene.pipeline.onConnection(1);
    scene.receive(1, "1", "1", "3");
    expect(scene.log.filter((line) => !line.startsWith("decoded"))).toEqual(["1", "gap default 2 3"]);
    expect([scene.pipeline.counts.duplicateCount, scene.pipeline.heldCount]).toEqual([1, 1]);
  });
});

describe("a message that cannot be decoded", () => {
  it.each([
    ["inspection", undefined, true],
    ["the option `replay`", {}, false],
  ])("is reported and emitted to rawMessage listeners only, with %s", (_, replay, isInspected) => {
    create(replay, { isInspected }).listen();
    scene.emitter.add("rawMessage", ({ data }) => void scene.log.push(`raw ${data.toString()}`), false);
    scene.receive(1, "bad");
    expect(scene.log).toEqual(["undecodable bad", "raw bad"]);
  });
});

describe("the option `replay`", () => {
  it("removes duplicates and reports gaps, and counts both", () => {
    create({}).listen().receive(1, "1", "2", "2", "x", "5");
    expect(scene.log).toEqual(["1", "2", "x", "gap default 3 5", "5"]);
    expect([scene.pipeline.counts.duplicateCount, scene.pipeline.counts.gapCount]).toEqual([1, 1]);
  });

  it("returns the cursors before the messages that wait in the inbox", () => {
    create({}).receive(1, "1", "2");
    expect(scene.pipeline.cursors).not.toEqual({});
    const waiting = scene.pipeline.cursors;
    void scene.dispatcher.recv(undefined);
    expect(scene.pipeline.cursors).not.toEqual(waiting);
  });

  it("throws a TypeError for an invalid cursor", () => {
    expect(() => create({ cursors: { default: { sequence: 1.5 } } })).toThrow(TypeError);
    create();
  });
});

describe("onReplay", () => {
  type OnReplay = NonNullable<Replay["onReplay"]>;

  /** Creates a gap before message 4, and lets the timer fire that requests the missing messages. */
  async function gap(onReplay: OnReplay, more: Partial<Replay> = {}): Promise<void> {
    create({ onReplay, recoveryTimeout: 1_000, ...more }).listen();
    scene.pipeline.onConnection(1);
    scene.receive(1, "1", "4");
    expect([scene.log, scene.pipeline.heldCount]).toEqual([["1", "gap default 2 4"], 1]);
    scene.log.length = 0;
    await scene.pass(1);
  }

  it("receives the cursors and the connection, and its messages are delivered before the buffered ones", async () => {
    const given: unknown[] = [];
    await gap((...args) => {
      given.push(...args);
      return ["2", "3"];
    });
    expect(given).toEqual([
      { default: expect.objectContaining({ sequence: 1 }) as unknown },
      scene.connection,
    ]);
    expect(scene.log).toEqual(["2", "3", "recovered default 2", "4"]);
    expect([scene.pipeline.counts.recoveredCount, scene.pipeline.counts.resetCount]).toEqual([2, 0]);
  });

  it("is called again if it returned only a part of the missing messages", async () => {
    const parts = [["2"], ["3"]];
    await gap(() => parts.shift()!);
    expect(scene.log).toEqual(["2"]);
    await scene.pass(1);
    expect(scene.log).toEqual(["2", "3", "recovered default 2", "4"]);
  });

  it("may return undefined: the missing messages then arrive on the connection", async () => {
    await gap(() => undefined);
    expect(scene.log).toEqual([]);
    scene.receive(1, "2", "3");
    expect(scene.log).toEqual(["2", "3", "recovered default 2", "4"]);
  });

  it("delays the buffered messages for at most recoveryTimeout, and the timer does not keep the process running", async () => {
    await gap(() => never<string[]>());
    expect([scene.counting.openTimers, scene.clock.isHeld]).toEqual([1, false]);
    await scene.pass(998);
    expect(scene.log).toEqual([]);
    await scene.pass(1);
    expect(scene.log).toEqual(["reset default", "4"]);
    expect([scene.pipeline.counts.resetCount, scene.counting.openTimers]).toEqual([1, 0]);
  });

  it.each([
    ["a number", 7],
    ["a string", "2"],
    ["an object", { length: 2 }],
    ["a function", (): undefined => undefined],
    ["null", null],
  ])("is an error if it returns %s, and the stream continues", async (_, result) => {
    await gap(() => result as never);
    expect(scene.log).toEqual(["reset default", "4"]);
    expect(scene.errors).toEqual([expect.any(JetSocketError)]);
    expect(scene.errors[0]).toMatchObject({
      code: "REPLAY_FUNCTION_FAILED",
      message: "replay.onReplay must return an array or an async iterable of messages, or undefined.",
    });
  });

  it("that throws is reported as a fault of a function", async () => {
    await gap(() => Promise.reject<string[]>(new Error("no history")));
    expect(scene.errors).toEqual(["A function of the option replay threw Error: no history"]);
  });

  it("that rejects with a JetSocketError is reported as this error, because a call on its connection failed", async () => {
    const error = new JetSocketError("closed", { code: "REPLAY_FUNCTION_FAILED" });
    await gap(() => Promise.reject<string[]>(error));
    expect(scene.errors).toEqual([error]);
  });

  it("returns an async iterable: it is read only while reading is not paused", async () => {
    let yielded = 0;
    create({ onReplay: () => history(), recoveryTimeout: 1_000 }, { capacity: 2 });
    async function* history(): AsyncGenerator<string> {
      for (const text of ["2", "3", "4", "5"]) {
        yielded++;
        yield await Promise.resolve(text);
      }
    }
    scene.pipeline.onConnection(1);
    void scene.dispatcher.recv(undefined);
    scene.receive(1, "1", "6");
    await scene.pass(1);
    expect([yielded, scene.dispatcher.isPaused]).toEqual([2, true]);
    for (const _ of [1, 2]) void scene.dispatcher.recv(undefined);
    await scene.pass();
    expect(yielded).toBe(4);
  });

  it("returns an array: it is delivered completely, although reading is paused", async () => {
    create({ onReplay: () => ["2", "3", "4", "5"], recoveryTimeout: 1_000 }, { capacity: 2 });
    scene.pipeline.onConnection(1);
    void scene.dispatcher.recv(undefined);
    scene.receive(1, "1", "6");
    await scene.pass(1);
    expect([scene.dispatcher.isPaused, scene.dispatcher.waitingCount]).toEqual([true, 5]);
  });
});

describe("an overlap without the option `replay`", () => {
  it("delivers the messages of the new connection after those of the old one, each once", () => {
    scene.listen().beginOverlap();
    scene.receive(2, "new 1").receive(1, "old 1").receive(2, "new 2").receive(1, "old 1");
    expect([scene.log, scene.pipeline.heldCount]).toEqual([["old 1", "old 1"], 2]);
    expect(scene.pipeline.endOverlap()).toBe(0);
    scene.receive(2, "new 3");
    expect(scene.log.slice(2)).toEqual(["new 1", "new 2", "new 3"]);
  });

  it("delivers the messages of a new connection that has ended, and the old one continues", () => {
    scene.listen().beginOverlap();
    scene.receive(2, "new").receive(1, "old");
    scene.pipeline.cancelOverlap();
    scene.receive(1, "later");
    expect([scene.log, scene.pipeline.heldCount]).toEqual([["old", "new", "later"], 0]);
  });

  it("reports once that its buffer is full: at maxWaiting messages", () => {
    scene.beginOverlap(3);
    scene.receive(2, "a", "b");
    expect(scene.log).toEqual([]);
    scene.receive(2, "c", "d");
    expect(scene.log).toEqual(["overlap full"]);
  });

  it("reports that its buffer is full at maxBytes", () => {
    create(undefined, { maxBytes: 10 }).beginOverlap(100);
    scene.receive(2, "12345");
    expect(scene.log).toEqual([]);
    scene.receive(2, "12345");
    expect(scene.log).toEqual(["overlap full"]);
  });
});

it("an overlap with the option `replay` reports when the old connection has caught up, and counts duplicates", () => {
  create({}).listen().receive(1, "1", "2");
  scene.beginOverlap();
  scene.receive(2, "4");
  expect(scene.log).toEqual(["1", "2"]);
  scene.receive(1, "3");
  expect(scene.log).toEqual(["1", "2", "3", "caught up"]);
  scene.receive(1, "4");
  expect(scene.pipeline.endOverlap()).toBe(1);
  expect(scene.log.slice(4)).toEqual(["4"]);
});

describe("the end of the client", () => {
  function hold(): void {
    create({ onReplay: () => never<string[]>() }).listen();
    scene.pipeline.onConnection(1);
    scene.receive(1, "1", "4");
    scene.log.length = 0;
  }

  it("delivers the buffered messages, and no timer is left", () => {
    hold();
    scene.pipeline.finish();
    expect([scene.log, scene.pipeline.heldCount, scene.counting.openTimers]).toEqual([
      ["reset default", "4"],
      0,
      0,
    ]);
  });

  it("stops the timer before the messages are delivered", () => {
    hold();
    scene.pipeline.stop();
    expect([scene.counting.openTimers, scene.pipeline.heldCount]).toEqual([0, 1]);
  });

  it("drops the buffered messages if `closed` was emitted, and emits no event after it", () => {
    hold();
    scene.isSettled = true;
    scene.pipeline.finish();
    expect([scene.log, scene.pipeline.counts.resetCount]).toEqual([["dropped 4 closed"], 1]);
  });

  it("drops the buffered messages after a listener of `reset` has ended the client", () => {
    hold();
    scene.emitter.add("reset", () => void (scene.isSettled = true), false);
    scene.pipeline.finish();
    expect(scene.log).toEqual(["reset default", "dropped 4 closed"]);
  });

  it("sets no timer for a gap that is found while the end is pending", () => {
    create({ onReplay: () => never<string[]>() });
    scene.pipeline.onConnection(1);
    scene.receive(1, "1");
    scene.dispatcher.finish({ iteratorError: undefined, recvError: undefined }, false);
    scene.receive(1, "4");
    expect([scene.pipeline.heldCount, scene.counting.openTimers]).toEqual([1, 0]);
  });

  it("delivers messages to readers while the end is pending, without events and timers", () => {
    hold();
    scene.isSettled = true;
    scene.dispatcher.finish({ iteratorError: undefined, recvError: undefined }, false);
    expect(scene.dispatcher.isEndPending).toBe(true);
    scene.receive(1, "5");
    scene.pipeline.finish();
    expect([scene.log, scene.counting.openTimers]).toEqual([["4", "5"], 0]);
  });
});
