// Routing: which channel or request receives a message, and what is reported.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Channel, ChannelsOptions } from "../../src/channels/index.js";
import { catchWarnings, connectScene, numbersOf, outcome, type Scene, type Wire } from "./exchange.js";

let scene: Scene;
let unrouted: string[];
let errors: { readonly message: string; readonly code?: string; readonly cause?: unknown }[];

beforeEach(() => {
  unrouted = [];
  errors = [];
});

afterEach(async () => {
  scene.ws.terminate();
  await scene.exchange.pass(100_000);
  expect(scene.exchange.runtime.isHeld).toBe(false);
  await scene.exchange.server.close();
});

async function connect(feed: Partial<ChannelsOptions<Wire, Wire>> = {}, client: object = {}): Promise<Scene> {
  scene = await connectScene({ feed, client });
  scene.feed.on("unrouted", ({ cause, channel }) => unrouted.push(`${cause} ${channel}`));
  scene.feed.on("error", ({ error }) => errors.push(error));
  return scene;
}

describe("a message of no channel", () => {
  it("is reported with its cause, and counted", async () => {
    const { exchange, feed } = await connect();
    const a = feed.open("a");
    await exchange.pass();
    void a.close();
    const { wire } = exchange.peer;
    wire.send({ text: "news" });
    wire.send({ ch: "a", n: 1 });
    wire.send({ ch: "b", n: 1 });
    wire.send({ ack: "c" });
    await exchange.pass();
    expect(unrouted).toEqual(["noChannel undefined", "notOpen a", "notOpen b", "acknowledgement undefined"]);
    expect(feed.stats().unroutedCount).toBe(4);
  });

  it("does not disturb the listeners of the client, which receive all messages", async () => {
    const { exchange, feed, ws } = await connect();
    const seen: unknown[] = [];
    ws.on("message", ({ data }) => seen.push(data));
    feed.open("a");
    await exchange.pass();
    exchange.publish("a");
    await exchange.pass();
    expect(seen).toEqual([{ ack: "a" }, { ch: "a", n: 1 }]);
  });
});

describe("the buffer of a handle that nobody reads", () => {
  it("is limited in bytes by the size of the received messages", async () => {
    const { exchange, feed } = await connect();
    const slow = feed.open("a", { buffer: { maxBytes: 1_000_000 } });
    const other = feed.open("a");
    await exchange.pass();
    const text = "x".repeat(100_000);
    for (let n = 0; n < 50; n++) exchange.peer.wire.send({ ch: "a", n, text });
    await exchange.pass();
    expect([slow.bufferedCount, slow.droppedCount, unrouted]).toEqual([9, 41, []]);
    expect([other.bufferedCount, other.droppedCount]).toEqual([41, 9]);
  });
});

