// The subscriptions of one connection: acknowledgements in every form and order, and functions that fail.
import { afterEach, describe, expect, it } from "vitest";
import type { ChannelsOptions, FeedEventMap } from "../../src/channels/index.js";
import { connectScene, namesIn, numbersOf, outcome, type Scene, type Wire } from "./exchange.js";

let scene: Scene;
let unrouted: FeedEventMap<Wire>["unrouted"][];
let errors: Error[];

afterEach(async () => {
  scene.ws.terminate();
  await scene.exchange.pass(100_000);
  expect(scene.exchange.runtime.isHeld).toBe(false);
  await scene.exchange.server.close();
});

async function connect(feed: Partial<ChannelsOptions<Wire, Wire>> = {}, client: object = {}): Promise<Scene> {
  scene = await connectScene({ feed, client });
  unrouted = [];
  errors = [];
  scene.feed.on("unrouted", (event) => unrouted.push(event));
  scene.feed.on("error", ({ error }) => errors.push(error));
  return scene;
}

describe("an acknowledgement", () => {
  // With only an id, the first acknowledgement stands for both channels, so the second is not expected.
  it.each<[string, ChannelsOptions<Wire, Wire>["isAck"], number]>([
    ["a name", ({ ack }) => (typeof ack === "string" ? ack : undefined), 0],
    ["an array of names", ({ ack }) => (typeof ack === "string" ? [ack] : null), 0],
    ["true, for the channel of the message", ({ ack }) => ack !== undefined, 0],
    ["an object with the id", ({ ack, id }) => (ack === undefined ? false : { id: Number(id) }), 1],
    [
      "an object with the id and a name",
      ({ ack, id }) => ack !== undefined && { id: Number(id), channels: String(ack) },
      0,
    ],
  ])("may be %s", async (_, isAck, unexpected) => {
    const { exchange, feed } = await connect({
      isAck,
      channelOf: ({ ch, ack }) => ch ?? (ack as string | undefined),
      subscribe: (channels, id) => ({ op: "sub", channels, id }),
    });
    exchange.answer = (name, { wire }, id) => wire.send({ ack: name, id });
    const [a, b] = [feed.open("a"), feed.open("b")];
    await exchange.pass();
    expect([a.isReady, b.isReady, errors, unrouted.length]).toEqual([true, true, [], unexpected]);
  });

  it("without a name is that of the oldest subscribe message", async () => {
    const { exchange, feed } = await connect({ batch: 1, isAck: ({ text }) => text === "ok" });
    exchange.answer = () => undefined;
    const [a, b] = [feed.open("a"), feed.open("b")];
    await exchange.pass();
    exchange.peer.wire.send({ text: "ok" });
    await exchange.pass();
    expect([a.isReady, b.isReady]).toEqual([true, false]);
    exchange.peer.wire.send({ text: "ok" });
    await exchange.pass();
    expect([a.isReady, b.isReady]).toEqual([true, true]);
  });

  it("that arrives twice has no effect, and one of a wrong channel is reported", async () => {
    const { exchange, feed } = await connect();
    const a = feed.open("a");
    await exchange.pass();
    exchange.peer.wire.send({ ack: "a" });
    exchange.peer.wire.send({ ack: "z" });
    await exchange.pass();
    expect([a.isReady, unrouted]).toEqual([
      true,
      [{ message: { ack: "z" }, cause: "acknowledgement", channel: undefined }],
    ]);
    expect(exchange.peer.received.length).toBe(1);
  });

  it("of an earlier subscribe that arrives after the unsubscribe unsubscribes again", async () => {
    const { exchange, feed } = await connect({ ackTimeout: 1_000, onRefused: "retry" });
    // A slow server processes the first subscribe after the unsubscribe.
    exchange.answer = () => undefined;
    const channel = feed.open("a");
    await exchange.pass(1_500);
    exchange.answer = (name, peer) => exchange.accept(name, peer);
    await exchange.pass(5_000);
    expect([channel.isReady, namesIn(exchange.peer, "sub").length]).toEqual([true, 2]);
    await channel.close();
    await exchange.pass();
    expect(exchange.peer.subscribed.size).toBe(0);
    exchange.accept("a", exchange.peer);
    await exchange.pass();
    expect([exchange.peer.subscribed.size, unrouted]).toEqual([0, []]);
    // Each subscribe is answered now, so a further acknowledgement is reported. The server may have subscribed.
    for (let count = 0; count < 5; count++) {
      exchange.peer.wire.send({ ack: "a" });
      await exchange.pass();
    }
    expect([namesIn(exchange.peer, "unsub").length, unrouted.length]).toEqual([4, 5]);
  });

  it("that was sent before the subscribe was processed leaves nothing behind after an unsubscribe", async () => {
    const { exchange, feed } = await connect();
    // The server acknowledges the wrong channel, and processes the subscribe after the unsubscribe.
    exchange.answer = (name, { wire }) => wire.send({ ack: name });
    const a = feed.open("a");
    await exchange.pass();
    void a.close();
    await exchange.pass();
    exchange.accept("a", exchange.peer);
    await exchange.pass();
    expect([[...exchange.peer.subscribed], unrouted.length]).toEqual([[], 1]);
  });

  it("of an unsubscribe is no endless loop", async () => {
    const { exchange, feed } = await connect({ isAck: ({ ack, op }) => String(ack ?? op) });
    await feed.open("a").close();
    await exchange.pass();
    for (let count = 0; count < 5; count++) {
      exchange.peer.wire.send({ op: "a" });
      await exchange.pass();
    }
    expect(namesIn(exchange.peer, "unsub").length).toBeLessThanOrEqual(2);
  });

  it("of a later subscribe that arrives after the unsubscribe unsubscribes again, also by its id", async () => {
    const { exchange, feed } = await connect({
      ...{ ackTimeout: 1_000, onRefused: () => 0 },
      subscribe: (channels, id) => ({ op: "sub", channels, id }),
      isAck: ({ ack, id }) => (ack === undefined ? undefined : { id: Number(id) }),
    });
    const ids: unknown[] = [];
    exchange.answer = (_name, _peer, id) => void ids.push(id);
    const channel = feed.open("a");
    await exchange.pass(1_500);
    expect(ids.length).toBe(2);
    exchange.peer.wire.send({ ack: "a", id: ids[0] as number });
    await exchange.pass();
    expect(channel.isReady).toBe(true);
    await channel.close();
    await exchange.pass();
    exchange.peer.subscribed.add("a");
    exchange.peer.wire.send({ ack: "a", id: ids[1] as number });
    await exchange.pass();
    expect([[...exchange.peer.subscribed], unrouted]).toEqual([[], []]);
  });

  it("that is lost may have subscribed, so a channel that is then refused is unsubscribed", async () => {
    const { exchange, feed } = await connect({
      ackTimeout: 1_000,
      onRefused: ({ attempt }) => (attempt === 1 ? 0 : "giveUp"),
    });
    exchange.answer = (name, peer) => {
      if (peer.subscribed.has(name)) peer.wire.send({ ack: name, refused: "subscribed already" });
      else peer.subscribed.add(name);
    };
    const channel = feed.open("a");
    await exchange.pass(5_000);
    expect([channel.isClosed, namesIn(exchange.peer, "sub").length]).toEqual([true, 2]);
    expect(exchange.peer.subscribed.size).toBe(0);
  });

  it("of a wrong channel does not make another channel ready", async () => {
    const { exchange, feed } = await connect();
    exchange.answer = (_, { wire }) => wire.send({ ack: "z" });
    const a = feed.open("a");
    await exchange.pass();
    expect([a.isReady, unrouted.length]).toEqual([false, 1]);
  });

  it("that is late makes a channel ready that is subscribed again, without a third subscribe", async () => {
    const { exchange, feed } = await connect({
      onRefused: "retry",
      ackTimeout: 1_000,
      backoff: { base: 10_000 },
    });
    exchange.answer = () => undefined;
    const a = feed.open("a");
    await exchange.pass(1_000);
    expect(a.isReady).toBe(false);
    exchange.accept("a", exchange.peer);
    await exchange.pass();
    expect(a.isReady).toBe(true);
    await exchange.pass(100_000);
    expect([namesIn(exchange.peer, "sub"), namesIn(exchange.peer, "unsub")]).toEqual([[["a"]], []]);
  });

  it("is not missed while the client does not read: ackTimeout does not pass", async () => {
    const { exchange, feed, ws } = await connect({ ackTimeout: 1_000 }, { buffer: 2 });
    exchange.answer = () => undefined;
    const loop = ws[Symbol.asyncIterator]();
    const a = feed.open("a");
    await exchange.pass();
    for (let n = 0; n < 4; n++) exchange.peer.wire.send({ text: "fill" });
    await exchange.pass();
    exchange.accept("a", exchange.peer);
    await exchange.pass(5_000);
    expect(await outcome(a.ready)).toBe("pending");
    for (let n = 0; n < 5; n++) {
      void loop.next();
      await exchange.pass(10);
    }
    expect(await outcome(a.ready)).toBe("done");
    await loop.return?.();
  });

  it("is not needed without isAck: a channel is ready when its message is sent, and closes at once", async () => {
    const { exchange, feed } = await connect({ isAck: undefined });
    exchange.answer = (name, { subscribed }) => void subscribed.add(name);
    const a = feed.open("a");
    await exchange.pass();
    expect([a.isReady, exchange.peer.subscribed.size]).toEqual([true, 1]);
    void a.close();
    await exchange.pass();
    expect(exchange.peer.subscribed.size).toBe(0);
  });
});

