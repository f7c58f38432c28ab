// close(), terminate() and abort next to running timers, during a rotation, a pause or a hook, and inside
// listeners.
import { describe, expect, it } from "vitest";
import { never } from "../support/never.js";
import { inSequence, refusing, steady } from "./scripts.js";
import {
  accepting,
  type Message,
  type Options,
  outcome,
  type RecordedClient,
  type Script,
  Stage,
} from "./stage.js";

/** A server that accepts and never answers a Close. */
const silent: Script = (connection) => {
  connection.accept();
  connection.mute();
};

const sequenceOf = (message: Message): number | undefined =>
  /^\d+$/.test(String(message)) ? Number(message) : undefined;

/** Expects exactly one `closed` event, as the last event. */
function expectOneEnd(client: RecordedClient): void {
  expect(client.story.filter((name) => name === "closed")).toEqual(["closed"]);
  expect(client.recorded.at(-1)?.name).toBe("closed");
}

type Ending = "close" | "terminate" | "abort";

function endBy(client: RecordedClient, how: Ending, aborter: AbortController): Promise<void> {
  if (how === "close") return client.ws.close();
  if (how === "terminate") client.ws.terminate();
  else aborter.abort(new Error("enough"));
  return client.ws.close();
}

describe("timers of a connection", () => {
  it.each(["close", "terminate", "abort"] as const)(
    "of the heartbeat do not fire after %s, even if the event loop is blocked before the socket closes",
    async (how) => {
      for (let ms = 1; ms <= 45; ms++) {
        const stage = new Stage(accepting, { seed: ms });
        const aborter = new AbortController();
        const client = await stage.connect({
          heartbeat: { interval: 20, timeout: 40 },
          signal: aborter.signal,
        });
        await stage.pass(ms);
        void endBy(client, how, aborter);
        stage.clock.stall(100);
        await stage.pass(100);
        expectOneEnd(client);
        await stage.finish();
      }
    },
  );

  it.each(["close", "terminate", "abort"] as const)(
    "of the outbox's rate do not send after %s, even if the event loop is blocked before the socket closes",
    async (how) => {
      const stage = new Stage();
      const aborter = new AbortController();
      const client = stage.createClient({ outbox: { perSecond: 20 }, signal: aborter.signal });
      for (let count = 0; count < 50; count++) client.ws.send(`message ${count}`).catch(() => undefined);
      void client.ws.connect();
      await stage.pass(10);
      expect(client.ws.stats().outboxMessages).toBeGreaterThan(40);
      void endBy(client, how, aborter);
      stage.clock.stall(80);
      await stage.pass(100);
      expectOneEnd(client);
      await stage.finish();
    },
  );

  it("of onConnection do not fire after terminate", async () => {
    const stage = new Stage();
    const client = await stage.connect({ setupTimeout: 50, onConnection: () => never() });
    client.ws.terminate();
    stage.clock.stall(80);
    await stage.pass(100);
    expect(client.all("closed")[0]!.report.events.map(({ name }) => name)).not.toContain("setup failed");
    expectOneEnd(client);
    await stage.finish();
  });

  it("of a rotation do not fire after terminate", async () => {
    const stage = new Stage();
    const client = await stage.connect({ maxConnectionAge: 50, rotation: { mode: "overlap", overlap: 60 } });
    await stage.pass(20);
    client.ws.terminate();
    stage.clock.stall(200);
    await stage.pass(100);
    expectOneEnd(client);
    expect(stage.server.connectionCount).toBe(1);
    await stage.finish();
  });
});