describe("a function that fails", () => {
  const broken = (): never => {
    throw new Error("broken");
  };

  it.each<[string, (message: Wire) => unknown]>([
    ["throws", ({ ch }) => (ch === "bad" ? broken() : ch)],
    ["returns a number", ({ ch }) => (ch === "bad" ? 5 : ch)],
    ["returns a promise", ({ ch }) => (ch === "bad" ? Promise.resolve("a") : ch)],
    ["returns an object", ({ ch }) => (ch === "bad" ? {} : ch)],
  ])("is reported and survived if channelOf %s", async (_, channelOf) => {
    const { exchange, feed } = await connect({ channelOf: channelOf as never });
    const numbers = numbersOf(feed.open("a"));
    await exchange.pass();
    exchange.publish("a");
    exchange.peer.wire.send({ ch: "bad", n: 1 });
    exchange.publish("a");
    await exchange.pass();
    expect([numbers, unrouted]).toEqual([[1, 2], ["noChannel undefined"]]);
    expect(errors).toMatchObject([
      { code: "CHANNEL_FUNCTION_FAILED", message: expect.stringContaining("channelOf") as string },
    ]);
  });

  it.each<[string, (message: Wire) => unknown]>([
    ["throws", ({ text }) => (text === "bad" ? broken() : undefined)],
    ["returns a number", ({ text }) => (text === "bad" ? 5 : undefined)],
    ["returns an empty object", ({ text }) => (text === "bad" ? {} : undefined)],
    ["returns names that are no texts", ({ text }) => (text === "bad" ? [1] : undefined)],
    ["returns an id that is no number", ({ text }) => (text === "bad" ? { id: "1" } : undefined)],
    ["returns a promise", ({ text }) => (text === "bad" ? Promise.resolve("a") : undefined)],
  ])("is reported once per message and survived if isAck %s", async (_, isAck) => {
    const { exchange, feed } = await connect({ isAck: isAck as never });
    const numbers = numbersOf(feed.open("a"));
    await exchange.pass();
    exchange.peer.wire.send({ text: "bad", ch: "a", n: 7 });
    await exchange.pass();
    expect(numbers).toEqual([7]);
    expect(errors).toMatchObject([
      { code: "CHANNEL_FUNCTION_FAILED", message: expect.stringContaining("isAck") as string },
    ]);
  });

  it.each<[string, Partial<Record<keyof ChannelsOptions<Wire, Wire>, unknown>>, number]>([
    ["channelOf", { channelOf: () => Promise.reject(new Error("broken")) }, 2],
    ["isAck", { isAck: () => Promise.reject(new Error("broken")) }, 2],
    ["subscribe", { subscribe: () => Promise.reject(new Error("broken")) }, 1],
    ["unsubscribe", { unsubscribe: () => Promise.reject(new Error("broken")) }, 1],
    ["keyOf", { buffer: { overflow: "conflate", keyOf: () => Promise.reject(new Error("broken")) } }, 2],
  ])(
    "is reported if %s returns a promise that rejects, and is no unhandled rejection",
    async (name, options, count) => {
      const { exchange, feed } = await connect(options as never);
      const a = feed.open("a");
      await exchange.pass();
      const { wire } = exchange.peer;
      for (const n of [1, 2]) wire.send({ ch: "a", n });
      await exchange.pass();
      void a.close();
      await exchange.pass(20_000);
      const named = errors.filter(({ message }) => message.includes(name));
      expect(named.length).toBeGreaterThanOrEqual(count);
      expect(named[0]).toMatchObject({
        code: "CHANNEL_FUNCTION_FAILED",
        cause: expect.any(TypeError) as unknown,
      });
    },
  );

  it("is reported if a listener throws or rejects, and the other listeners are called", async () => {
    const { exchange, feed } = await connect();
    const a = feed.open("a");
    a.on("message", broken);
    a.on("message", () => Promise.reject(new Error("later")));
    const numbers = numbersOf(a);
    feed.on("unrouted", broken);
    await exchange.pass();
    exchange.publish("a");
    exchange.peer.wire.send({ text: "news" });
    await exchange.pass();
    expect([numbers, errors.map(({ cause }) => (cause as Error).message).sort()]).toEqual([
      [1],
      ["broken", "broken", "later"],
    ]);
  });

  it("is one warning of the process without a listener of error, and each time if that listener fails", async () => {
    scene = await connectScene();
    const warnings = catchWarnings();
    const { exchange, feed } = scene;
    feed.open("a").on("message", broken);
    await exchange.pass();
    for (let n = 0; n < 3; n++) exchange.publish("a");
    await exchange.pass();
    expect(await warnings.taken()).toHaveLength(1);
    feed.on("error", broken);
    exchange.publish("a");
    await exchange.pass();
    expect((await warnings.taken()).map((warning) => (warning.cause as Error).message)).toEqual(["broken"]);
    feed.off("error", broken);
    let calls = 0;
    feed.on("error", async () => {
      // A loop that this test must be able to leave.
      if (++calls < 10) await Promise.reject(new Error("later"));
    });
    exchange.publish("a");
    await exchange.pass();
    expect((await warnings.taken()).map((warning) => (warning.cause as Error).message)).toEqual(["later"]);
    expect(calls).toBe(1);
    warnings.stop();
  });
});

describe("gaps", () => {
  it("are events of the channel that has the name of the stream", async () => {
    const { exchange, feed } = await connect(
      {},
      { replay: { sequence: ({ n }: Wire) => n, streamOf: ({ ch }: Wire) => ch } },
    );
    const story: string[] = [];
    for (const name of ["a", "b"]) {
      const channel = feed.open(name);
      channel.on("message", ({ data }) => story.push(`${name}${data.n}`));
      channel.on("gap", ({ stream, expected, received }) =>
        story.push(`gap ${name} ${stream} ${expected} ${received}`),
      );
      channel.on("reset", ({ stream }) => story.push(`reset ${name} ${stream}`));
    }
    await exchange.pass();
    const { wire } = exchange.peer;
    for (const n of [1, 2, 5]) wire.send({ ch: "a", n });
    for (const n of [10, 1]) wire.send({ ch: "b", n });
    await exchange.pass();
    expect(story).toEqual(["a1", "a2", "gap a a 3 5", "a5", "b10", "reset b b", "b1"]);
  });
});

