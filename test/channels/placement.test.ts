// Channels over several clients: limits, moves, and clients that cannot be created.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type Channel,
  channels,
  type ChannelsOptions,
  type Feed,
  type ShardContext,
} from "../../src/channels/index.js";
import { WebSocket } from "../../src/index.js";
import { Exchange, feedOptions, namesIn, numbersOf, outcome, type Wire } from "./exchange.js";
import { never } from "../support/never.js";

let exchange: Exchange;
let feed: Feed<Wire, Wire>;
let clients: WebSocket<Wire, Wire>[];
let errors: { readonly code?: string; readonly cause?: unknown }[];
let contexts: number[];

type Connect = NonNullable<ChannelsOptions<Wire, Wire>["shards"]>["connect"];

beforeEach(() => {
  exchange = new Exchange();
  clients = [];
  errors = [];
  contexts = [];
});

afterEach(async () => {
  const closed = feed.close();
  await exchange.pass(100_000);
  expect([await outcome(closed), exchange.runtime.isHeld, exchange.open.length]).toEqual(["done", false, 0]);
  expect(clients.every(({ state }) => state === "closed" || state === "failed" || state === "idle")).toBe(
    true,
  );
  await exchange.server.close();
});

function client({ onConnection }: ShardContext<Wire, Wire>, reconnect = true): WebSocket<Wire, Wire> {
  const { runtime } = exchange;
  const ws = new WebSocket<Wire, Wire>("wss://exchange.test/", {
    runtime,
    onConnection,
    heartbeat: false,
    reconnect,
  });
  clients.push(ws);
  return ws;
}

function create(connect: Connect = client, more: Partial<ChannelsOptions<Wire, Wire>> = {}): void {
  feed = channels<Wire, Wire>({
    ...feedOptions,
    runtime: exchange.runtime,
    shards: {
      maxPerConnection: 2,
      connect: (context) => {
        contexts.push(context.shard);
        return connect(context);
      },
    },
    ...more,
  });
  feed.on("error", ({ error }) => errors.push(error));
}

const open = (...names: readonly string[]): Channel<Wire>[] => names.map((name) => feed.open(name));
const sets = (): string[] => exchange.open.map(({ subscribed }) => [...subscribed].sort().join(""));

describe("shards", () => {
  it("create a client when all are full, and use the place of a closed channel again", async () => {
    create();
    const [a] = open("a", "b", "c");
    await exchange.pass();
    expect([sets(), contexts]).toEqual([
      ["ab", "c"],
      [1, 2],
    ]);
    open("d", "b");
    await exchange.pass();
    expect([sets(), clients.length]).toEqual([["ab", "cd"], 2]);
    void a!.close();
    open("e");
    await exchange.pass();
    expect([sets().sort(), clients.length]).toEqual([["b", "cd", "e"], 3]);
    open("f", "g");
    await exchange.pass();
    expect([sets().map(({ length }) => length), clients.length]).toEqual([[2, 2, 2], 3]);
  });

  it("keep the channels of a client that reconnects", async () => {
    create();
    open("a", "b", "c");
    await exchange.pass();
    exchange.open[0]!.wire.reset();
    await exchange.pass(10_000);
    expect([sets().sort(), clients.length, feed.stats().readyCount]).toEqual([["ab", "c"], 2, 3]);
  });

  it("move the channels of a client that has ended, without an end of their handles", async () => {
    create((context) => client(context, false));
    const all = open("a", "b", "c");
    await exchange.pass();
    exchange.open[0]!.wire.reset();
    await exchange.pass(10_000);
    expect([sets().sort(), all.every(({ isReady }) => isReady), feed.stats().readyCount]).toEqual([
      ["ac", "b"],
      true,
      3,
    ]);
    clients.at(-1)!.terminate();
    await exchange.pass(10_000);
    expect(feed.stats().readyCount).toBe(3);
  });

  it("deliver a message only from the client on which its channel is placed", async () => {
    create();
    const seen: string[] = [];
    feed.on("unrouted", ({ cause, channel }) => seen.push(`${cause} ${channel}`));
    const [a] = open("a", "b", "c");
    a!.on("message", ({ data }) => seen.push(`a ${data.n}`));
    await exchange.pass();
    exchange.open[1]!.wire.send({ ch: "a", n: 1 });
    exchange.open[0]!.wire.send({ ch: "a", n: 2 });
    await exchange.pass();
    expect(seen.sort()).toEqual(["a 2", "notOpen a"]);
  });

  it("send requests on a client that is connected", async () => {
    create();
    open("a");
    exchange.onOther = ({ id }, { wire }) => wire.send({ id: id!, text: "answer" });
    await exchange.pass();
    const answer = feed.request({ id: 7 });
    await exchange.pass();
    expect(await outcome(answer)).toEqual({ id: 7, text: "answer" });
  });

  it("refuse attach() and the hook of the feed itself", async () => {
    create();
    const ws = client({ onConnection: feed.onConnection, shard: 0 });
    expect(() => feed.attach(ws)).toThrow(TypeError);
    await expect(feed.onConnection({} as never, new AbortController().signal)).rejects.toThrow(TypeError);
  });
});

