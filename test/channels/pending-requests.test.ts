// Requests: each answer settles its own request, and every request settles.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RequestError, requests, type RequestsOptions, type Requester } from "../../src/channels/index.js";
import { BufferOverflowError, TimeoutError, WebSocket, type WebSocketOptions } from "../../src/index.js";
import { connectScene, Exchange, numbersOf, outcome, type Wire } from "./exchange.js";

let exchange: Exchange;
let rpc: Requester<Wire, Wire>;
let ws: WebSocket<Wire, Wire>;
let unrouted: string[];
/** The requests that the server has received and not answered. */
let waiting: { readonly id: number | string | undefined; answer(text?: string): void }[];

beforeEach(() => {
  exchange = new Exchange();
  unrouted = [];
  waiting = [];
  exchange.onOther = ({ id, text }, { wire }) =>
    void waiting.push({
      id,
      answer: (answer = text) => wire.send({ ...(id === undefined ? {} : { id }), text: answer! }),
    });
});

afterEach(async () => {
  ws.terminate();
  await exchange.pass();
  expect([rpc.stats().pendingRequests, exchange.runtime.isHeld]).toEqual([0, false]);
  await exchange.server.close();
});

function create(options: RequestsOptions<Wire> = {}, client: WebSocketOptions<Wire, Wire> = {}): void {
  rpc = requests<Wire, Wire>(options);
  ws = new WebSocket<Wire, Wire>("wss://exchange.test/", {
    ...{
      runtime: exchange.runtime,
      onConnection: rpc.onConnection,
      heartbeat: false,
      backoff: { base: 100, jitter: false },
    },
    ...client,
  });
  rpc.attach(ws);
  rpc.on("unrouted", ({ cause, message }) => unrouted.push(`${cause} ${message.text}`));
}

async function connect(
  options: RequestsOptions<Wire> = {},
  client: WebSocketOptions<Wire, Wire> = {},
): Promise<void> {
  create(options, client);
  void ws.connect();
  await exchange.pass();
}

const textOf = (promise: Promise<Wire>): Promise<unknown> => outcome(promise.then(({ text }) => text));
const isPong = ({ text }: Wire): boolean => text?.startsWith("pong") === true;

describe("an answer", () => {
  it("settles the request with its id, in any order", async () => {
    await connect();
    const [one, two] = [
      rpc.request({ id: 1, text: "one" }),
      rpc.request({ text: "two", id: "1" }, { id: "1" }),
    ];
    await exchange.pass();
    for (const request of waiting.toReversed()) request.answer();
    await exchange.pass();
    expect([await textOf(one), await textOf(two), unrouted]).toEqual(["one", "two", []]);
  });

  it("is recognized by idOf or by matches", async () => {
    await connect({ idOf: ({ n }) => n });
    const one = rpc.request({ n: 7, text: "one" });
    const two = rpc.request({ op: "ping" }, { matches: isPong });
    await exchange.pass();
    exchange.peer.wire.send({ n: 7, text: "first" });
    exchange.peer.wire.send({ text: "pong" });
    await exchange.pass();
    expect([await textOf(one), await textOf(two)]).toEqual(["first", "pong"]);
  });

  it.each([["a timeout"], ["an abort"]])(
    "that is late after %s is reported, and not given to the next request",
    async (how) => {
      await connect();
      const abort = new AbortController();
      const first = rpc.request({ op: "ping" }, { matches: isPong, timeout: 500, signal: abort.signal });
      await exchange.pass(100);
      if (how === "an abort") abort.abort(new RangeError("stop"));
      await exchange.pass(400);
      await expect(first).rejects.toThrow(how === "an abort" ? RangeError : TimeoutError);
      const second = rpc.request({ op: "ping" }, { matches: isPong });
      await exchange.pass();
      waiting[0]!.answer("pong 1");
      await exchange.pass();
      expect([await textOf(second), unrouted]).toEqual(["pending", ["lateAnswer pong 1"]]);
      waiting[1]!.answer("pong 2");
      await exchange.pass();
      expect(await textOf(second)).toBe("pong 2");
    },
  );

  it("with an id that is late is reported, and the id cannot be used again before", async () => {
    await connect();
    const first = rpc.request({ id: 1 }, { timeout: 100 });
    await exchange.pass(100);
    expect([await outcome(first), await outcome(rpc.request({ id: 1 }))]).toEqual([
      "TIMEOUT",
      "DUPLICATE_ID",
    ]);
    waiting[0]!.answer("late");
    await exchange.pass();
    expect(unrouted).toEqual(["lateAnswer late"]);
    const again = rpc.request({ id: 1 });
    await exchange.pass();
    waiting[1]!.answer("again");
    await exchange.pass();
    expect(await textOf(again)).toBe("again");
  });

  it("that arrives twice is unrouted the second time", async () => {
    await connect();
    const one = rpc.request({ id: 1, text: "one" });
    await exchange.pass();
    waiting[0]!.answer();
    waiting[0]!.answer();
    await exchange.pass();
    expect([await textOf(one), unrouted]).toEqual(["one", ["noChannel one"]]);
  });

  it("is not a message of a channel that has the same number as id, also if the channel was just closed", async () => {
    const scene = await connectScene({ exchange });
    ({ ws } = scene);
    rpc = scene.feed;
    const channel = scene.feed.open("a");
    const numbers = numbersOf(channel);
    const one = rpc.request({ id: 1, op: "get" });
    await exchange.pass();
    exchange.peer.wire.send({ ch: "a", id: 1, n: 9 });
    await exchange.pass();
    expect([numbers, await textOf(one)]).toEqual([[9], "pending"]);
    void channel.close();
    exchange.peer.wire.send({ ch: "a", id: 1, n: 10 });
    await exchange.pass();
    expect(await textOf(one)).toBe("pending");
    waiting[0]!.answer("answer");
    await exchange.pass();
    expect(await textOf(one)).toBe("answer");
  });

  it("is not taken for an acknowledgement: the feed gives no subscribe message the id of a pending request", async () => {
    exchange.answer = () => undefined;
    const scene = await connectScene({
      exchange,
      feed: { subscribe: (channels, id) => ({ op: "sub", channels, id }) },
    });
    ({ ws } = scene);
    rpc = scene.feed;
    scene.feed.open("a");
    const first = rpc.request({ id: 1, text: "first" });
    await exchange.pass();
    const subscribe = exchange.peer.received.find(({ op }) => op === "sub")!;
    expect(subscribe.id).toBe(2);
    waiting[0]!.answer();
    await exchange.pass();
    expect(await textOf(first)).toBe("first");
  });
});

