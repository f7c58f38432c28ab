import { describe, expect, it } from "vitest";
import { disconnectOf, heartbeat } from "./heartbeats.js";
import { steady } from "./scripts.js";
import { type Message, outcome, type Script, Stage } from "./stage.js";

describe("application pings", () => {
  const isPong = (message: Message): boolean => message === "pong";

  function answering(script?: Script): Script {
    return async (connection, n) => {
      connection.accept();
      connection.answerPings(false);
      void script?.(connection, n);
      for await (const message of connection) if (message === "ping") connection.send("pong");
    };
  }

  it("are messages whose answers are consumed and measure the latency", async () => {
    const stage = new Stage(async (connection) => {
      connection.accept();
      for await (const message of connection) {
        if (message !== "ping") continue;
        await connection.delay(30);
        connection.send("pong");
      }
    });
    const messages: Message[] = [];
    const client = stage.createClient({ heartbeat: { ...heartbeat, ping: () => "ping", isPong } });
    client.ws.on("message", ({ data }) => messages.push(data));
    void client.ws.connect();
    await stage.pass(20_000);
    expect(messages).toEqual([]);
    expect(client.all("pong").length).toBeGreaterThanOrEqual(18);
    for (const { latencyMs } of client.all("pong")) expect(latencyMs).toBe(30);
    expect(client.ws.stats().histograms.latencyMs).toMatchObject({ max: expect.closeTo(30, 0) as number });
    await stage.finish();
  });

  it("do not count as never answered when they were answered", async () => {
    const stage = new Stage(
      answering(async (connection) => {
        await connection.delay(10_000);
        connection.halfOpen();
      }),
    );
    const client = await stage.connect({
      heartbeat: { ...heartbeat, ping: () => "ping", isPong },
      backoff: steady,
    });
    await stage.pass(13_000);
    expect(disconnectOf(client)?.verdict).toBe("heartbeat-timeout");
    expect(client.all("disconnected")[0]!.report.advice).not.toContain("never answered");
    await stage.finish();
  });

  it("do not measure a latency from a ping of an earlier connection", async () => {
    const stage = new Stage(
      answering(async (connection, n) => {
        if (n > 1) return;
        await connection.delay(5_000);
        connection.halfOpen();
      }),
    );
    const client = await stage.connect({
      heartbeat: { ...heartbeat, ping: () => "ping", isPong },
      backoff: { ...steady, base: 8_000 },
    });
    await stage.pass(60_000);
    expect(client.ws.stats().reconnectCount).toBe(1);
    for (const { latencyMs } of client.all("pong")) expect(latencyMs).toBeLessThan(10);
    await stage.finish();
  });

  it("that throw are reported, and a peer without a ping is not closed for its silence", async () => {
    const fault = new Error("no ping today");
    const stage = new Stage();
    const client = await stage.connect({
      heartbeat: {
        ...heartbeat,
        ping: () => {
          throw fault;
        },
      },
    });
    await stage.pass(10_000);
    expect(client.all("error").filter(({ error }) => error === fault).length).toBeGreaterThan(2);
    expect(disconnectOf(client)).toBeUndefined();
    await stage.finish();
  });

  it("with an isPong that throws are reported, and the message is delivered", async () => {
    const fault = new Error("no idea");
    const stage = new Stage();
    const client = await stage.connect({
      heartbeat: {
        ...heartbeat,
        ping: () => "ping",
        isPong: () => {
          throw fault;
        },
      },
    });
    stage.connection.send("hello");
    await stage.pass();
    expect(await outcome(client.ws.recv())).toEqual({ value: "hello" });
    expect(client.all("error").map(({ error }) => error)).toEqual([fault]);
    await stage.finish();
  });

  it("have answers that are not delivered to a hook with a pending recv()", async () => {
    const stage = new Stage(
      answering(async (connection) => {
        connection.answerPings(true);
        await connection.delay(3_000);
        connection.send("welcome");
      }),
    );
    let got: Message | undefined;
    const client = await stage.connect({
      heartbeat: { ...heartbeat, ping: () => "ping", isPong },
      onConnection: async (connection) => void (got = await connection.recv()),
    });
    await stage.pass(5_000);
    expect(client.ws.state).toBe("connected");
    expect(got).toBe("welcome");
    await stage.finish();
  });

  it("detect a dead peer in the same time", async () => {
    const stage = new Stage(
      answering(async (connection) => {
        await connection.delay(5_000);
        connection.halfOpen();
      }),
    );
    const client = await stage.connect({
      heartbeat: { ...heartbeat, ping: () => "ping", isPong },
      backoff: steady,
    });
    await stage.pass(5_000 + 1_700);
    expect(disconnectOf(client)?.verdict).toBe("heartbeat-timeout");
    await stage.finish();
  });
});
