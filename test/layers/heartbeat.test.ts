import { describe, expect, it } from "vitest";
import { disconnectOf, dying, heartbeat, sendRepeatedly } from "./heartbeats.js";
import { steady } from "./scripts.js";
import { accepting, Stage } from "./stage.js";

describe("the heartbeat", () => {
  it("is on by default, with an interval of 30 s and a timeout of 20 s", async () => {
    for (const seed of [1, 2, 3, 4]) {
      const stage = new Stage(accepting, { seed });
      const client = await stage.connect();
      await stage.pass(200_000);
      const [first, ...later] = client.times("pong");
      expect(first).toBeLessThan(30_000);
      expect(later).toEqual(later.map((_, index) => first! + 30_000 * (index + 1)));
      expect(later.length).toBeGreaterThanOrEqual(5);
      stage.connection.halfOpen();
      await stage.pass(50_000);
      expect(disconnectOf(client)?.verdict).toBe("heartbeat-timeout");
      await stage.finish();
    }
  });

  it("sends nothing when it is false", async () => {
    const stage = new Stage(dying(10));
    const client = await stage.connect({ heartbeat: false });
    await stage.pass(10_000_000);
    expect(client.story).not.toContain("pong");
    expect(client.ws.state).toBe("connected");
    await stage.finish();
  });

  it("starts at a random point of the interval in each client", async () => {
    const firsts = new Set<number>();
    for (let seed = 1; seed <= 20; seed++) {
      const stage = new Stage(accepting, { seed });
      const client = await stage.connect({ heartbeat });
      await stage.pass(1_001);
      firsts.add(Math.floor(client.times("pong")[0]! / 100));
      await stage.finish();
    }
    expect(firsts.size).toBeGreaterThan(5);
  });

  it("sends each ping with a unique payload, and the pong returns it", async () => {
    const stage = new Stage();
    const client = await stage.connect({ heartbeat: 100 });
    await stage.pass(10_000);
    const payloads = client.all("pong").map(({ payload }) => payload.toString("hex"));
    expect(payloads.length).toBeGreaterThan(90);
    expect(new Set(payloads).size).toBe(payloads.length);
    for (const { latencyMs } of client.all("pong")) expect(latencyMs).toBe(0);
    await stage.finish();
  });

  const dead = [
    ["at once", 0],
    ["soon", 123],
    ["later", 1_777],
    ["after many pings", 30_500],
  ] as const;

  it.each(dead)("detects a peer that dies %s within interval + timeout", async (_name, ms) => {
    for (let seed = 1; seed <= 10; seed++) {
      const stage = new Stage(dying(ms), { seed });
      const client = await stage.connect({ heartbeat, backoff: steady });
      await stage.pass(ms + heartbeat.interval + heartbeat.timeout);
      expect(disconnectOf(client)).toMatchObject({ verdict: "heartbeat-timeout" });
      await stage.finish();
    }
  });

  it.each(dead)("detects it also while 1 KiB per second is sent, dying %s", async (_name, ms) => {
    for (let seed = 1; seed <= 5; seed++) {
      const stage = new Stage(dying(ms), { seed });
      const client = await stage.connect({ heartbeat, backoff: steady });
      sendRepeatedly(stage, client, 100, Buffer.alloc(102));
      await stage.pass(ms + heartbeat.interval + heartbeat.timeout);
      expect(disconnectOf(client)).toMatchObject({ verdict: "heartbeat-timeout" });
      await stage.finish();
    }
  });

  it.each([
    [{ interval: 1_000, timeout: 5_000 }],
    [{ interval: 5_000, timeout: 1_000 }],
    [{ interval: 1_000, timeout: 1_000 }],
    [{ interval: 1, timeout: 1 }],
    [{ interval: 100, timeout: 10_000 }],
  ])("detects a dead peer in time with %o", async (policy) => {
    const stage = new Stage(dying(7_003));
    const client = await stage.connect({ heartbeat: policy, backoff: { ...steady, maxAttempts: 2 } });
    await stage.pass(7_003);
    expect(client.ws.state).toBe("connected");
    await stage.pass(policy.interval + policy.timeout);
    expect(disconnectOf(client)?.verdict).toBe("heartbeat-timeout");
    await stage.finish();
  });

  it("detects a dead peer while a write of 1 MiB is blocked", async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const stage = new Stage(dying(2_000), { seed });
      const client = await stage.connect({ heartbeat, backoff: steady });
      await stage.pass(2_000);
      void client.ws.sendRaw(Buffer.alloc(1024 * 1024)).catch(() => undefined);
      await stage.pass(heartbeat.interval + heartbeat.timeout);
      expect(disconnectOf(client)?.verdict).toBe("heartbeat-timeout");
      expect(client.all("disconnected")[0]!.report.messagesUncertain).toBeLessThanOrEqual(1);
      await stage.finish();
    }
  });

  it("accepts any received bytes as activity, even if no ping is ever answered", async () => {
    const stage = new Stage(async (connection) => {
      connection.accept();
      connection.answerPings(false);
      for (let count = 0; count < 200; count++) {
        // Half of a frame counts as activity too.
        connection.write(count % 2 === 0 ? Buffer.from([0x81, 2]) : "ab");
        await connection.delay(650);
      }
      connection.halfOpen();
    });
    const client = await stage.connect({ heartbeat });
    await stage.pass(199 * 650);
    expect(disconnectOf(client)).toBeUndefined();
    await stage.pass(650 + 1_700);
    expect(disconnectOf(client)?.verdict).toBe("heartbeat-timeout");
    await stage.finish();
  });

  it("accepts a pong with the wrong payload as activity, but measures no latency", async () => {
    const stage = new Stage((connection) => {
      connection.accept();
      connection.answerPings("wrong");
    });
    const client = await stage.connect({ heartbeat });
    await stage.pass(20_000);
    expect(disconnectOf(client)).toBeUndefined();
    for (const { latencyMs } of client.all("pong")) expect(latencyMs).toBeUndefined();
    await stage.finish();
  });

  it("states in its advice whether the peer has ever answered", async () => {
    const advices: string[] = [];
    for (const script of [dying(10_000), dying(0)]) {
      const stage = new Stage(script);
      const client = await stage.connect({ heartbeat });
      await stage.pass(20_000);
      const { report } = client.all("disconnected")[0]!;
      expect(report.unansweredPings).toBeGreaterThan(0);
      advices.push(report.advice);
      await stage.finish();
    }
    expect(advices[0]).not.toContain("heartbeat.ping");
    expect(advices[1]).toContain("heartbeat.ping");
  });
});

