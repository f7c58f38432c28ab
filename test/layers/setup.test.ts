import { describe, expect, it } from "vitest";
import { BufferOverflowError, TimeoutError } from "../../src/index.js";
import type { SetupConnection } from "../../src/options/setup-connection.js";
import { sending, breaking, inSequence, steady } from "./scripts.js";
import { accepting, type Message, outcome, rejection, rejectionLater, type Script, Stage } from "./stage.js";

type Connection = SetupConnection<Message, string | Uint8Array>;

/** Accepts the connection, and appends received messages to `into` in order. */
function collecting(into: string[]): Script {
  return async (connection) => {
    connection.accept();
    for await (const message of connection) into.push(String(message));
  };
}

describe("a call of the hook with invalid options", () => {
  const calls: readonly (readonly [string, (connection: Connection, options: never) => Promise<unknown>])[] =
    [
      ["send", (connection, options) => connection.send("x", options)],
      ["sendRaw", (connection, options) => connection.sendRaw("x", options)],
      ["ping", (connection, options) => connection.ping(options)],
      ["recv", (connection, options) => connection.recv(options)],
    ];

  it.each(calls)("rejects and does not throw: %s", async (_name, call) => {
    const failure = new Error("mine");
    const fail = (): never => {
      throw failure;
    };
    const reasons: unknown[] = [];
    const stage = new Stage(sending());
    const client = stage.createClient({
      onConnection: async (connection) => {
        for (const options of [new Proxy({}, { ownKeys: fail }), { timout: 5 }, { timeout: "soon" }]) {
          const promise = call(connection, options as never);
          await promise.catch((reason: unknown) => reasons.push(reason));
        }
      },
    });
    void client.ws.connect();
    await stage.pass();
    expect(reasons).toEqual([failure, expect.any(TypeError), expect.any(TypeError)]);
    expect(client.ws.state).toBe("connected");
    await stage.finish();
  });
});

describe("the order of a new connection", () => {
  it("is handshake, hook, state, outbox, event, connect()", async () => {
    const order: string[] = [];
    const stage = new Stage(async (connection) => {
      order.push("request");
      connection.accept();
      for await (const message of connection) order.push(`server got ${String(message)}`);
    });
    const client = stage.createClient({
      outbox: 10,
      onConnection: async (connection) => {
        order.push("hook");
        await connection.send("hello");
        await connection.ping();
        order.push("hook done");
      },
    });
    const { ws } = client;
    ws.on("stateChange", ({ to }) => order.push(`state ${to}`));
    ws.on("connected", () => {
      order.push("event");
      void ws.send("from the event");
    });
    void ws.send("queued 1");
    void ws.send("queued 2");
    const connecting = ws.connect().then(() => order.push("connect()"));
    await stage.pass();
    await connecting;
    await stage.pass();
    const local = order.filter((one) => !one.startsWith("server"));
    expect(local).toEqual([
      "state connecting",
      "request",
      "hook",
      "hook done",
      "state connected",
      "event",
      "connect()",
    ]);
    const sent = order.filter((one) => one.startsWith("server"));
    expect(sent).toEqual(
      ["hello", "queued 1", "queued 2", "from the event"].map((one) => `server got ${one}`),
    );
    await stage.finish();
  });

  it("delivers no message before `connected`, even if the hook leaves some", async () => {
    const stage = new Stage(sending("1", "2", "3"));
    const order: string[] = [];
    const client = stage.createClient({ onConnection: (connection) => connection.ping() });
    client.ws.on("message", ({ data }) => order.push(String(data)));
    client.ws.on("connected", () => order.push("connected"));
    void client.ws.connect();
    await stage.pass();
    expect(order).toEqual(["connected", "1", "2", "3"]);
    await stage.finish();
  });
});

