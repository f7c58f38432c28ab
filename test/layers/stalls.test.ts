import { describe, expect, it } from "vitest";
import { disconnectOf, dying, heartbeat } from "./heartbeats.js";
import { steady } from "./scripts.js";
import { type Options, outcome, type RecordedClient, Stage } from "./stage.js";

describe("an event loop that is blocked", () => {
  const policy = { interval: 1_000, timeout: 1_000 };

  it("for 5 s does not look like a dead peer, at any moment", async () => {
    for (let at = 0; at <= 3_000; at += 97) {
      const stage = new Stage();
      const client = await stage.connect({ heartbeat: policy });
      await stage.pass(at);
      stage.clock.stall(5_000);
      await stage.pass(10_000);
      expect(disconnectOf(client)).toBeUndefined();
      expect(client.ws.state).toBe("connected");
      await stage.finish();
    }
  });

  it("repeatedly does not look like a dead peer", async () => {
    const stage = new Stage();
    const client = await stage.connect({ heartbeat: policy });
    for (let count = 0; count < 50; count++) {
      stage.clock.stall(1_000 + count * 113);
      await stage.pass(count * 7);
    }
    expect(disconnectOf(client)).toBeUndefined();
    await stage.finish();
  });

  it("while the answer to a ping is waiting does not look like a dead peer", async () => {
    const stage = new Stage((connection) => {
      connection.accept();
      connection.answerPings(false);
    });
    const client = await stage.connect({ heartbeat: { interval: 500, timeout: 400 } });
    const peer = stage.clock.peers.at(-1)!;
    for (let count = 0; count < 20; count++) {
      await stage.pass(300);
      // The kernel has received these bytes, but the blocked process cannot read them.
      peer.send(Buffer.from([0x8a, 0]));
      stage.clock.stall(3_000);
      await stage.pass(1);
      expect(disconnectOf(client)).toBeUndefined();
    }
    await stage.finish();
  });

  it("delays the detection of a dead peer to at most timeout + 250 ms after the block", async () => {
    for (let at = 0; at <= 2_500; at += 97) {
      const stage = new Stage();
      const client = await stage.connect({ heartbeat: policy, backoff: steady });
      await stage.pass(at);
      stage.connection.halfOpen();
      stage.clock.stall(5_000);
      const end = stage.clock.now();
      await stage.pass(policy.timeout + 250);
      expect(disconnectOf(client)?.verdict).toBe("heartbeat-timeout");
      expect(disconnectOf(client)!.at - end).toBeLessThanOrEqual(policy.timeout + 250);
      expect(client.all("disconnected")[0]!.report.loopLagMs).toBeGreaterThan(3_000);
      await stage.finish();
    }
  });
});

describe("a jump of the wall clock", () => {
  it("sends a ping at once, and keeps a live peer", async () => {
    const stage = new Stage();
    const client = await stage.connect({ heartbeat: { interval: 10_000, timeout: 5_000 } });
    await stage.pass(25_000);
    const before = client.all("pong").length;
    stage.clock.shiftWallClock(3_600_000);
    await stage.pass(10_000);
    expect(client.all("pong").length).toBeGreaterThan(before);
    expect(disconnectOf(client)).toBeUndefined();
    stage.clock.shiftWallClock(-7_200_000);
    await stage.pass(60_000);
    expect(disconnectOf(client)).toBeUndefined();
    await stage.finish();
  });

  it("restarts the timeout of a pending ping, and a dead peer is still detected", async () => {
    for (const policy of [
      { interval: 1_000, timeout: 700 },
      { interval: 700, timeout: 3_000 },
    ]) {
      const stage = new Stage(dying(10_000));
      const client = await stage.connect({ heartbeat: policy, backoff: steady });
      await stage.pass(10_500);
      stage.clock.shiftWallClock(60_000);
      await stage.pass(2 * (policy.interval + policy.timeout));
      expect(disconnectOf(client)?.verdict).toBe("heartbeat-timeout");
      await stage.finish();
    }
  });
});