describe("a write that the kernel does not accept at once", () => {
  it("counts as activity with each part that is accepted, however slowly", async () => {
    const stage = new Stage((connection) => {
      connection.accept();
      connection.halfOpen();
    });
    const client = await stage.connect({ heartbeat });
    const peer = stage.clock.peers.at(-1)!;
    void client.ws.sendRaw(Buffer.alloc(1024 * 1024)).catch(() => undefined);
    for (let count = 0; count < 10; count++) {
      await stage.pass(600);
      expect(peer.waitingBytes).toBeGreaterThan(0);
      peer.take();
    }
    expect(disconnectOf(client)).toBeUndefined();
    await stage.pass(2_000);
    expect(disconnectOf(client)?.verdict).toBe("heartbeat-timeout");
    await stage.finish();
  });

  it("does not count as activity when its callback is late by one event loop turn, as with every TLS write", async () => {
    const stage = new Stage(dying(100));
    const { runtime } = stage;
    const lateRuntime: typeof runtime = {
      ...runtime,
      openTransport: (target, handler) => {
        const transport = runtime.openTransport(target, handler);
        return {
          ...transport,
          write: (bytes, onWritten) => {
            if (transport.write(bytes, onWritten)) runtime.afterTurn(onWritten);
            return false;
          },
        };
      },
    };
    const client = await stage.connect({ heartbeat, runtime: lateRuntime });
    sendRepeatedly(stage, client, 50, Buffer.alloc(500));
    await stage.pass(100 + 1_700);
    expect(disconnectOf(client)?.verdict).toBe("heartbeat-timeout");
    await stage.finish();
  });
});