describe("calls from inside listeners and functions", () => {
  it("close, open, request and close of the feed work in a message listener", async () => {
    const { exchange, feed } = await connect();
    const a = feed.open("a");
    const other = numbersOf(feed.open("a"));
    let b: ReturnType<typeof feed.open> | undefined;
    a.on("message", () => {
      void a.close();
      b = feed.open("b");
      feed.request({ id: 5 }, { timeout: 100 }).catch(() => undefined);
    });
    await exchange.pass();
    exchange.publish("a");
    exchange.publish("a");
    await exchange.pass(200);
    expect([other, b?.isReady, feed.stats().pendingRequests]).toEqual([[1, 2], true, 0]);
    b?.on("message", () => void feed.close());
    exchange.publish("b");
    exchange.publish("b");
    await exchange.pass();
    expect([feed.stats().channelCount, exchange.peer.subscribed.size, errors]).toEqual([0, 0, []]);
  });

  it("a channel that is closed and opened again by a listener of interrupted survives the refusal of the old one", async () => {
    const decisions: string[] = [];
    const { exchange, feed } = await connect({ onRefused: () => (decisions.push("asked"), "giveUp") });
    const old = feed.open("a");
    await exchange.pass();
    const reopened: Channel<Wire>[] = [];
    old.on("interrupted", () => {
      void old.close();
      reopened.push(feed.open("a"));
    });
    exchange.peer.wire.send({ ack: "a", refused: "for a moment" });
    await exchange.pass();
    const numbers = numbersOf(reopened[0]!);
    exchange.publish("a");
    await exchange.pass();
    expect([numbers, reopened[0]!.isReady, feed.stats().channelCount, decisions]).toEqual([[1], true, 1, []]);
  });

  it("a channel that is closed and opened again while the client fails is subscribed by the next run", async () => {
    const { exchange, feed, ws } = await connect({}, { reconnect: false });
    const [a, b] = [feed.open("a"), feed.open("b")];
    await exchange.pass();
    const reopened: Channel<Wire>[] = [];
    a.on("closed", () => {
      void b.close();
      reopened.push(feed.open("b"));
    });
    ws.on("closed", () => undefined);
    exchange.peer.wire.reset();
    await exchange.pass();
    ws.connect().catch(() => undefined);
    await exchange.pass(10);
    expect([reopened[0]!.isReady, feed.stats().channelCount]).toEqual([true, 1]);
  });

  it("end of the client in channelOf, isAck and in every listener leaves nothing behind", async () => {
    for (const place of [
      ...["channelOf", "isAck", "message", "ready", "interrupted", "unrouted", "subscribe", "closed"],
    ]) {
      let isArmed = false;
      const end = (at: string): void => {
        if (isArmed && at === place) scene.ws.terminate();
      };
      await connect({
        channelOf: ({ ch }) => (end("channelOf"), ch),
        isAck: ({ ack }) => (end("isAck"), ack as string | undefined),
        subscribe: (channels) => (end("subscribe"), { op: "sub", channels }),
      });
      const { exchange, feed, ws } = scene;
      const a = feed.open("a");
      for (const name of ["message", "interrupted", "closed"] as const) a.on(name, () => end(name));
      feed.on("unrouted", () => end("unrouted"));
      await exchange.pass();
      isArmed = true;
      const b = feed.open("b");
      b.on("ready", () => end("ready"));
      await exchange.pass();
      if (ws.state === "connected") {
        exchange.peer.wire.send({ text: "news" });
        exchange.publish("a");
        await exchange.pass();
        if (place === "interrupted") exchange.peer.wire.reset();
        await exchange.pass();
        void a.close();
        await exchange.pass();
      }
      expect([place, ws.state, a.isClosed, b.isClosed, feed.stats().channelCount]).toEqual([
        place,
        "closed",
        true,
        true,
        0,
      ]);
      await expect(outcome(feed.request({ id: 1 }))).resolves.toBe("NOT_CONNECTED");
      await exchange.pass(100_000);
      expect(exchange.runtime.isHeld).toBe(false);
      if (place !== "closed") await exchange.server.close();
    }
  });
});
