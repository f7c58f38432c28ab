// Channels over one client: the set of the server follows the set of the application.
import { afterEach, describe, expect, it } from "vitest";
import { channels } from "../../src/channels/index.js";
import { WebSocket } from "../../src/index.js";
import { issue, schemaOf } from "../support/schemas.js";
import {
  connectScene,
  createScene,
  Exchange,
  feedOptions,
  namesIn,
  numbersOf,
  outcome,
  type Scene,
  type Wire,
} from "./exchange.js";

let scene: Scene;

afterEach(async () => {
  scene.ws.terminate();
  await scene.exchange.pass(100_000);
  expect(scene.exchange.runtime.isHeld).toBe(false);
  await scene.exchange.server.close();
});

it("a hook that calls feed.onConnection twice subscribes once", async () => {
  const exchange = new Exchange();
  const feed = channels<Wire, Wire>(feedOptions);
  const ws = new WebSocket<Wire, Wire>("wss://exchange.test/", {
    ...{ runtime: exchange.runtime, heartbeat: false },
    onConnection: async (connection, signal) => {
      await Promise.all([feed.onConnection(connection, signal), feed.onConnection(connection, signal)]);
      await feed.onConnection(connection, signal);
    },
  });
  feed.attach(ws);
  scene = { exchange, feed, ws };
  const channel = feed.open("a");
  void ws.connect();
  await exchange.pass(10);
  expect([channel.isReady, exchange.peers.map((peer) => namesIn(peer, "sub"))]).toEqual([true, [[["a"]]]]);
});

describe("a client with the option schema", () => {
  it("reports a bad message once, although the feed reads it while it waits for acknowledgements", async () => {
    const schema = schemaOf<Wire>((value) =>
      typeof value === "object" ? { value: { ...value } } : { issues: [issue] },
    );
    scene = await connectScene({ client: { schema, rotation: { mode: "overlap", overlap: 0 } } });
    const { exchange, feed, ws } = scene;
    const errors: Error[] = [];
    ws.on("error", ({ error }) => errors.push(error));
    exchange.answer = () => undefined;
    const channel = feed.open("a");
    const rounds = [1, 2];
    for (const round of rounds) {
      const rotated = round === 1 ? undefined : ws.rotate();
      await exchange.pass(100);
      exchange.peer.wire.send("bad");
      exchange.accept("a", exchange.peer);
      await exchange.pass(1_000);
      await rotated;
      expect([channel.isReady, errors.length, ws.stats().messagesDropped]).toEqual([true, round, round]);
    }
    expect(errors).toMatchObject(rounds.map(() => ({ code: "VALIDATION_FAILED" })));
  });
});

