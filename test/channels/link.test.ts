// The link between a feed and its client: attach, the hook, and the end of connections and of the client.
import { afterEach, describe, expect, it } from "vitest";
import { ChannelError, channels, requests } from "../../src/channels/index.js";
import { InvalidStateError, WebSocket } from "../../src/index.js";
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

describe("attach", () => {
  it("refuses a client without the hook", () => {
    scene = createScene();
    const ws = new WebSocket("wss://exchange.test/", { runtime: scene.exchange.runtime });
    const attach = (): unknown => channels(feedOptions as never).attach(ws);
    expect(attach).toThrow(ChannelError);
    expect(attach).toThrow("feed.onConnection");
  });

  it("refuses a connected client that has not called the hook, and reports it at the connection otherwise", async () => {
    const exchange = new Exchange();
    const other = channels(feedOptions);
    scene = await connectScene({ exchange, client: { onConnection: () => undefined } });
    expect(() => other.attach(scene.ws)).toThrow("feed.onConnection");
    const errors: unknown[] = [];
    const late = createScene({ exchange, client: { onConnection: () => undefined } });
    late.feed.on("error", ({ error }) => errors.push(error));
    const channel = late.feed.open("a");
    void late.ws.connect();
    await exchange.pass();
    expect([errors, await outcome(channel.ready)]).toEqual([
      [expect.objectContaining({ code: "NO_HOOK" })],
      "NO_HOOK",
    ]);
    expect(() => late.feed.open("b")).toThrow("feed.onConnection");
    late.ws.terminate();
    await exchange.pass();
  });

  it("is missed: a feed whose hook is called is told to attach the client, once it has had time to do so", async () => {
    const exchange = new Exchange();
    scene = createScene({ exchange });
    const { runtime } = exchange;
    const errors: unknown[] = [];
    const clients = ["forgotten", "attached", "closed"].map((kind) => {
      const feed = channels<Wire, Wire>({ ...feedOptions, runtime });
      feed.on("error", ({ error }) => errors.push([kind, "code" in error && error.code, error.message]));
      const ws = new WebSocket<Wire, Wire>("wss://exchange.test/", {
        runtime,
        onConnection: feed.onConnection,
      });
      void ws.connect();
      return { feed, ws };
    });
    await exchange.pass(900);
    clients[1]!.feed.attach(clients[1]!.ws);
    await clients[2]!.feed.close();
    await exchange.pass(5_000);
    expect(errors).toEqual([["forgotten", "NOT_ATTACHED", expect.stringContaining("Call feed.attach(ws).")]]);
    for (const { ws } of clients) ws.terminate();
    await exchange.pass();
  });

  it.each(["reconnect", "rotation"])("reports a hook that does not call the feed after a %s", async (how) => {
    const exchange = new Exchange();
    const feed = channels<Wire, Wire>(feedOptions);
    let calls = 0;
    const ws = new WebSocket<Wire, Wire>("wss://exchange.test/", {
      ...{ runtime: exchange.runtime, heartbeat: false, rotation: { mode: "overlap", overlap: 100 } },
      onConnection: async (connection, signal) => {
        if (++calls === 1) await feed.onConnection(connection, signal);
      },
    });
    feed.attach(ws);
    scene = { exchange, feed, ws };
    const errors: unknown[] = [];
    feed.on("error", ({ error }) => errors.push(error));
    const channel = feed.open("a");
    void ws.connect();
    await exchange.pass(10);
    expect(channel.isReady).toBe(true);
    if (how === "rotation") void ws.rotate();
    else exchange.peer.wire.reset();
    await exchange.pass(5_000);
    expect([calls, channel.isClosed, errors]).toEqual([
      2,
      true,
      [expect.objectContaining({ code: "NO_HOOK" })],
    ]);
  });

  it("accepts a client that is connected and has called the hook, and a hook of the application", async () => {
    const exchange = new Exchange();
    const feed = channels<Wire, Wire>(feedOptions);
    const ws = new WebSocket<Wire, Wire>("wss://exchange.test/", {
      runtime: exchange.runtime,
      onConnection: async (connection, signal) => {
        await connection.send({ op: "hello" });
        await feed.onConnection(connection, signal);
      },
    });
    scene = { exchange, feed, ws };
    void ws.connect();
    await exchange.pass();
    const channel = feed.open("a");
    feed.attach(scene.ws);
    await exchange.pass();
    expect([channel.isReady, exchange.peer.received.map(({ op }) => op)]).toEqual([true, ["hello", "sub"]]);
  });

  it("refuses a second client, an argument that is no client, and every call after close", async () => {
    scene = createScene();
    const { feed, ws } = scene;
    expect(() => feed.attach(ws)).toThrow(InvalidStateError);
    for (const wrong of [undefined, null, {}, "ws", 1])
      expect(() => requests().attach(wrong as never)).toThrow(TypeError);
    await feed.close();
    expect(() => feed.attach(ws)).toThrow(InvalidStateError);
    expect(() => feed.open("a")).toThrow(InvalidStateError);
    expect(await outcome(feed.request({ id: 1 }))).toBe("CLOSED");
  });
});