describe("ending a client from inside its own listeners", () => {
  it("fails the client when an error listener closes it after connect() has timed out during backoff", async () => {
    const stage = new Stage(refusing(503));
    const client = stage.createClient({ retryInitial: true, backoff: steady });
    const closes: Promise<void>[] = [];
    client.ws.on("error", ({ isFatal }) => {
      if (isFatal) closes.push(client.ws.close());
    });
    const connecting = client.ws.connect({ timeout: 300 });
    connecting.catch(() => undefined);
    await stage.pass(1_000);
    expect(await outcome(connecting)).toMatchObject({ error: { name: "TimeoutError" } });
    expect(client.ws.state).toBe("failed");
    expect(await outcome(Promise.all(closes))).toEqual({ value: [undefined] });
    expectOneEnd(client);
    await stage.finish();
  });

  it.each([
    ["close() during backoff", (client: RecordedClient) => client.ws.close()],
    [
      "terminate() during backoff",
      (client: RecordedClient) => {
        client.ws.terminate();
        return Promise.resolve();
      },
    ],
  ])("closes once when a dropped listener closes it again: %s", async (_name, end) => {
    const stage = new Stage(inSequence(accepting, refusing(503)));
    const client = await stage.connect({ outbox: {}, backoff: steady });
    stage.connection.reset();
    await stage.pass(10);
    client.ws.send("waits").catch(() => undefined);
    client.ws.on("dropped", () => void client.ws.close());
    const closing = end(client);
    await stage.pass(10);
    expect(await outcome(closing)).toEqual({ value: undefined });
    expect(client.all("dropped")).toHaveLength(1);
    expectOneEnd(client);
    await stage.finish();
  });

  it("closes an idle client once when a dropped listener closes it again", async () => {
    const stage = new Stage();
    const client = stage.createClient({ outbox: {} });
    client.ws.send("waits").catch(() => undefined);
    client.ws.on("dropped", () => void client.ws.close());
    client.ws.terminate();
    await stage.pass();
    expect(client.ws.state).toBe("closed");
    expectOneEnd(client);
    await stage.finish();
  });

  it.each(["message", "reset"] as const)(
    "delivers buffered messages before `closed` when a %s listener closes it again",
    async (name) => {
      const stage = new Stage(
        inSequence((connection) => {
          connection.accept();
          for (const number of [1, 3, 4]) connection.send(String(number));
        }, refusing(503)),
      );
      const client = await stage.connect({
        backoff: steady,
        replay: { sequence: sequenceOf, onReplay: () => never<never[]>() },
      });
      const messages: string[] = [];
      client.ws.on("message", ({ data }) => {
        messages.push(String(data));
        if (client.story.includes("closed")) messages.push("after closed");
      });
      await stage.pass(1);
      stage.connection.reset();
      await stage.pass(10);
      expect([client.ws.state, messages]).toEqual(["backingOff", ["1"]]);
      const closes: Promise<void>[] = [];
      client.ws.on(name, () => void closes.push(client.ws.close()));
      const closing = client.ws.close();
      await stage.pass(10);
      expect(await outcome(closing)).toEqual({ value: undefined });
      expect(closes.length).toBeGreaterThan(0);
      expect(await outcome(Promise.all(closes))).toHaveProperty("value");
      expect(messages).toEqual(["1", "3", "4"]);
      expectOneEnd(client);
      await stage.finish();
    },
  );

  const calls: [name: string, call: (client: RecordedClient) => unknown][] = [
    ["close", ({ ws }) => ws.close()],
    ["terminate", ({ ws }) => ws.terminate()],
    ["connect", ({ ws }) => ws.connect()],
    ["run", ({ ws }) => ws.run()],
    ["reconnect", ({ ws }) => ws.reconnect()],
    ["rotate", ({ ws }) => ws.rotate()],
    ["flush", ({ ws }) => ws.flush()],
    ["recv", ({ ws }) => ws.recv()],
    ["next", ({ ws }) => ws[Symbol.asyncIterator]().next()],
    ["send", ({ ws }) => ws.send("late")],
    ["trySend", ({ ws }) => ws.trySend("late")],
    ["ping", ({ ws }) => ws.ping()],
  ];

  it.each(
    (["closed", "failed", "aborted"] as const).flatMap((ending) =>
      calls.map(([name, call]) => [name, ending, call] as const),
    ),
  )("settles a call of %s() in every listener while the client ends as %s", async (_name, ending, call) => {
    const stage = new Stage(inSequence(accepting, refusing(503)));
    const aborter = new AbortController();
    const client = await stage.connect({
      outbox: {},
      backoff: { ...steady, maxAttempts: ending === "failed" ? 1 : 0 },
      signal: aborter.signal,
    });
    client.ws.send("waits").catch(() => undefined);
    const promises: Promise<unknown>[] = [];
    for (const name of ["error", "dropped", "stateChange", "closed"] as const) {
      client.ws.on(name, () => {
        if (promises.length > 50) return;
        const result = call(client);
        if (result instanceof Promise) promises.push(result.catch(() => undefined));
      });
    }
    stage.connection.reset();
    await stage.pass(10);
    client.ws.send("waits too").catch(() => undefined);
    if (ending === "closed") void client.ws.close();
    if (ending === "aborted") aborter.abort(new Error("enough"));
    await stage.pass(60_000);
    // A listener that calls connect() starts another run.
    void client.ws.close();
    await stage.pass(60_000);
    for (const promise of promises) expect(await outcome(promise)).not.toBe("pending");
    client.checkStory();
    await stage.finish();
  });
});