describe("the end of a connection", () => {
  it("rejects its requests with the report, and sends those with retry again", async () => {
    await connect();
    const [lost, kept] = [rpc.request({ id: 1 }), rpc.request({ id: 2, text: "kept" }, { retry: true })];
    await exchange.pass();
    exchange.peer.wire.reset();
    await exchange.pass();
    await expect(lost).rejects.toMatchObject({ code: "CONNECTION_ENDED", report: ws.lastReport });
    await expect(lost).rejects.toBeInstanceOf(RequestError);
    expect([await outcome(kept), ws.lastReport?.verdict]).toEqual(["pending", "network-lost"]);
    await exchange.pass(1_000);
    expect(waiting.map(({ id }) => id)).toEqual([1, 2, 2]);
    waiting[2]!.answer();
    await exchange.pass();
    expect(await textOf(kept)).toBe("kept");
  });

  it("does not reject a request that is already on the new connection of a rotation", async () => {
    await connect({}, { rotation: { mode: "overlap" } });
    const first = rpc.request({ id: 1, text: "first" });
    await exchange.pass();
    const rotated = ws.rotate();
    await exchange.pass();
    const second = rpc.request({ id: 2, text: "second" });
    await exchange.pass();
    for (const request of waiting) request.answer();
    await exchange.pass(10_000);
    expect([await outcome(first), await textOf(second), await outcome(rotated)]).toEqual([
      "CONNECTION_ENDED",
      "second",
      "done",
    ]);
  });

  it.each([["is pending"], ["has timed out"]])(
    "keeps a late answer among the unread messages from the request of the next connection, if its own request %s",
    async (how) => {
      await connect({}, { buffer: 4 });
      const loop = ws[Symbol.asyncIterator]();
      const first = rpc.request({ op: "ping" }, { matches: isPong, timeout: 1_000 });
      await exchange.pass(how === "is pending" ? 0 : 1_000);
      const { wire } = exchange.peer;
      wire.inOneWrite(() => {
        for (let n = 0; n < 20; n++) wire.send({ text: `fill ${n}` });
        waiting[0]!.answer("pong 1");
      });
      await exchange.pass();
      wire.reset();
      // Only a write shows the loss to a client that does not read.
      void ws.ping();
      await exchange.pass();
      const code = how === "is pending" ? "CONNECTION_ENDED" : "TIMEOUT";
      expect([await outcome(first), ws.state]).toEqual([code, "backingOff"]);
      await exchange.pass(1_000);
      const second = rpc.request({ op: "ping" }, { matches: isPong });
      await exchange.pass();
      waiting[1]!.answer("pong 2");
      for (let n = 0; n < 25; n++) {
        void loop.next();
        await exchange.pass(10);
      }
      const late = unrouted.filter((one) => one.startsWith("late"));
      expect([await textOf(second), late]).toEqual(["pong 2", ["lateAnswer pong 1"]]);
      await loop.return?.();
    },
  );

  it("while the client does not read is followed by a second attempt only if no answer is left to be read", async () => {
    await connect({}, { buffer: 4 });
    const loop = ws[Symbol.asyncIterator]();
    const both = [1, 2].map((id) => rpc.request({ id, text: `${id}` }, { retry: true }));
    await exchange.pass();
    const { wire } = exchange.peer;
    wire.inOneWrite(() => {
      for (let n = 0; n < 20; n++) wire.send({ text: "fill" });
      waiting[0]!.answer();
    });
    await exchange.pass();
    wire.reset();
    // Only a write shows the loss to a client that does not read.
    void ws.ping();
    await exchange.pass(1_000);
    expect([ws.state, waiting.length]).toEqual(["connected", 2]);
    for (let n = 0; n < 25; n++) {
      void loop.next();
      await exchange.pass(10);
    }
    expect([await textOf(both[0]!), waiting.map(({ id }) => id)]).toEqual(["1", [1, 2, 2]]);
    waiting[2]!.answer();
    for (let n = 0; n < 5; n++) {
      void loop.next();
      await exchange.pass(10);
    }
    expect(await textOf(both[1]!)).toBe("2");
    await loop.return?.();
  });

  it("of the client rejects a request that waits for a connection", async () => {
    await connect({}, { reconnect: false });
    const kept = rpc.request({ id: 1 }, { retry: true });
    await exchange.pass();
    exchange.peer.wire.reset();
    await exchange.pass();
    expect([ws.state, await outcome(kept)]).toEqual(["failed", "CONNECTION_ENDED"]);
  });
});