describe("an open channel", () => {
  it("is subscribed, is ready after the acknowledgement, and receives its messages in order", async () => {
    scene = await connectScene();
    const { exchange, feed } = scene;
    const [a, b] = [feed.open("a"), feed.open("b")];
    const [numbersA, numbersB] = [numbersOf(a), numbersOf(b)];
    expect([await outcome(a.ready), a.isReady]).toEqual(["pending", false]);
    await exchange.pass();
    expect([await outcome(a.ready), a.isReady]).toEqual(["done", true]);
    expect(namesIn(exchange.peer, "sub")).toEqual([["a", "b"]]);
    for (const name of ["a", "b", "a", "a"]) exchange.publish(name);
    await exchange.pass();
    expect([numbersA, numbersB]).toEqual([[1, 2, 3], [1]]);
    expect(feed.stats()).toEqual({ channelCount: 2, readyCount: 2, pendingRequests: 0, unroutedCount: 0 });
  });

  it("can be opened before the client connects, and is subscribed in the hook", async () => {
    scene = createScene();
    const { exchange, feed, ws } = scene;
    const channel = feed.open("a");
    void ws.connect();
    await exchange.pass();
    expect([ws.state, channel.isReady]).toEqual(["connected", true]);
    expect(namesIn(exchange.peer, "sub")).toEqual([["a"]]);
  });

  it("is subscribed again once after each reconnect, and ready again", async () => {
    scene = await connectScene();
    const { exchange, feed } = scene;
    const channel = feed.open("a");
    const numbers = numbersOf(channel);
    let readyCount = 0;
    channel.on("ready", () => (readyCount += 1));
    await exchange.pass();
    for (let round = 0; round < 3; round++) {
      exchange.publish("a");
      exchange.peer.wire.reset();
      await exchange.pass(10);
      expect([channel.isReady, await outcome(channel.ready)]).toEqual([false, "pending"]);
      await exchange.pass(10_000);
    }
    expect([readyCount, channel.isReady, await outcome(channel.ready)]).toEqual([4, true, "done"]);
    expect(exchange.peers.map((peer) => namesIn(peer, "sub"))).toEqual([[["a"]], [["a"]], [["a"]], [["a"]]]);
    expect(numbers).toEqual([1, 2, 3]);
  });

  it("is interrupted once by each loss, with the report of the connection, so that no gap is hidden without replay", async () => {
    scene = await connectScene();
    const { exchange, feed, ws } = scene;
    const channel = feed.open("a");
    const story: unknown[] = [];
    channel.on("message", ({ data }) => story.push(data.n));
    channel.on("ready", () => story.push("ready"));
    channel.on("interrupted", ({ report }) => story.push(report?.verdict));
    await exchange.pass();
    exchange.publish("a");
    for (const end of ["reset", "1012"]) {
      await exchange.pass();
      if (end === "reset") exchange.peer.wire.reset();
      else exchange.peer.wire.close(1012);
      await exchange.pass(10);
      // No connection is open, so nobody receives this message.
      exchange.publish("a");
      await exchange.pass(60_000);
      exchange.publish("a");
    }
    await exchange.pass();
    const rest = ["ready", 3, "server-restart", "ready", 5];
    expect(story).toEqual(["ready", 1, "network-lost", ...rest]);
    await channel.close();
    ws.terminate();
    await exchange.pass();
    expect(story).toEqual(["ready", 1, "network-lost", ...rest]);
  });

  it("is interrupted by a loss also if its messages arrived before the acknowledgement", async () => {
    scene = await connectScene({ feed: { ackTimeout: 60_000 } });
    const { exchange, feed } = scene;
    exchange.answer = (name, { subscribed }) => void subscribed.add(name);
    const story: unknown[] = [];
    const a = feed.open("a");
    a.on("message", ({ data }) => story.push(data.n));
    for (const event of ["ready", "interrupted"] as const) a.on(event, () => story.push(event));
    await exchange.pass();
    for (let round = 0; round < 3; round++) {
      exchange.publish("a");
      await exchange.pass();
      exchange.peer.wire.reset();
      await exchange.pass();
      exchange.publish("a"); // is lost
      if (round === 1) exchange.answer = (name, peer) => exchange.accept(name, peer);
      await exchange.pass(1_000);
    }
    expect(story).toEqual([1, "interrupted", 3, "interrupted", "ready", 5, "interrupted", "ready"]);
  });

  it("is not interrupted by a rotation that overlaps, and is interrupted by one that replaces", async () => {
    const seen: string[] = [];
    for (const mode of ["overlap", "replace"] as const) {
      scene = await connectScene({ client: { rotation: { mode, overlap: 0 } } });
      const { exchange, feed, ws } = scene;
      const channel = feed.open("a");
      channel.on("interrupted", ({ report }) => seen.push(`${mode}: ${report?.verdict}`));
      await exchange.pass();
      const rotated = ws.rotate();
      await exchange.pass(10_000);
      await rotated;
      expect(channel.isReady).toBe(true);
      await channel.close();
      if (mode === "overlap") {
        ws.terminate();
        await exchange.pass();
        await exchange.server.close();
      }
    }
    expect(seen).toEqual(["replace: rotated"]);
  });

  it("is subscribed on the new connection of a rotation before the old connection closes", async () => {
    scene = await connectScene({ client: { replay: { sequence: ({ n }) => n, streamOf: ({ ch }) => ch } } });
    const { exchange, feed, ws } = scene;
    const channel = feed.open("a");
    const numbers = numbersOf(channel);
    await exchange.pass();
    exchange.publish("a");
    // The new connection acknowledges only when the test says so.
    exchange.answer = () => undefined;
    const rotated = ws.rotate();
    await exchange.pass(1_000);
    const [first, second] = exchange.peers;
    expect([namesIn(second!, "sub"), first!.wire.isGone]).toEqual([[["a"]], false]);
    exchange.publish("a");
    await exchange.pass(1_000);
    expect([numbers, first!.wire.isGone]).toEqual([[1, 2], false]);
    exchange.accept("a", second!);
    exchange.publish("a");
    await exchange.pass(1_000);
    expect([await outcome(rotated), first!.wire.isGone]).toEqual(["done", true]);
    exchange.publish("a");
    await exchange.pass();
    expect([numbers, channel.isReady]).toEqual([[1, 2, 3, 4], true]);
    expect(namesIn(second!, "sub")).toEqual([["a"]]);
  });

  it.each<[number, boolean]>([
    [1, true],
    [Infinity, false],
  ])(
    "is tried again before the old connection closes if the new one refuses it %d times",
    async (refusals, isKept) => {
      scene = await connectScene({
        feed: { onRefused: () => 100 },
        client: { rotation: { mode: "overlap", overlap: 100 }, setupTimeout: 5_000 },
      });
      const { exchange, feed, ws } = scene;
      const errors: unknown[] = [];
      feed.on("error", ({ error }) => errors.push(error));
      const a = feed.open("a");
      await exchange.pass();
      const lost: unknown[] = [];
      a.on("interrupted", (event) => lost.push(event));
      let left = refusals;
      exchange.answer = (name, peer) => {
        if (left-- > 0) peer.wire.send({ ack: name, refused: "busy" });
        else exchange.accept(name, peer);
      };
      const rotated = ws.rotate();
      await exchange.pass(10_000);
      await rotated;
      expect([a.isReady, lost.length === 0, errors.length === 0]).toEqual([isKept, isKept, isKept]);
      if (!isKept) expect(errors).toMatchObject([{ code: "INCOMPLETE" }]);
    },
  );

  it("that is opened while onConnection runs is subscribed on both connections", async () => {
    scene = await connectScene({ client: { rotation: { mode: "overlap" } } });
    const { exchange, feed, ws } = scene;
    feed.open("a");
    await exchange.pass();
    exchange.answer = (name, peer) => {
      if (peer.number === 1 || name === "b") exchange.accept(name, peer);
    };
    const rotated = ws.rotate();
    await exchange.pass(10);
    const late = feed.open("b");
    await exchange.pass(10);
    const [first, second] = exchange.peers;
    expect([...first!.subscribed, ...second!.subscribed]).toEqual(["a", "b", "b"]);
    exchange.accept("a", second!);
    await exchange.pass(10_000);
    expect([await outcome(rotated), late.isReady]).toEqual(["done", true]);
    expect(namesIn(second!, "sub")).toEqual([["a"], ["b"]]);
  });
});

