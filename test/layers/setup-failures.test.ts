import { describe, expect, it } from "vitest";
import { ConnectionError, TimeoutError } from "../../src/index.js";
import type { SetupConnection } from "../../src/options/setup-connection.js";
import { never } from "../support/never.js";
import { sending, rejectedWith, day, inSequence, steady } from "./scripts.js";
import { accepting, type Message, type Options, outcome, rejection, rejectionLater, Stage } from "./stage.js";

type Connection = SetupConnection<Message, string | Uint8Array>;

describe("a hook that fails", () => {
  const failures: [name: string, hook: () => unknown, text: string][] = [
    [
      "throws",
      () => {
        throw new Error("wrong password");
      },
      "wrong password",
    ],
    ["rejects", () => Promise.reject(new Error("wrong password")), "wrong password"],
    ["rejects with nothing", () => rejectedWith(undefined), "onConnection"],
    ["rejects with a string", () => rejectedWith("wrong password"), "wrong password"],
  ];

  it.each(failures)(
    "a hook that %s fails the attempt in the phase setup, and the client retries with growing delays",
    async (_name, hook, text) => {
      let calls = 0;
      const stage = new Stage();
      const client = stage.createClient({
        retryInitial: true,
        backoff: steady,
        onConnection: () => (++calls < 4 ? hook() : undefined),
      });
      const connecting = client.ws.connect();
      await stage.pass(7_500);
      expect(client.delays).toEqual([1_000, 2_000, 4_000]);
      for (const { report } of client.all("reconnecting")) {
        expect(report).toMatchObject({
          phase: "setup",
          verdict: "setup-failed",
          isRetryable: true,
          initiatedBy: "us",
        });
        expect(String(report.error)).toContain(text);
      }
      expect(await outcome(connecting)).toEqual({ value: undefined });
      expect(client.story).not.toContain("disconnected");
      expect(client.states.filter((state) => state === "connected")).toEqual(["connected"]);
      await stage.finish();
    },
  );

  it("a hook that fails at the first attempt rejects connect() with a ConnectionError of the phase setup", async () => {
    const stage = new Stage();
    const client = stage.createClient({ onConnection: () => Promise.reject(new Error("wrong password")) });
    const connecting = client.ws.connect();
    await stage.pass();
    const error = await rejection(connecting);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ phase: "setup", cause: { message: "wrong password" } });
    expect(client.ws.state).toBe("failed");
    await stage.finish();
  });

  it("a hook that fails closes the connection properly, and the remaining messages are dropped with an event", async () => {
    const ends: unknown[] = [];
    const stage = new Stage(async (connection) => {
      void sending("a", "b")(connection, 1);
      ends.push(await connection.closed);
    });
    const client = await stage.connect({
      reconnect: false,
      onConnection: async (connection) => {
        await connection.ping();
        throw new Error("no");
      },
    });
    await stage.pass();
    expect(ends).toEqual([{ code: 1000, reason: "" }]);
    expect(client.all("dropped").map(({ message, cause }) => [message, cause])).toEqual([
      ["a", "closed"],
      ["b", "closed"],
    ]);
    await stage.finish();
  });

  it("a peer that does not answer the Close delays the next attempt by at most closeTimeout", async () => {
    const stage = new Stage((connection) => {
      connection.accept();
      connection.mute();
    });
    let calls = 0;
    const client = stage.createClient({
      retryInitial: true,
      backoff: steady,
      closeTimeout: 700,
      onConnection: () => (++calls === 1 ? Promise.reject(new Error("no")) : Promise.resolve()),
    });
    void client.ws.connect();
    await stage.pass(1_700);
    expect(client.ws.state).toBe("connected");
    expect(client.all("reconnecting")[0]!.report).toMatchObject({ phase: "setup", verdict: "setup-failed" });
    await stage.finish();
  });

  it("a hook that hangs is limited by setupTimeout, by default connectTimeout, and its signal aborts", async () => {
    for (const [options, time] of [
      [{ setupTimeout: 300 }, 300],
      [{ connectTimeout: 400 }, 400],
      [{ connectTimeout: 400, setupTimeout: 600 }, 600],
    ] as [Options, number][]) {
      const signals: AbortSignal[] = [];
      const stage = new Stage();
      const client = stage.createClient({
        ...options,
        onConnection: (_connection, signal) => {
          signals.push(signal);
          return never();
        },
      });
      const connecting = client.ws.connect();
      await stage.pass(time - 1);
      expect(client.ws.state).toBe("connecting");
      expect(signals[0]!.aborted).toBe(false);
      await stage.pass(2);
      expect(signals[0]!.aborted).toBe(true);
      expect(await rejection(connecting)).toBeInstanceOf(TimeoutError);
      expect(client.all("closed")[0]!.report).toMatchObject({ phase: "setup", verdict: "setup-failed" });
      await stage.finish();
    }
  });

  it("a hook that resolves after its timeout changes nothing", async () => {
    const resolves: (() => void)[] = [];
    const stage = new Stage();
    const client = stage.createClient({
      retryInitial: true,
      backoff: steady,
      setupTimeout: 100,
      onConnection: () =>
        resolves.length === 0 ? new Promise<void>((resolve) => resolves.push(resolve)) : undefined,
    });
    void client.ws.connect();
    await stage.pass(500);
    expect(client.ws.state).toBe("backingOff");
    resolves[0]!();
    await stage.pass(100);
    expect(client.ws.state).toBe("backingOff");
    await stage.pass(2_000);
    expect(client.ws.state).toBe("connected");
    expect(client.story.filter((name) => name === "connected")).toEqual(["connected"]);
    await stage.finish();
  });
});

