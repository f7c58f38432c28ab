import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Histogram } from "../../src/stats/histogram.js";
import { type Gauges, type ConnectionCounts, Statistics } from "../../src/stats/statistics.js";
import { VirtualScene } from "../support/virtual-scene.js";
import { binaryFrame, closeFrame, pongFrame, textFrame } from "../support/wire.js";

const noGauges: Gauges = {
  ...{ messagesWaiting: 0, messagesHeld: 0, outboxMessages: 0, outboxBytes: 0, bufferedAmount: 0 },
  ...{ duplicateCount: 0, gapCount: 0, recoveredCount: 0, resetCount: 0, uptimeMs: 0, downtimeMs: 0 },
};

const noHistograms = {
  ...{ latencyMs: undefined, dnsMs: undefined, tcpMs: undefined, proxyMs: undefined, tlsMs: undefined },
  ...{ httpMs: undefined, inboxMs: undefined, sendMs: undefined, recoveryMs: undefined },
};

const noDurations = { latencyMs: undefined, histograms: noHistograms };

const nothing = {
  ...{ messagesSent: 0, messagesReceived: 0, messagesDropped: 0, bytesSent: 0, bytesReceived: 0 },
  ...{ payloadBytesSent: 0, payloadBytesReceived: 0 },
  ...{ compressionRatioSent: undefined, compressionRatioReceived: undefined },
  ...{ attemptCount: 0, connectCount: 0, reconnectCount: 0, rotationCount: 0 },
  ...noGauges,
  ...noDurations,
};

describe("Statistics", () => {
  const one: ConnectionCounts = {
    messagesAccepted: 3,
    payloadBytesSent: 90,
    bytesSent: 60,
    bytesReceived: 20,
  };
  const other: ConnectionCounts = {
    messagesAccepted: 4,
    payloadBytesSent: 10,
    bytesSent: 40,
    bytesReceived: 5,
  };

  it("starts with zeros", () => {
    expect(new Statistics().snapshot([], noGauges)).toEqual(nothing);
  });

  it("returns 0, not -0, if only control frames arrived", () => {
    const counts = { messagesAccepted: 0, payloadBytesSent: 0, bytesSent: 8, bytesReceived: 4 };
    const { payloadBytesReceived, compressionRatioReceived } = new Statistics().snapshot([counts], noGauges);
    expect([payloadBytesReceived, compressionRatioReceived]).toEqual([0, 0]);
  });

  it("adds up the connections that have ended and those that are open", () => {
    const statistics = new Statistics();
    statistics.add(one);
    statistics.payloadBytesReceived = 75;
    expect(statistics.snapshot([other, other], noGauges)).toEqual({
      ...nothing,
      ...{ messagesSent: 11, payloadBytesSent: 110, bytesSent: 140, bytesReceived: 30 },
      ...{ payloadBytesReceived: 75, compressionRatioSent: 110 / 140, compressionRatioReceived: 2.5 },
    });
    expect(statistics.snapshot([], noGauges)).toMatchObject({ messagesSent: 3, bytesSent: 60 });
  });

  it("includes the gauges unchanged", () => {
    const gauges = { ...noGauges, messagesWaiting: 5, uptimeMs: 12 };
    expect(new Statistics().snapshot([], gauges)).toEqual({ ...nothing, messagesWaiting: 5, uptimeMs: 12 });
  });

  it("stores each kind of duration separately, and never changes a snapshot", () => {
    const statistics = new Statistics();
    for (const duration of [10, 30]) statistics.record("sendMs", duration);
    statistics.record("httpMs", 7);
    const before = statistics.snapshot([], noGauges);
    statistics.record("sendMs", 500);
    expect(before).toEqual({
      ...nothing,
      histograms: {
        ...noHistograms,
        sendMs: expect.objectContaining({ count: 2, sum: 40, min: 10, max: 30, last: 30 }) as unknown,
        httpMs: expect.objectContaining({ count: 1, sum: 7, mean: 7 }) as unknown,
      },
    });
    expect(statistics.snapshot([], noGauges).histograms.sendMs).toMatchObject({ count: 3, max: 500 });
  });

  it("returns the last round-trip time as a number, and undefined before the first one", () => {
    const statistics = new Statistics();
    expect(`${statistics.snapshot([], noGauges).latencyMs} ms`).toBe("undefined ms");
    for (let count = 0; count < 50; count++) {
      statistics.record("latencyMs", 100 - count);
      expect(`${statistics.snapshot([], noGauges).latencyMs} ms`).toBe(`${100 - count} ms`);
    }
    expect(statistics.snapshot([], noGauges).histograms.latencyMs).toMatchObject({ count: 50, max: 100 });
  });
});