describe("while the client reconnects", () => {
  it("channels can be opened and closed, and the next connection subscribes to the wanted set", async () => {
    scene = await connectScene();
    const { exchange, feed } = scene;
    const [a, b] = [feed.open("a"), feed.open("b")];
    await exchange.pass();
    exchange.peer.wire.reset();
    await exchange.pass();
    void a.close();
    const c = feed.open("c");
    void feed.open("d").close();
    await exchange.pass(10_000);
    expect([b.isReady, c.isReady, namesIn(exchange.peer, "sub")]).toEqual([true, true, [["b", "c"]]]);
  });

  it("a channel that is closed before its acknowledgement leaves nothing behind on the next connection", async () => {
    scene = await connectScene();
    const { exchange, feed } = scene;
    exchange.answer = () => undefined;
    const a = feed.open("a");
    await exchange.pass();
    void a.close();
    exchange.peer.wire.reset();
    await exchange.pass(10_000);
    expect([exchange.peers.length, exchange.peer.received]).toEqual([2, []]);
  });
});

describe("rate and batch", () => {
  it("limit the names per message and the messages per second, and never cause a setup timeout", async () => {
    scene = createScene({ feed: { batch: 10, rate: 2 }, client: { setupTimeout: 1_000 } });
    const { exchange, feed, ws } = scene;
    for (let index = 0; index < 95; index++) feed.open(`c${index}`);
    void ws.connect();
    await exchange.pass(1);
    expect([ws.state, namesIn(exchange.peer, "sub").length]).toEqual(["connected", 1]);
    await exchange.pass(500);
    expect(namesIn(exchange.peer, "sub").length).toBe(2);
    await exchange.pass(3_999);
    expect(namesIn(exchange.peer, "sub").map((names) => names.length)).toEqual([
      ...Array<number>(9).fill(10),
      5,
    ]);
    expect(feed.stats().readyCount).toBe(95);
  });

  it("do not fail a rotation: the hook returns before setupTimeout and reports the channels that are missing", async () => {
    scene = await connectScene({
      ...{ feed: { batch: 1, rate: 1 }, client: { setupTimeout: 4_000, rotation: { mode: "overlap" } } },
    });
    const { exchange, feed, ws } = scene;
    const errors: unknown[] = [];
    feed.on("error", ({ error }) => errors.push(error));
    for (let index = 0; index < 10; index++) feed.open(`c${index}`);
    await exchange.pass(20_000);
    const rotated = ws.rotate();
    await exchange.pass(20_000);
    expect(await outcome(rotated)).toBe("done");
    expect([feed.stats().readyCount, exchange.peer.subscribed.size]).toEqual([10, 10]);
    expect(errors).toEqual([expect.objectContaining({ code: "INCOMPLETE" })]);
  });

  it("collect names for batch.delay milliseconds, and send a full batch at once", async () => {
    scene = await connectScene({ feed: { batch: { size: 3, delay: 50 } } });
    const { exchange, feed } = scene;
    feed.open("a");
    await exchange.pass(20);
    feed.open("b");
    await exchange.pass(29);
    expect(namesIn(exchange.peer, "sub")).toEqual([]);
    await exchange.pass(1);
    for (const name of ["c", "d", "e"]) feed.open(name);
    await exchange.pass();
    expect(namesIn(exchange.peer, "sub")).toEqual([
      ["a", "b"],
      ["c", "d", "e"],
    ]);
  });
});