describe("the hook", () => {
  it.each([[undefined], [null], [{}], ["connection"], [{ ended: true }]])(
    "rejects for the argument %j",
    async (given) => {
      scene = createScene();
      const promise = scene.feed.onConnection(given as never, new AbortController().signal);
      await expect(promise).rejects.toThrow(TypeError);
    },
  );

  it("returns when the older connection ends, so that the new one replaces it at once", async () => {
    scene = await connectScene({ client: { rotation: { mode: "overlap" } } });
    const { exchange, feed, ws } = scene;
    const channel = feed.open("a");
    await exchange.pass();
    exchange.answer = () => undefined;
    ws.rotate().catch(() => undefined);
    await exchange.pass(10);
    exchange.peers[0]!.wire.reset();
    await exchange.pass(10);
    expect([ws.state, channel.isReady]).toEqual(["connected", false]);
    exchange.accept("a", exchange.peer);
    await exchange.pass();
    expect([channel.isReady, namesIn(exchange.peer, "sub")]).toEqual([true, [["a"]]]);
  });

  it("of a rotation reports an interruption if the peer ends the older connection, whose last messages may be missing", async () => {
    scene = await connectScene({ client: { rotation: { mode: "overlap" } } });
    const { exchange, feed, ws } = scene;
    const events: string[] = [];
    for (const name of ["a", "b"]) {
      const channel = feed.open(name);
      channel.on("ready", () => events.push(`${name} ready`));
      channel.on("interrupted", () => events.push(`${name} interrupted`));
    }
    await exchange.pass();
    events.length = 0;
    exchange.answer = (name, peer) => {
      if (name === "a") exchange.accept(name, peer);
    };
    ws.rotate().catch(() => undefined);
    await exchange.pass(10);
    exchange.peers[0]!.wire.reset();
    await exchange.pass(10);
    expect(events).toEqual(["a interrupted", "a ready", "b interrupted"]);
  });

  it("leaves the older connection in use if the new connection of a rotation is lost", async () => {
    scene = await connectScene({ client: { rotation: { mode: "overlap" } } });
    const { exchange, feed, ws } = scene;
    const channel = feed.open("a");
    const numbers = numbersOf(channel);
    await exchange.pass();
    exchange.answer = () => undefined;
    const rotated = ws.rotate();
    await exchange.pass(10);
    exchange.peers[1]!.wire.reset();
    await exchange.pass(10);
    exchange.publish("a");
    await exchange.pass();
    expect([await outcome(rotated), channel.isReady, numbers]).toEqual([expect.anything(), true, [1]]);
    expect(exchange.peers.map((peer) => namesIn(peer, "sub"))).toEqual([[["a"]], [["a"]]]);
  });

  it("assigns an acknowledgement to the connection on which it arrived", async () => {
    scene = await connectScene({ feed: { ackTimeout: 60_000 }, client: { rotation: { mode: "overlap" } } });
    const { exchange, feed, ws } = scene;
    exchange.answer = () => undefined;
    feed.open("a");
    await exchange.pass();
    const rotated = ws.rotate();
    await exchange.pass(10);
    // The old connection acknowledges. The hook must still wait for the acknowledgement of the new connection.
    exchange.accept("a", exchange.peers[0]!);
    await exchange.pass(1_000);
    expect([feed.stats().readyCount, await outcome(rotated)]).toEqual([1, "pending"]);
    exchange.accept("a", exchange.peers[1]!);
    await exchange.pass(1_000);
    expect([feed.stats(), await outcome(rotated)]).toMatchObject([
      { readyCount: 1, unroutedCount: 0 },
      "done",
    ]);
  });
});

describe("the end of the client", () => {
  it("ends the channels without an error after close()", async () => {
    scene = await connectScene();
    const { exchange, feed, ws } = scene;
    const channel = feed.open("a");
    const loop = channel[Symbol.asyncIterator]();
    const next = loop.next();
    await exchange.pass();
    void ws.close();
    await exchange.pass(1_000);
    expect([ws.state, await next, channel.isClosed]).toEqual([
      "closed",
      { done: true, value: undefined },
      true,
    ]);
    expect(() => feed.open("b")).toThrow(InvalidStateError);
  });

  it("ends the channels with the error and the report after a failure, and the feed follows the next run", async () => {
    scene = await connectScene({ client: { reconnect: false } });
    const { exchange, feed, ws } = scene;
    const channel = feed.open("a");
    const next = channel[Symbol.asyncIterator]().next();
    next.catch(() => undefined);
    await exchange.pass();
    exchange.peer.wire.reset();
    await exchange.pass();
    expect([ws.state, await outcome(next)]).toEqual(["failed", "CLIENT_ENDED"]);
    await expect(next).rejects.toMatchObject({ report: ws.lastReport });
    const again = feed.open("a");
    void ws.connect();
    await exchange.pass();
    expect([again.isReady, namesIn(exchange.peer, "sub")]).toEqual([true, [["a"]]]);
  });

  it("does not hide a failed connect(): the feed adds no listener of error or closed", () => {
    scene = createScene();
    expect(scene.ws.eventNames().filter((name) => name === "error" || name === "closed")).toEqual([]);
  });
});