describe("a recorded duration", () => {
  it.each([[[7.25]], [[-1]], [[NaN]], [[3, 5]], [[0, 1, 2]]])(
    "%j: has the same summary as in a histogram",
    (samples) => {
      const statistics = new Statistics();
      const histogram = new Histogram();
      for (const sample of samples) {
        statistics.record("tcpMs", sample);
        histogram.record(sample);
      }
      expect(statistics.snapshot([], noGauges).histograms.tcpMs).toEqual(histogram.snapshot());
    },
  );
});

describe("ws.stats()", () => {
  let scene: VirtualScene;

  beforeEach(() => {
    scene = new VirtualScene();
  });

  afterEach(() => scene.finish());

  it("is frozen, and all zero at first", () => {
    const { ws } = scene.watch();
    const stats = ws.stats();
    expect([stats, stats.histograms].map((part) => Object.isFrozen(part))).toEqual([true, true]);
    expect(stats).toEqual(nothing);
  });

  it("includes both directions, waiting messages, latency and uptime", async () => {
    const { ws, link } = await scene.open();
    await scene.pass(100);
    void ws.send("abc");
    void ws.ping({ payload: Buffer.from("p") });
    await scene.pass(30);
    link.send(textFrame("\u20ac"), binaryFrame(Buffer.alloc(200)), pongFrame("p"));
    await scene.pass();
    const before = ws.stats();
    expect({ ...before, ...noDurations }).toEqual({
      ...nothing,
      ...{ messagesSent: 1, messagesReceived: 2, payloadBytesSent: 3, payloadBytesReceived: 203 },
      ...{ bytesSent: 9 + 7, bytesReceived: 5 + 204 + 3, messagesWaiting: 2, uptimeMs: 130 },
      ...{ compressionRatioSent: 3 / 16, compressionRatioReceived: 203 / 212 },
      ...{ attemptCount: 1, connectCount: 1 },
    });
    expect(before.latencyMs).toBe(30);
    const { histograms } = before;
    expect(histograms.latencyMs).toMatchObject({ count: 1, last: 30 });
    for (const name of ["dnsMs", "tcpMs", "httpMs"] as const)
      expect(histograms[name]).toMatchObject({ count: 1 });
    for (const name of ["proxyMs", "tlsMs", "recoveryMs"] as const) expect(histograms[name]).toBeUndefined();
    await ws.recv();
    void ws.send("def");
    expect(ws.stats()).toMatchObject({
      ...{ messagesSent: 2, messagesWaiting: 1, bufferedAmount: 9, payloadBytesSent: 6 },
      histograms: { inboxMs: { count: 1, last: 0 } },
    });
    expect(before.messagesSent).toBe(1);
  });

  it("adds up the connections of a client that is opened again", async () => {
    const { client, ws, link } = await scene.open();
    void ws.send("abc");
    link.send(textFrame("1"), closeFrame(1011));
    await scene.pass();
    link.peer.end();
    await scene.pass(50);
    const first = ws.stats();
    expect(first).toMatchObject({ messagesSent: 1, bytesSent: 9 + 8, bytesReceived: 3 + 4, uptimeMs: 0 });
    const second = await scene.dial(client);
    second.answer();
    await scene.pass(20);
    void ws.send("def");
    second.send(textFrame("2"));
    await scene.pass();
    expect(ws.stats()).toMatchObject({
      ...{ messagesSent: 2, messagesReceived: 2, payloadBytesReceived: 2, messagesWaiting: 2 },
      ...{ bytesSent: 9 + 8 + 9, bytesReceived: 3 + 4 + 3, uptimeMs: 20 },
      ...{ attemptCount: 2, connectCount: 2, reconnectCount: 0 },
    });
  });

  it("counts reconnects and the time without a connection", async () => {
    const { client, ws, link } = await scene.open({
      reconnect: true,
      backoff: { base: 400, jitter: false },
    });
    link.peer.reset();
    await scene.pass(100);
    expect(client.ws.state).toBe("backingOff");
    expect(ws.stats()).toMatchObject({ downtimeMs: 100, uptimeMs: 0, reconnectCount: 0 });
    await scene.pass(300);
    const second = scene.link;
    second.peer.accept();
    await scene.pass(50);
    second.answer();
    await scene.pass(10);
    expect(ws.stats()).toMatchObject({
      ...{ downtimeMs: 450, uptimeMs: 10, attemptCount: 2, connectCount: 2, reconnectCount: 1 },
      histograms: { recoveryMs: { count: 1, last: 450 } },
    });
  });

  it("counts every dropped message, with or without a listener, and does not count it as sent", async () => {
    const { ws, link } = await scene.open({ buffer: 2 });
    link.send(...["1", "2", "3", "4"].map((text) => textFrame(text)));
    await scene.pass();
    expect(ws.stats()).toMatchObject({ messagesReceived: 4, messagesWaiting: 2, messagesDropped: 2 });
    void ws.send("unsent");
    ws.terminate();
    await scene.pass();
    expect(ws.stats()).toMatchObject({
      messagesSent: 0,
      messagesWaiting: 0,
      messagesDropped: 5,
      bufferedAmount: 0,
    });
  });
});