describe("handles", () => {
  it("of one name share the subscription, and the last one that closes unsubscribes", async () => {
    scene = await connectScene();
    const { exchange, feed } = scene;
    const [one, two] = [feed.open("a"), feed.open("a")];
    const [numbersOne, numbersTwo] = [numbersOf(one), numbersOf(two)];
    await exchange.pass();
    exchange.publish("a");
    await exchange.pass();
    await one.close();
    exchange.publish("a");
    await exchange.pass();
    expect([numbersOne, numbersTwo, namesIn(exchange.peer, "unsub")]).toEqual([[1], [1, 2], []]);
    await two.close();
    await two.close();
    await exchange.pass();
    expect([namesIn(exchange.peer, "sub"), namesIn(exchange.peer, "unsub")]).toEqual([[["a"]], [["a"]]]);
    expect(feed.stats().channelCount).toBe(0);
  });

  it("that are closed and opened again in the same tick send nothing", async () => {
    scene = await connectScene();
    const { exchange, feed } = scene;
    const first = feed.open("a");
    await exchange.pass();
    void first.close();
    const second = feed.open("a");
    void feed.open("b").close();
    await exchange.pass();
    expect([second.isReady, exchange.peer.received.length]).toEqual([true, 1]);
  });

  it("that are closed in a tick in which others are opened are unsubscribed first", async () => {
    scene = await connectScene();
    const { exchange, feed } = scene;
    const channel = feed.open("a");
    await exchange.pass();
    feed.open("b");
    void channel.close();
    await exchange.pass();
    expect(exchange.peer.received.map(({ op, channels }) => `${op} ${channels?.join()}`)).toEqual([
      ...["sub a", "unsub a", "sub b"],
    ]);
  });

  it("that are closed before the acknowledgement are unsubscribed when it arrives", async () => {
    scene = await connectScene();
    const { exchange, feed } = scene;
    exchange.answer = () => undefined;
    const channel = feed.open("a");
    await exchange.pass();
    await channel.close();
    await exchange.pass(5_000);
    expect(namesIn(exchange.peer, "unsub")).toEqual([]);
    exchange.accept("a", exchange.peer);
    await exchange.pass();
    expect([[...exchange.peer.subscribed], namesIn(exchange.peer, "unsub")]).toEqual([[], [["a"]]]);
    expect([await outcome(channel.ready), feed.stats().unroutedCount]).toEqual(["CLOSED", 0]);
  });

  it.each([["by name"], ["by id"]])(
    "that are closed without any acknowledgement are unsubscribed after ackTimeout, and again when it arrives late (%s)",
    async (how) => {
      scene = await connectScene({
        feed: { subscribe: (names, id) => ({ op: "sub", channels: names, id }) },
      });
      const { exchange, feed } = scene;
      exchange.answer = () => undefined;
      const channel = feed.open("a");
      await exchange.pass();
      const { id } = exchange.peer.received[0]!;
      void channel.close();
      await exchange.pass(9_999);
      expect(namesIn(exchange.peer, "unsub")).toEqual([]);
      await exchange.pass(1);
      expect(namesIn(exchange.peer, "unsub")).toEqual([["a"]]);
      exchange.peer.subscribed.add("a");
      exchange.peer.wire.send({ ack: how === "by id" ? (id as number) : "a" });
      await exchange.pass();
      expect([[...exchange.peer.subscribed], namesIn(exchange.peer, "unsub")]).toEqual([[], [["a"], ["a"]]]);
    },
  );
});