describe("ending a client from inside the functions in its options", () => {
  type Act = () => void;
  const functions: [name: string, options: (act: Act) => Options][] = [
    [
      "heartbeat.ping",
      (act) => ({
        heartbeat: { interval: 20, timeout: 20, ping: () => (act(), "ping"), isPong: () => false },
      }),
    ],
    [
      "heartbeat.isPong",
      (act) => ({ heartbeat: { interval: 20, timeout: 20, ping: () => "4", isPong: () => (act(), true) } }),
    ],
    ["serializer", (act) => ({ serializer: (value) => (act(), value) })],
    ["deserializer", (act) => ({ deserializer: (data) => (act(), data) })],
    [
      "buffer.keyOf",
      (act) => ({ buffer: { capacity: 1, overflow: "conflate", keyOf: () => (act(), "key") } }),
    ],
    ["outbox.idOf", (act) => ({ outbox: { idOf: () => (act(), "1"), acknowledges: () => undefined } })],
    ["outbox.acknowledges", (act) => ({ outbox: { idOf: () => "1", acknowledges: () => (act(), "1") } })],
    [
      "outbox.keyOf",
      (act) => ({ outbox: { capacity: 1, overflow: "conflate", keyOf: () => (act(), "key") } }),
    ],
    ["replay.sequence", (act) => ({ replay: { sequence: () => (act(), 1) } })],
    ["replay.streamOf", (act) => ({ replay: { sequence: () => 1, streamOf: () => (act(), "a") } })],
    ["replay.epochOf", (act) => ({ replay: { sequence: () => 1, epochOf: () => (act(), 1) } })],
    ["replay.isNext", (act) => ({ replay: { sequence: String, isNext: () => (act(), true) } })],
    ["replay.onReplay", (act) => ({ replay: { sequence: sequenceOf, onReplay: () => (act(), []) } })],
    ["onConnection", (act) => ({ onConnection: () => act() })],
    ["shouldReconnect", (act) => ({ shouldReconnect: () => (act(), true) })],
    ["headers", (act) => ({ headers: () => (act(), {}) })],
    ["subprotocols", (act) => ({ subprotocols: () => (act(), []) })],
  ];

  it.each(
    functions.flatMap(([name, options]) =>
      (["close", "terminate", "abort"] as const).map((how) => [name, how, options] as const),
    ),
  )("closes it in %s by %s", async (_name, how, options) => {
    const stage = new Stage(async (connection) => {
      connection.accept();
      for (const number of [1, 2, 5]) connection.send(String(number));
      await connection.delay(60);
      connection.reset();
    });
    const aborter = new AbortController();
    let calls = 0;
    const client: RecordedClient = stage.createClient({
      ...{ backoff: steady, signal: aborter.signal, retryInitial: true },
      ...options(() => {
        calls++;
        if (how === "close") void client.ws.close();
        else if (how === "terminate") client.ws.terminate();
        else aborter.abort(new Error("enough"));
      }),
    });
    client.ws.connect().catch(() => undefined);
    client.ws.on("connected", () => void client.ws.send("one").catch(() => undefined));
    await stage.pass(2_000);
    for (const message of ["two", "three"]) client.ws.send(message).catch(() => undefined);
    await stage.pass(100_000);
    expect(calls).toBeGreaterThan(0);
    expect(client.ws.state).toBe("closed");
    await stage.finish();
  });
});