describe("a missing acknowledgement", () => {
  it("ends the channel with a typed error, and unsubscribes", async () => {
    const { exchange, feed } = await connect({ ackTimeout: 1_500 });
    exchange.answer = () => undefined;
    const a = feed.open("a");
    await exchange.pass(1_499);
    expect(await outcome(a.ready)).toBe("pending");
    await exchange.pass(1);
    await expect(a.ready).rejects.toMatchObject({ name: "ChannelError", code: "ACK_TIMEOUT", channel: "a" });
    expect([a.isClosed, namesIn(exchange.peer, "unsub")]).toEqual([true, [["a"]]]);
  });
});

describe("the functions subscribe and unsubscribe", () => {
  it.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    ["returns undefined", () => undefined],
    ["returns a promise", () => Promise.resolve({ op: "sub" })],
    ["returns a value without a JSON form", () => 1n],
  ])("end the channel with a typed error if subscribe %s", async (_, subscribe) => {
    const { exchange, feed } = await connect({ subscribe: subscribe as never });
    const a = feed.open("a");
    await exchange.pass();
    expect([await outcome(a.ready), a.isClosed]).toEqual(["CHANNEL_FUNCTION_FAILED", true]);
    expect(errors.map((error) => (error as { code?: string }).code)).toEqual(["CHANNEL_FUNCTION_FAILED"]);
    expect(exchange.peer.received).toEqual([]);
  });

  it("may open and close channels", async () => {
    const { exchange, feed } = await connect({
      subscribe: (channels) => {
        if (channels.includes("a")) {
          feed.open("b");
          void a.close();
        }
        (channels as string[]).push("changed");
        return { op: "sub", channels: channels.slice(0, -1) };
      },
    });
    const a = feed.open("a");
    await exchange.pass();
    expect([...exchange.peer.subscribed]).toEqual(["b"]);
    expect([namesIn(exchange.peer, "sub"), namesIn(exchange.peer, "unsub")]).toEqual([
      [["a"], ["b"]],
      [["a"]],
    ]);
  });

  it("report an unsubscribe that fails", async () => {
    const { exchange, feed } = await connect({
      unsubscribe: () => {
        throw new Error("broken");
      },
    });
    const a = feed.open("a");
    await exchange.pass();
    void a.close();
    await exchange.pass(1_000);
    expect(errors.map(({ message }) => message.includes("unsubscribe"))).toEqual([true]);
  });

  it("are called again when the send buffer is full", async () => {
    const { exchange, feed } = await connect({ batch: 1 }, { highWaterMark: 1, maxBufferedAmount: 2_000 });
    exchange.peer.wire.stopReading();
    const { ws } = scene;
    for (let index = 0; index < 40; index++) ws.send({ text: "x".repeat(1_900) }).catch(() => undefined);
    await exchange.pass(10);
    const a = feed.open("a");
    await exchange.pass(10);
    expect(a.isReady).toBe(false);
    exchange.peer.wire.goOnReading();
    await exchange.pass(5_000);
    expect([a.isReady, a.isClosed, errors.filter((error) => "channel" in error)]).toEqual([true, false, []]);
  });
});

it("a channel that the server refuses after it has accepted it ends with the reason", async () => {
  const { exchange, feed } = await connect();
  const a = feed.open("a");
  const numbers = numbersOf(a);
  const ends: unknown[] = [];
  a.on("closed", ({ error }) => ends.push(error));
  await exchange.pass();
  exchange.publish("a");
  exchange.peer.wire.send({ ack: "a", refused: "expired" });
  await exchange.pass();
  expect([numbers, ends]).toEqual([[1], [expect.objectContaining({ code: "REFUSED", reason: "expired" })]]);
  expect(namesIn(exchange.peer, "unsub")).toEqual([]);
});