describe("close of a feed", () => {
  it("ends all channels, unsubscribes, and leaves the client open", async () => {
    scene = await connectScene();
    const { exchange, feed, ws } = scene;
    const channel = feed.open("a");
    const ends: unknown[] = [];
    channel.on("closed", ({ error }) => ends.push(error));
    await exchange.pass();
    const closed = feed.close();
    await exchange.pass();
    expect([await outcome(closed), ends, ws.state]).toEqual(["done", [undefined], "connected"]);
    expect(namesIn(exchange.peer, "unsub")).toEqual([["a"]]);
    expect(ws.eventNames()).toEqual([]);
  });

  it("resolves after ackTimeout while the application does not read", async () => {
    scene = await connectScene({ feed: { ackTimeout: 1_000 }, client: { buffer: 1 } });
    const { exchange, feed, ws } = scene;
    exchange.answer = () => undefined;
    const messages = ws[Symbol.asyncIterator]();
    feed.open("a");
    await exchange.pass();
    for (let n = 0; n < 3; n++) exchange.peer.wire.send({ n });
    await exchange.pass();
    let isClosed = false;
    void feed.close().then(() => (isClosed = true));
    await exchange.pass(1_000);
    expect([isClosed, namesIn(exchange.peer, "unsub")]).toEqual([true, [["a"]]]);
    await messages.return?.();
  });

  it("resolves without a connection", async () => {
    scene = createScene();
    void scene.feed.open("a");
    expect(await outcome(scene.feed.close())).toBe("done");
  });
});