describe("recv() in the hook", () => {
  it("with match receives the first matching message, and the others keep their order", async () => {
    const stage = new Stage(sending("a", "ok 1", "b", "ok 2", "c"));
    const taken: Message[] = [];
    const client = await stage.connect({
      onConnection: async (connection) => {
        await connection.ping();
        const match = (message: Message): boolean => String(message).startsWith("ok");
        taken.push(await connection.recv({ match }), await connection.recv({ match }));
      },
    });
    expect(taken).toEqual(["ok 1", "ok 2"]);
    const rest = [];
    for (let count = 0; count < 3; count++) rest.push(await client.ws.recv());
    expect(rest).toEqual(["a", "b", "c"]);
    await stage.finish();
  });

  it("serves two pending calls by their match, in any order", async () => {
    const stage = new Stage(async (connection) => {
      connection.accept();
      await connection.delay(10);
      for (const message of ["x", "b", "a", "a"]) connection.send(message);
    });
    let taken: unknown;
    const client = await stage.connect({
      onConnection: async (connection) => {
        const of = (text: string): Promise<Message> =>
          connection.recv({ match: (message) => message === text });
        taken = await Promise.all([of("a"), of("b")]);
      },
    });
    await stage.pass(10);
    expect(taken).toEqual(["a", "b"]);
    expect([await client.ws.recv(), await client.ws.recv()]).toEqual(["x", "a"]);
    await stage.finish();
  });

  it("that is cancelled or times out consumes no message", async () => {
    const stage = new Stage(async (connection) => {
      connection.accept();
      await connection.delay(100);
      connection.send("late");
      await connection.delay(100);
      connection.send("later");
    });
    const errors: unknown[] = [];
    const controller = new AbortController();
    const client = stage.createClient({
      onConnection: async (connection) => {
        const aborted = connection.recv({ signal: controller.signal });
        errors.push(await rejectionLater(connection.recv({ timeout: 50 })));
        controller.abort(new Error("no more"));
        errors.push(await rejectionLater(aborted));
        errors.push(await connection.recv());
      },
    });
    void client.ws.connect();
    await stage.pass(1_000);
    expect(errors[0]).toBeInstanceOf(TimeoutError);
    expect(errors.slice(1)).toEqual([new Error("no more"), "late"]);
    expect(await client.ws.recv()).toBe("later");
    await stage.finish();
  });

  it.each([
    ["a wrong option", { mtach: () => true } as never, /Unknown option "mtach"/],
    ["a match that is not a function", { match: "a" } as never, /"match"/],
    ["a negative timeout", { timeout: -1 }, /"timeout"/],
  ])("with %s rejects", async (_name, options, message) => {
    const stage = new Stage();
    const client = await stage.connect({
      reconnect: false,
      onConnection: async (connection) => {
        await connection.recv(options);
      },
    });
    expect(String(client.all("closed")[0]!.report.error)).toMatch(message);
    await stage.finish();
  });
});

describe("messages that arrive while the hook runs", () => {
  const big = "x".repeat(400);

  it("reject its recv() with a BufferOverflowError above maxMessageSize", async () => {
    const stage = new Stage(sending(big, big, big, "wanted"));
    let error: unknown;
    const client = await stage.connect({
      maxMessageSize: 1_000,
      onConnection: async (connection) => {
        error = await rejectionLater(connection.recv({ match: (message) => message === "wanted" }));
      },
    });
    expect(error).toBeInstanceOf(BufferOverflowError);
    const got = [];
    for (let count = 0; count < 4; count++) got.push(await client.ws.recv());
    expect(got).toEqual([big, big, big, "wanted"]);
    await stage.finish();
  });

  it("pause reading above that limit when no recv() is pending, and reading continues after the hook", async () => {
    let written = 0;
    const stage = new Stage(async (connection) => {
      connection.accept();
      for (; written < 20; written++) {
        connection.send(`${written}${big}`);
        await connection.delay(10);
      }
    });
    let end!: () => void;
    const client = await stage.connect({
      maxMessageSize: 1_000,
      heartbeat: false,
      onConnection: () => new Promise<void>((resolve) => (end = resolve)),
    });
    await stage.pass(1_000);
    expect(written).toBe(20);
    const { bytesReceived } = client.ws.stats();
    expect(bytesReceived).toBeLessThan(2_500);
    end();
    await stage.pass(10);
    const got = [];
    for (let count = 0; count < 20; count++) got.push(parseInt(String(await client.ws.recv()), 10));
    expect(got).toEqual(Array.from({ length: 20 }, (_, index) => index));
    await stage.finish();
  });

  it("include one message of any allowed size", async () => {
    const stage = new Stage(sending("y".repeat(1_000)));
    let got: Message = "";
    await stage.connect({
      maxMessageSize: 1_000,
      onConnection: async (connection) => void (got = await connection.recv()),
    });
    expect(got.length).toBe(1_000);
    await stage.finish();
  });

  it("are not limited by the inbox, which pauses after the hook and drops nothing", async () => {
    const numbers = Array.from({ length: 50 }, (_, index) => String(index));
    const stage = new Stage(sending(...numbers));
    const client = stage.createClient({ buffer: 3, onConnection: (connection) => connection.ping() });
    const first = client.ws.recv();
    void client.ws.connect();
    await stage.pass();
    const got = [await first];
    for (let count = 1; count < 50; count++) {
      got.push(await client.ws.recv());
      await stage.pass(1);
    }
    expect(got).toEqual(numbers);
    expect(client.all("dropped")).toEqual([]);
    await stage.finish();
  });
});