describe("close() settles in time", () => {
  const closeTimeout = 300;

  /** The server keeps sending, so that a client that does not read is paused. */
  const flooding: Script = async (connection) => {
    connection.accept();
    await connection.delay(5);
    for (let count = 0; count < 100; count++) connection.send(`message ${count}`);
    connection.mute();
  };

  it.each(["close", "terminate", "abort"] as const)(
    "during a replacing rotation while reading is paused: %s",
    async (how) => {
      const stage = new Stage(inSequence(flooding, accepting));
      const aborter = new AbortController();
      const client = await stage.connect({ buffer: 10, closeTimeout, signal: aborter.signal });
      const { ws } = client;
      const iterator = ws[Symbol.asyncIterator]();
      const first = iterator.next();
      await stage.pass(10);
      expect(await outcome(first)).toMatchObject({ value: { value: "message 0" } });
      expect(client.story).toContain("paused");
      const waiting = [ws.reconnect(), ws.rotate(), ws.run(), ws.flush()];
      for (const promise of waiting) promise.catch(() => undefined);
      await stage.pass(10);
      const closing = endBy(client, how, aborter);
      await stage.pass(closeTimeout);
      expect(await outcome(closing)).toEqual({ value: undefined });
      for (const promise of waiting) expect(await outcome(promise)).not.toBe("pending");
      expect(client.all("closed")[0]!.report.verdict).toBe(how === "abort" ? "aborted" : "closed-by-us");
      expectOneEnd(client);
      await stage.finish();
    },
  );

  it.each(["close", "terminate", "abort"] as const)(
    "while the second connection of an overlap is ready and waits for the first: %s",
    async (how) => {
      const second: Script = (connection) => {
        connection.accept();
        connection.send("second");
        connection.mute();
      };
      let finishSetup: (() => void) | undefined;
      const stage = new Stage(inSequence(accepting, second));
      const aborter = new AbortController();
      const client = await stage.connect({
        rotation: { mode: "overlap" },
        closeTimeout,
        signal: aborter.signal,
        onConnection: () =>
          stage.server.connectionCount === 1
            ? undefined
            : new Promise<void>((resolve) => {
                finishSetup = resolve;
              }),
      });
      const [first] = stage.server.connections;
      const messages: Message[] = [];
      client.ws.on("message", ({ data }) => void messages.push(data));
      client.ws.rotate().catch(() => undefined);
      await stage.pass(5);
      first!.close(1000);
      first!.halfOpen();
      await stage.pass(1);
      finishSetup!();
      await stage.pass(1);
      const closing = endBy(client, how, aborter);
      await stage.pass(1_000 + closeTimeout);
      expect(await outcome(closing)).toEqual({ value: undefined });
      const dropped = client.all("dropped").map(({ message }) => message);
      expect([...messages, ...dropped]).toEqual(["second"]);
      expectOneEnd(client);
      await stage.finish();
    },
  );

  it.each(["close", "terminate", "abort"] as const)(
    "while onConnection never returns and reading is paused: %s",
    async (how) => {
      const stage = new Stage((connection) => {
        connection.accept();
        for (let count = 0; count < 40; count++) connection.send("x".repeat(25_000));
        connection.mute();
      });
      const aborter = new AbortController();
      const client = await stage.connect({
        ...{ maxMessageSize: 65_536, closeTimeout, signal: aborter.signal },
        onConnection: () => never(),
      });
      await stage.pass(10);
      const closing = endBy(client, how, aborter);
      await stage.pass(closeTimeout);
      expect(await outcome(closing)).toEqual({ value: undefined });
      expectOneEnd(client);
      await stage.finish();
    },
  );

  it("after ten times closeTimeout, even with progress and after a pause", async () => {
    const stage = new Stage(silent);
    const client = await stage.connect({ closeTimeout });
    const closing = client.ws.close();
    await stage.pass(closeTimeout * 10);
    expect(await outcome(closing)).toEqual({ value: undefined });
    await stage.finish();
  });
});

describe("a message that waits undecoded at the end of the client", () => {
  it("causes no event after `closed` if recv() cannot decode it", async () => {
    const stage = new Stage((connection) => {
      connection.accept();
      // The inbox keeps messages undecoded after 64 KiB.
      connection.send("x".repeat(70_000));
      connection.send("bad");
      connection.close(1000);
    });
    const client = await stage.connect({
      reconnect: false,
      deserializer: (data) => {
        if (data === "bad") throw new Error("bad");
        return String(data);
      },
    });
    await stage.pass(5_000);
    expect(client.ws.state).toBe("closed");
    expect(await client.ws.recv()).toHaveLength(70_000);
    expect(await outcome(client.ws.recv())).toMatchObject({ error: { name: "CloseError" } });
    expect(client.ws.stats().messagesDropped).toBe(1);
    expectOneEnd(client);
    await stage.finish();
  });
});