describe("a connection that ends during the hook", () => {
  it.each(["close", "terminate", "abort"] as const)("ends the client when the hook calls %s", async (way) => {
    const controller = new AbortController();
    const stage = new Stage();
    let hookSignal: AbortSignal | undefined;
    let afterwards: unknown;
    const client = stage.createClient({
      signal: controller.signal,
      onConnection: async (connection, signal) => {
        hookSignal = signal;
        if (way === "abort") controller.abort(new Error("enough"));
        else void client.ws[way]();
        afterwards = await rejectionLater(connection.recv());
      },
    });
    const connecting = client.ws.connect();
    await stage.pass();
    expect(client.ws.state).toBe("closed");
    expect(hookSignal!.aborted).toBe(true);
    expect(afterwards).toBeInstanceOf(Error);
    expect(await rejection(connecting)).toBeInstanceOf(Error);
    expect(client.story.filter((name) => /connected/.test(name))).toEqual([]);
    await stage.pass(day);
    expect(stage.server.connectionCount).toBe(1);
    await stage.finish();
  });

  const hooks: [name: string, hook: (connection: Connection, signal: AbortSignal) => unknown][] = [
    ["waits for a message", (connection) => connection.recv()],
    ["waits for a pong", (connection) => connection.ping()],
    ["waits for nothing", () => never()],
    [
      "rejects when its signal is aborted",
      (_connection, signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(new Error("aborted"))),
        ),
    ],
    [
      "sends without end",
      async (connection) => {
        for (;;) {
          await connection.send("x");
          await connection.ping();
        }
      },
    ],
  ];

  it.each(hooks)(
    "by a Close 4401 while the hook %s is `auth` in the phase setup, and fatal before the first success",
    async (_name, hook) => {
      const stage = new Stage(async (connection) => {
        connection.accept();
        connection.answerPings(false);
        await connection.delay(50);
        connection.close(4401, "who are you");
      });
      let signal: AbortSignal | undefined;
      const client = stage.createClient({
        retryInitial: true,
        onConnection: (connection, given) => {
          signal = given;
          return hook(connection, given);
        },
      });
      const connecting = client.ws.connect();
      await stage.pass(9_000);
      const { report } = client.all("closed")[0]!;
      expect(report).toMatchObject({
        verdict: "auth",
        phase: "setup",
        codeReceived: 4401,
        isRetryable: false,
        initiatedBy: "peer",
      });
      expect(await rejection(connecting)).toHaveProperty("report", report);
      expect(signal!.aborted).toBe(true);
      expect(stage.server.connectionCount).toBe(1);
      await stage.finish();
    },
  );

  it.each(hooks)(
    "by a reset while the hook %s is `network-lost` in the phase setup, and is retried",
    async (_name, hook) => {
      const stage = new Stage(
        inSequence(async (connection) => {
          connection.accept();
          connection.answerPings(false);
          await connection.delay(50);
          connection.reset();
        }, accepting),
      );
      let calls = 0;
      const client = stage.createClient({
        retryInitial: true,
        backoff: steady,
        onConnection: (connection, signal) => (++calls === 1 ? hook(connection, signal) : undefined),
      });
      void client.ws.connect();
      await stage.pass(9_000);
      expect(client.ws.state).toBe("connected");
      expect(client.all("reconnecting")[0]!.report).toMatchObject({
        verdict: "network-lost",
        phase: "setup",
      });
      await stage.finish();
    },
  );
});

describe("messages in the same read as the 101", () => {
  it("are read by the hook as it needs them, also when a Close follows", async () => {
    const stage = new Stage((connection) => {
      connection.inOneWrite(() => {
        connection.accept();
        connection.send("welcome");
        connection.send("left over");
        connection.close(4401, "too late");
      });
    });
    const got: unknown[] = [];
    const client = await stage.connect({
      onConnection: async (connection) => {
        got.push(await connection.recv());
        got.push(await rejectionLater(connection.recv({ match: (message) => message === "never" })));
      },
    });
    expect(got[0]).toBe("welcome");
    expect(got[1]).toBeInstanceOf(Error);
    expect(client.all("closed")[0]!.report).toMatchObject({
      verdict: "auth",
      phase: "setup",
      codeReceived: 4401,
    });
    expect(client.all("dropped").map(({ message }) => message)).toEqual(["left over"]);
    await stage.finish();
  });
});

describe("a peer that dies during the hook", () => {
  it("is detected by the heartbeat, in the phase setup", async () => {
    const stage = new Stage((connection) => {
      connection.accept();
      connection.halfOpen();
    });
    const client = stage.createClient({
      heartbeat: { interval: 500, timeout: 400 },
      setupTimeout: 60_000,
      onConnection: async (connection) => {
        await connection.recv();
      },
    });
    void client.ws.connect();
    await stage.pass(901);
    expect(client.all("closed")[0]!.report).toMatchObject({ verdict: "heartbeat-timeout", phase: "setup" });
    await stage.finish();
  });
});