describe("ws.send() while the hook runs", () => {
  it("rejects without an outbox, and the error names the object to use", async () => {
    const stage = new Stage();
    let error: unknown;
    const client = stage.createClient({
      onConnection: async () => void (error = await rejectionLater(client.ws.send("a"))),
    });
    void client.ws.connect();
    await stage.pass();
    expect(error).toMatchObject({ state: "connecting" });
    expect(String(error)).toContain("onConnection");
    await stage.finish();
  });

  it("enters the outbox, and is written after the messages of the hook", async () => {
    const got: string[] = [];
    const stage = new Stage(collecting(got));
    const client = stage.createClient({
      outbox: 10,
      onConnection: async (connection) => {
        await client.ws.send("client");
        await connection.send("hook 1");
        await connection.ping();
        void connection.send("hook 2");
      },
    });
    void client.ws.connect();
    await stage.pass();
    expect(got).toEqual(["hook 1", "hook 2", "client"]);
    await stage.finish();
  });
});

describe("the hook", () => {
  it("runs on each connection, with its own connection object", async () => {
    const seen: Connection[] = [];
    const stage = new Stage(inSequence(breaking(10), breaking(10), accepting));
    const client = await stage.connect({
      backoff: steady,
      onConnection: (connection) => void seen.push(connection),
    });
    await stage.pass(60_000);
    expect(client.ws.state).toBe("connected");
    expect(new Set(seen).size).toBe(3);
    for (const one of seen) expect(Object.isFrozen(one)).toBe(true);
    await stage.finish();
  });

  it("that fails later is retried too, and `disconnected` is emitted only for open connections", async () => {
    let calls = 0;
    const stage = new Stage(inSequence(breaking(10), accepting));
    const client = await stage.connect({
      backoff: steady,
      onConnection: () => {
        if (++calls === 2 || calls === 3) throw new Error("not yet");
        return Promise.resolve();
      },
    });
    await stage.pass(60_000);
    expect(client.ws.state).toBe("connected");
    expect(client.story.filter((name) => name === "disconnected")).toEqual(["disconnected"]);
    expect(client.delays).toEqual([1_000, 2_000, 4_000]);
    await stage.finish();
  });

  it("receives an object that rejects all calls after its connection is closed", async () => {
    const kept: Connection[] = [];
    const stage = new Stage(inSequence(breaking(10), accepting));
    const client = await stage.connect({
      backoff: steady,
      onConnection: (connection) => void kept.push(connection),
    });
    await stage.pass(60_000);
    expect(client.ws.state).toBe("connected");
    const [old] = kept;
    const calls = [old!.send("a"), old!.sendRaw("a"), old!.ping(), old!.recv(), old!.recv({ timeout: 10 })];
    await stage.pass(100);
    for (const call of calls) expect(await rejection(call)).toBeInstanceOf(Error);
    expect(client.ws.state).toBe("connected");
    expect(client.ws.stats().messagesSent).toBe(0);
    await stage.finish();
  });

  it("may keep its object while the connection is open: its recv() receives messages before the client", async () => {
    const kept: Connection[] = [];
    const stage = new Stage();
    const client = await stage.connect({ onConnection: (connection) => void kept.push(connection) });
    const taken = kept[0]!.recv({ match: (message) => message === "b" });
    for (const message of ["a", "b", "c"]) stage.connection.send(message);
    await stage.pass();
    expect(await outcome(taken)).toEqual({ value: "b" });
    expect([await client.ws.recv(), await client.ws.recv()]).toEqual(["a", "c"]);
    await stage.finish();
  });
});