describe("a request", () => {
  it("without a connection is refused, and with retry waits for one within its timeout", async () => {
    create();
    const refused = rpc.request({ id: 1 });
    const [kept, tooLate] = [
      rpc.request({ id: 2, text: "kept" }, { retry: true }),
      rpc.request({ id: 3 }, { retry: true, timeout: 10 }),
    ];
    await exchange.pass(10);
    expect([await outcome(refused), await outcome(tooLate)]).toEqual(["NOT_CONNECTED", "TIMEOUT"]);
    void ws.connect();
    await exchange.pass();
    expect(waiting.map(({ id }) => id)).toEqual([2]);
    waiting[0]!.answer();
    await exchange.pass();
    expect(await textOf(kept)).toBe("kept");
  });

  it("is not sent before attach(), because its answer would not be received", async () => {
    create();
    const late = requests<Wire, Wire>();
    ws = new WebSocket<Wire, Wire>("wss://exchange.test/", {
      ...{ runtime: exchange.runtime, onConnection: late.onConnection, heartbeat: false },
    });
    void ws.connect();
    await exchange.pass();
    const refused = late.request({ id: 1 });
    const kept = late.request({ id: 2, text: "kept" }, { retry: true });
    await exchange.pass();
    await expect(refused).rejects.toMatchObject({
      code: "NOT_CONNECTED",
      message: expect.stringContaining("attach") as string,
    });
    expect(waiting).toEqual([]);
    late.attach(ws);
    await exchange.pass();
    waiting[0]!.answer();
    await exchange.pass();
    expect(await textOf(kept)).toBe("kept");
  });

  it("is not sent if its signal is aborted before", async () => {
    await connect();
    const promise = rpc.request({ id: 1 }, { signal: AbortSignal.abort("stop") });
    expect(await outcome(promise)).toBe("stop");
    await exchange.pass();
    expect(waiting).toEqual([]);
  });

  it("is not changed by an abort after its answer, and many requests may share a signal", async () => {
    await connect();
    const abort = new AbortController();
    const all = Array.from({ length: 30 }, (_, id) =>
      rpc.request({ id, text: "x" }, { signal: abort.signal }),
    );
    await exchange.pass();
    for (const request of waiting.slice(0, 15)) request.answer();
    await exchange.pass();
    abort.abort("stop");
    expect(await Promise.all(all.map(textOf))).toEqual([
      ...Array<string>(15).fill("x"),
      ...Array<string>(15).fill("stop"),
    ]);
  });

  it("waits for 30 seconds by default, for requestTimeout, or without limit", async () => {
    await connect();
    const [byDefault, endless] = [rpc.request({ id: 1 }), rpc.request({ id: 2 }, { timeout: Infinity })];
    await exchange.pass(29_999);
    expect(await outcome(byDefault)).toBe("pending");
    await exchange.pass(1);
    expect([await outcome(byDefault), await outcome(endless)]).toEqual(["TIMEOUT", "pending"]);
  });

  it.each<[string, (message: Wire) => unknown]>([
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    ["returns a promise", () => Promise.resolve(true)],
  ])("rejects with a typed error if matches %s, and other requests are not affected", async (_, matches) => {
    await connect();
    const [bad, good] = [
      rpc.request({}, { matches: matches as never }),
      rpc.request({ id: 1, text: "good" }),
    ];
    await exchange.pass();
    waiting[1]!.answer();
    await exchange.pass();
    expect([await outcome(bad), await textOf(good)]).toEqual(["REQUEST_FUNCTION_FAILED", "good"]);
  });

  it("is not answered by a value that only looks like true", async () => {
    await connect();
    const one = rpc.request({}, { matches: (() => 1) as never, timeout: 50 });
    await exchange.pass();
    waiting[0]!.answer("x");
    await exchange.pass(50);
    expect(await outcome(one)).toBe("TIMEOUT");
  });

  it("whose function returns a rejected promise fails with a report, and the process goes on", async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", onUnhandled);
    const broken = (): never => Promise.reject(new Error("broken")) as never;
    let isBroken = true;
    await connect({ idOf: (message) => (isBroken ? broken() : message.id) });
    const errors: unknown[] = [];
    rpc.on("error", ({ error }) => errors.push(error.cause));
    const noId = rpc.request({ id: 1 });
    await exchange.pass();
    expect([await outcome(noId), errors]).toEqual([expect.any(TypeError), [expect.any(TypeError)]]);
    isBroken = false;
    const byMatch = rpc.request({ text: "x" }, { matches: broken });
    await exchange.pass();
    waiting[0]!.answer();
    await exchange.pass();
    expect([await outcome(byMatch), unhandled]).toEqual(["REQUEST_FUNCTION_FAILED", []]);
    process.off("unhandledRejection", onUnhandled);
  });

  it("is refused above maxPending, and requests without an answer count if they have no id", async () => {
    await connect({ maxPending: 2 });
    const all = [1, 2, 3].map((id) => rpc.request({ id }, { timeout: 10 }));
    await expect(all[2]).rejects.toThrow(BufferOverflowError);
    await exchange.pass(10);
    const pings = [1, 2, 3].map(() => rpc.request({}, { matches: isPong, timeout: 10 }));
    await exchange.pass(10);
    expect(await Promise.all(pings.map(outcome))).toEqual(["TIMEOUT", "TIMEOUT", "BUFFER_OVERFLOW"]);
    expect(await outcome(rpc.request({}, { matches: isPong }))).toBe("BUFFER_OVERFLOW");
    // Ids without answers do not block the client.
    for (let id = 10; id < 20; id++) {
      const one = rpc.request({ id }, { timeout: 10 });
      await exchange.pass(10);
      expect(await outcome(one)).toBe("TIMEOUT");
    }
    // A small maxPending does not shorten the memory of answers that may still arrive.
    expect(await outcome(rpc.request({ id: 10 }))).toBe("DUPLICATE_ID");
    for (const { id, answer } of waiting) if (Number(id) >= 10) answer(`${id}`);
    await exchange.pass();
    expect(unrouted).toEqual(Array.from({ length: 10 }, (_, n) => `lateAnswer ${n + 10}`));
  });

  it("remembers the last 10,000 ids whose answers may still arrive", async () => {
    await connect({ maxPending: 5_000 });
    const ask = async (first: number, count: number): Promise<void> => {
      for (let id = first; id < first + count; id++)
        rpc.request({ id }, { timeout: 10 }).catch(() => undefined);
      await exchange.pass(10);
    };
    await ask(0, 5_000);
    await ask(5_000, 5_000);
    expect(await outcome(rpc.request({ id: 0 }))).toBe("DUPLICATE_ID");
    await ask(10_000, 1);
    const [first, second] = [rpc.request({ id: 0 }, { timeout: 10 }), rpc.request({ id: 1 })];
    await exchange.pass(10);
    expect([await outcome(first), await outcome(second)]).toEqual(["TIMEOUT", "DUPLICATE_ID"]);
  }, 60_000);

  it("is refused while its connection closes, and waits for the next one with retry", async () => {
    await connect({}, { rotation: { mode: "replace" } });
    exchange.peer.wire.mute();
    const rotated = ws.rotate();
    await exchange.pass();
    const refused = rpc.request({ id: 1 });
    const sentLater = rpc.request({ id: 2, text: "later" }, { retry: true });
    await exchange.pass();
    await expect(refused).rejects.toMatchObject({
      name: "RequestError",
      code: "NOT_CONNECTED",
      cause: { code: "INVALID_STATE" },
    });
    await exchange.pass(20_000);
    await rotated;
    for (const { answer } of waiting) answer();
    await exchange.pass();
    expect(await textOf(sentLater)).toBe("later");
  });

  it("with retry that waited for a connection is sent later if the send buffer of the connection is full", async () => {
    create({}, { maxBufferedAmount: 2 ** 20 });
    exchange.isStalled = true;
    const request = (id: number, timeout = Infinity): Promise<Wire> =>
      rpc.request({ id, text: "x".repeat(300_000) }, { retry: true, timeout });
    const all = Array.from({ length: 12 }, (_, id) => request(id));
    const tooLate = request(20, 10_000);
    void ws.connect();
    await exchange.pass(10_000);
    expect([await outcome(all[11]!), await outcome(tooLate)]).toEqual(["pending", "TIMEOUT"]);
    expect(await outcome(request(21))).toBe("BUFFER_OVERFLOW");
    exchange.peer.wire.goOnReading();
    await exchange.pass(10_000);
    for (const { answer } of waiting) answer("done");
    await exchange.pass();
    expect(await Promise.all(all.map(textOf))).toEqual(Array(12).fill("done"));
  });

  it("that cannot be sent has no late answer, also if it is aborted before its send has failed", async () => {
    await connect();
    for (const how of [{ matches: isPong }, { id: 1 }]) {
      const abort = new AbortController();
      const unsent = rpc.request(1n as never, { ...how, signal: abort.signal });
      abort.abort("stop");
      await exchange.pass();
      const next = rpc.request({ id: 1, text: "pong" }, how);
      await exchange.pass();
      waiting.at(-1)!.answer();
      await exchange.pass();
      expect([await outcome(unsent), await textOf(next)]).toEqual(["stop", "pong"]);
    }
  });

  it.each<[string, unknown, unknown]>([
    ["no id and no matches", { text: "x" }, undefined],
    ["both id and matches", {}, { id: 1, matches: isPong }],
    ["an id of another type", {}, { id: {} }],
    ["an id that is no number", { id: Number.NaN }, undefined],
    ["an option id that is not finite", {}, { id: Infinity }],
    ["matches that is no function", {}, { matches: "pong" }],
    ["a timeout that is a text", { id: 1 }, { timeout: "1" }],
    ["a negative timeout", { id: 1 }, { timeout: -1 }],
    ["a timeout that is no number", { id: 1 }, { timeout: Number.NaN }],
    ["a signal of another type", { id: 1 }, { signal: {} }],
    ["retry of another type", { id: 1 }, { retry: 3 }],
    ["an unknown option", { id: 1 }, { retries: 3 }],
    ["options that are no object", { id: 1 }, "fast"],
    ["a message without a JSON form", 1n, { id: 1 }],
    ["no message", undefined, { id: 1 }],
  ])("rejects with a TypeError or RangeError: %s", async (_, message, options) => {
    await connect();
    const promise = rpc.request(message as never, options as never);
    await exchange.pass();
    const error: unknown = await promise.catch((reason: unknown) => reason);
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
  });

  it("with retry is refused at once if no connection can follow: the client is closed or has no hook", async () => {
    await connect();
    ws.terminate();
    await exchange.pass();
    await expect(rpc.request({ id: 1 }, { retry: true, timeout: Infinity })).rejects.toMatchObject({
      code: "NOT_CONNECTED",
      message: expect.stringContaining("Create a new client") as string,
    });
    await connect({}, { onConnection: () => Promise.resolve() });
    for (const retry of [true, false])
      await expect(rpc.request({ id: 1 }, { retry, timeout: Infinity })).rejects.toMatchObject({
        code: "NOT_CONNECTED",
        cause: { code: "NO_HOOK" },
      });
  });

  it("is ended by close() of the feed", async () => {
    await connect();
    const one = rpc.request({ id: 1 });
    await rpc.close();
    expect([await outcome(one), ws.state, ws.eventNames()]).toEqual(["CLOSED", "connected", []]);
  });
});