describe("while back-pressure of the client pauses reading", () => {
  const options: Options = { heartbeat, buffer: 3, backoff: steady };

  /** A client whose consumer reads one message and then stops. */
  async function pausedBy(stage: Stage): Promise<RecordedClient> {
    const client = await stage.connect(options);
    const iterator = client.ws[Symbol.asyncIterator]();
    const first = iterator.next();
    for (let count = 0; count < 20; count++) stage.connection.send(`m${count}`);
    await stage.pass(10);
    await first;
    expect(client.ws.stats().messagesWaiting).toBeGreaterThanOrEqual(3);
    return client;
  }

  it("pings continue, and the connection stays open", async () => {
    let pings = 0;
    const stage = new Stage();
    const client = await pausedBy(stage);
    const peer = stage.clock.peers.at(-1)!;
    const { onData } = peer;
    peer.onData = (bytes) => {
      pings++;
      onData?.(bytes);
    };
    await stage.pass(60_000);
    expect(disconnectOf(client)).toBeUndefined();
    expect(pings).toBeGreaterThanOrEqual(58);
    for (let count = 0; count < 19; count++) {
      const next = client.ws.recv();
      await stage.pass(1);
      expect(await outcome(next)).not.toBe("pending");
    }
    await stage.pass(10_000);
    expect(disconnectOf(client)).toBeUndefined();
    await stage.finish();
  });

  it("a dead peer is detected once reading continues", async () => {
    const stage = new Stage();
    const client = await pausedBy(stage);
    stage.connection.halfOpen();
    await stage.pass(60_000);
    expect(disconnectOf(client)).toBeUndefined();
    for (let count = 0; count < 19; count++) {
      const next = client.ws.recv();
      await stage.pass(1);
      expect(await outcome(next)).not.toBe("pending");
    }
    await stage.pass(1_700);
    expect(disconnectOf(client)?.verdict).toBe("heartbeat-timeout");
    await stage.finish();
  });
});

describe("a client and a peer that wait for each other", () => {
  it("end as local-stall within two timeouts", async () => {
    for (const policy of [
      { interval: 1_000, timeout: 700 },
      { interval: 300, timeout: 2_000 },
      { interval: 60_000, timeout: 900 },
    ]) {
      // The server sends a lot, and reads nothing until all of that is written.
      const stage = new Stage((connection) => {
        connection.accept();
        connection.stopReading();
        for (let count = 0; count < 2_000; count++) connection.send("x".repeat(1_000));
      });
      const client = stage.createClient({
        heartbeat: policy,
        buffer: 10,
        highWaterMark: 10_000,
        backoff: steady,
      });
      let echoed = 0;
      client.ws.on("connected", () => {
        void (async () => {
          for await (const message of client.ws) {
            await client.ws.sendRaw(message);
            echoed++;
          }
        })().catch(() => undefined);
      });
      void client.ws.connect();
      await stage.pass();
      expect(echoed).toBeGreaterThan(60);
      const since = stage.clock.now();
      await stage.pass(2 * policy.timeout + 1);
      expect(disconnectOf(client)?.verdict).toBe("local-stall");
      expect(disconnectOf(client)!.at - since).toBeLessThanOrEqual(2 * policy.timeout);
      const codes = client.all("error").map(({ error }) => (error as { readonly code?: string }).code);
      expect(codes.filter((code) => code === "MUTUAL_STALL")).toEqual(["MUTUAL_STALL"]);
      await stage.finish();
    }
  });

  it("do not end while the write makes progress, however slow", async () => {
    const stage = new Stage((connection) => {
      connection.accept();
      connection.halfOpen();
    });
    const client = await stage.connect({ heartbeat, buffer: 3, backoff: steady });
    const peer = stage.clock.peers.at(-1)!;
    const iterator = client.ws[Symbol.asyncIterator]();
    const first = iterator.next();
    for (let count = 0; count < 20; count++) peer.send(Buffer.from([0x81, 1, 0x61]));
    await stage.pass(10);
    await first;
    void client.ws.sendRaw(Buffer.alloc(1024 * 1024)).catch(() => undefined);
    for (let count = 0; count < 12; count++) {
      await stage.pass(650);
      peer.take();
    }
    expect(disconnectOf(client)).toBeUndefined();
    await stage.pass(1_400);
    expect(disconnectOf(client)?.verdict).toBe("local-stall");
    await stage.finish();
  });
});