describe("shards.connect that fails", () => {
  it.each<[string, Connect, number]>([
    [
      "throws",
      () => {
        throw new Error("broken");
      },
      0,
    ],
    ["rejects", () => Promise.reject(new Error("broken")), 0],
    ["returns no client", () => ({}) as never, 0],
    ["returns a client without the hook", () => new WebSocket<Wire, Wire>("wss://exchange.test/"), 0],
    ["never settles", () => never(), 10_000],
  ])("is reported and called again after a wait if it %s", async (_, broken, wait) => {
    let isBroken = true;
    create((context) => (isBroken ? broken(context) : client(context)));
    const [a] = open("a");
    await exchange.pass(wait);
    expect(errors).toMatchObject([{ code: "CONNECT_FAILED" }]);
    isBroken = false;
    await exchange.pass(1_000);
    expect([a!.isReady, contexts]).toEqual([true, [1, 1]]);
  });

  it("waits longer after each failure", async () => {
    create(() => ({}) as never);
    open("a");
    await exchange.pass(60_000);
    expect(contexts.length).toBeGreaterThan(4);
    expect(contexts.length).toBeLessThan(10);
  });

  it("has no effect after close() of the feed: a client that is created later is terminated", async () => {
    let resolve!: (ws: WebSocket<Wire, Wire>) => void;
    let context!: ShardContext<Wire, Wire>;
    create((given) => {
      context = given;
      return new Promise((onResolve) => (resolve = onResolve));
    });
    open("a");
    await exchange.pass();
    await feed.close();
    resolve(client(context));
    await exchange.pass(100_000);
    expect([clients[0]!.state, exchange.peers.length]).toEqual(["closed", 0]);
  });
});

describe("a client of shards.connect", () => {
  it.each<[string, (ws: WebSocket<Wire, Wire>) => Promise<unknown> | undefined]>([
    ["is connected already", (ws) => ws.connect()],
    ["is not connected", () => undefined],
  ])("that does not call the hook is terminated if it %s", async (_, prepare) => {
    create(async () => {
      const ws = client({ onConnection: () => Promise.resolve(), shard: 0 });
      await prepare(ws);
      return ws;
    });
    open("a");
    await exchange.pass(100);
    expect([exchange.peers.length, exchange.open.length, clients[0]!.state]).toEqual([1, 0, "closed"]);
  });

  it("that was returned before is refused, and stays in use for its channels", async () => {
    create((context) => clients[0] ?? client(context));
    const [a, , c] = open("a", "b", "c");
    await exchange.pass(100);
    expect([a!.isReady, c!.isReady, clients[0]!.state]).toEqual([true, false, "connected"]);
    expect(errors).toMatchObject([{ code: "CONNECT_FAILED", cause: { name: "TypeError" } }]);
  });

  it("that fails is reported with its error", async () => {
    exchange.isRejecting = true;
    create();
    open("a");
    await exchange.pass(100);
    expect(errors).toMatchObject([{ code: "CLIENT_ENDED", report: { statusCode: 401 } }]);
  });

  it.each([[["a"]], [["b", "c"]]])("may be created by a function that opens channels: %j", async (names) => {
    const handles: Channel<Wire>[] = [];
    create((context) => {
      if (contexts.length === 1) handles.push(...open(...names));
      return client(context);
    });
    handles.push(...open("a"));
    await exchange.pass(100);
    const received = handles.map(numbersOf);
    for (const name of new Set(["a", ...names])) exchange.publish(name);
    await exchange.pass(100);
    expect(received).toEqual(handles.map(() => [1]));
    expect(sets()).toEqual(names.length === 1 ? ["a"] : ["bc", "a"]);
  });

  it("that closes is not used for requests while another client is connected", async () => {
    create();
    open("a", "b", "c");
    await exchange.pass(100);
    exchange.onOther = (message, { wire }) => wire.send(message);
    void clients[0]!.close();
    const answer = feed.request({ id: "x", text: "sent" });
    await exchange.pass(100);
    expect(await outcome(answer.then(({ text }) => text))).toBe("sent");
  });
});

it("a moved channel is subscribed once on its new connection", async () => {
  create((context) => client(context, false));
  open("a");
  await exchange.pass();
  exchange.open[0]!.wire.reset();
  await exchange.pass(5_000);
  expect(exchange.peers.map((peer) => namesIn(peer, "sub"))).toEqual([[["a"]], [["a"]]]);
});
