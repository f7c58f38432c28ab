import { describe, expect, it } from "vitest";
import { ConnectionError, HandshakeError } from "../../src/index.js";
import { breaking, closing, day, drop, inSequence, refusing, steady } from "./scripts.js";
import { accepting, outcome, rejection, type Script, Stage } from "./stage.js";

describe("the delays", () => {
  it("grow by the multiplier up to the cap, and with jitter stay between the floor and that value", async () => {
    const backoff = { base: 1_000, multiplier: 2, cap: 8_000, floor: 250 };
    for (const seed of [1, 2, 3, 4, 5]) {
      const stage = new Stage(inSequence(accepting, drop), { seed });
      const client = await stage.connect({ backoff });
      stage.connection.reset();
      await stage.pass(200_000);
      const { delays } = client;
      expect(delays.length).toBeGreaterThan(20);
      for (const [index, delay] of delays.entries()) {
        expect(delay).toBeGreaterThanOrEqual(250);
        expect(delay).toBeLessThanOrEqual(Math.min(1_000 * 2 ** index, 8_000));
      }
      expect(new Set(delays).size).toBe(delays.length);
      await stage.finish();
    }
  });

  it("are exact to the millisecond: `connecting` is emitted when the delay ends", async () => {
    const stage = new Stage(inSequence(accepting, drop));
    const client = await stage.connect({ backoff: steady });
    stage.connection.reset();
    await stage.pass(20_000);
    expect(client.delays.slice(0, 5)).toEqual([1_000, 2_000, 4_000, 8_000, 8_000]);
    const [, ...dialled] = client.times("connecting");
    const expected = client.times("reconnecting").map((at, index) => at + client.delays[index]!);
    expect(dialled).toEqual(expected.slice(0, dialled.length));
    await stage.finish();
  });

  it("restart once a connection was open for resetAfter, and not before", async () => {
    const backoff = { ...steady, resetAfter: 10_000 };
    const stage = new Stage(
      inSequence(breaking(10), drop, drop, breaking(9_999), breaking(10_000), accepting),
    );
    const client = await stage.connect({ backoff });
    await stage.pass(120_000);
    expect(client.delays).toEqual([1_000, 2_000, 4_000, 8_000, 1_000]);
    await stage.finish();
  });

  it("keep growing when connections open and break at once", async () => {
    const stage = new Stage(breaking(5));
    const client = await stage.connect({ backoff: steady });
    await stage.pass(60_000);
    expect(client.delays.slice(0, 5)).toEqual([1_000, 2_000, 4_000, 8_000, 8_000]);
    await stage.finish();
  });
});

describe("maxAttempts", () => {
  it("ends run() after that many failed attempts, and the last error is fatal", async () => {
    const stage = new Stage(drop);
    const client = stage.createClient({ backoff: { ...steady, maxAttempts: 4 } });
    const running = client.ws.run();
    await stage.pass(60_000);
    expect(await rejection(running)).toBeInstanceOf(Error);
    expect(stage.server.connectionCount).toBe(4);
    expect(client.ws.state).toBe("failed");
    expect(client.story.filter((name) => name === "error!")).toEqual(["error!"]);
    await stage.finish();
  });

  it("of one allows one attempt after a connection that was open for resetAfter", async () => {
    const stage = new Stage(inSequence(breaking(120_000), accepting));
    const client = await stage.connect({ backoff: { ...steady, maxAttempts: 1, resetAfter: 60_000 } });
    await stage.pass(200_000);
    expect(client.story).toContain("reconnected");
    await stage.finish();
  });

  it("restarts its count after resetAfter", async () => {
    const backoff = { ...steady, maxAttempts: 3, resetAfter: 1_000 };
    const stage = new Stage(
      inSequence(breaking(2_000), drop, breaking(2_000), drop, breaking(2_000), drop, accepting),
    );
    const client = await stage.connect({ backoff });
    await stage.pass(day / 24);
    expect(client.ws.state).toBe("connected");
    await stage.finish();
  });
});

describe("maxElapsed", () => {
  it("allows no attempt after that time since the first failure", async () => {
    const stage = new Stage(drop);
    const client = stage.createClient({ backoff: { ...steady, maxElapsed: 10_000 } });
    const running = client.ws.run();
    await stage.pass(60_000);
    expect(await rejection(running)).toBeInstanceOf(Error);
    // Attempts at 0, 1, 3 and 7 s; the next one would be at 15 s.
    expect(client.times("connecting")).toEqual([0, 1_000, 3_000, 7_000]);
    expect(client.times("closed")).toEqual([7_000]);
    await stage.finish();
  });

  it("counts from the first failure after a stable connection, however old the client is", async () => {
    const stage = new Stage(inSequence(breaking(day), drop, accepting));
    const client = await stage.connect({ backoff: { ...steady, maxElapsed: 10_000 }, heartbeat: false });
    await stage.pass(day + 60_000);
    expect(client.ws.state).toBe("connected");
    await stage.finish();
  });
});

describe("the first attempt", () => {
  it("that fails rejects connect() and ends the client with one error", async () => {
    const stage = new Stage(inSequence(refusing(503), accepting));
    const client = stage.createClient();
    const error = await (async () => {
      const connecting = client.ws.connect();
      await stage.pass();
      return rejection(connecting);
    })();
    expect(error).toBeInstanceOf(HandshakeError);
    await stage.pass(day);
    expect(client.story).toEqual(["to connecting", "connecting", "error!", "to failed", "closed"]);
    expect(stage.server.connectionCount).toBe(1);
    await stage.finish();
  });

  it("is repeated with retryInitial, and connect() waits for one that succeeds", async () => {
    const stage = new Stage(inSequence(refusing(503), drop, refusing(500), accepting));
    const client = stage.createClient({ retryInitial: true, backoff: steady });
    const connecting = client.ws.connect();
    await stage.pass(3_000);
    expect(await outcome(connecting)).toBe("pending");
    await stage.pass(10_000);
    expect(await outcome(connecting)).toEqual({ value: undefined });
    expect(client.states).toEqual([
      "connecting",
      ...Array<string[]>(3).fill(["backingOff", "connecting"]).flat(),
      "connected",
    ]);
    expect(client.story.filter((name) => name === "connected" || name === "reconnected")).toEqual([
      "connected",
    ]);
    await stage.finish();
  });

  it("that fails emits a non-fatal error when a retry follows", async () => {
    const stage = new Stage(inSequence(refusing(503), drop, accepting));
    const client = stage.createClient({ retryInitial: true, backoff: steady });
    void client.ws.connect();
    await stage.pass(10_000);
    expect(client.ws.state).toBe("connected");
    expect(client.all("error").map(({ isFatal }) => isFatal)).toEqual([false, false]);
    await stage.finish();
  });

  it("is repeated by run(), while a concurrent connect() rejects", async () => {
    const stage = new Stage(inSequence(drop, drop, accepting));
    const client = stage.createClient({ backoff: steady });
    const running = client.ws.run();
    const connecting = client.ws.connect();
    await stage.pass();
    expect(await rejection(connecting)).toBeInstanceOf(ConnectionError);
    await stage.pass(10_000);
    expect(client.ws.state).toBe("connected");
    expect(await outcome(running)).toBe("pending");
    void client.ws.close();
    await stage.pass();
    expect(await outcome(running)).toEqual({ value: undefined });
    await stage.finish();
  });

  it("is the only one with reconnect: false, regardless of retryInitial and run()", async () => {
    const stage = new Stage(drop);
    const client = stage.createClient({ reconnect: false, retryInitial: true });
    const running = client.ws.run();
    await stage.pass(day);
    expect(await rejection(running)).toBeInstanceOf(ConnectionError);
    expect(stage.server.connectionCount).toBe(1);
    await stage.finish();
  });
});

describe("a later attempt that fails", () => {
  it("emits a non-fatal error", async () => {
    const stage = new Stage(inSequence(breaking(5), drop, refusing(500), accepting));
    const client = await stage.connect({ backoff: steady });
    await stage.pass(60_000);
    expect(client.story).toContain("reconnected");
    expect(client.all("error").map(({ isFatal }) => isFatal)).toEqual([false, false]);
    await stage.finish();
  });
});

describe("a minimum delay", () => {
  const wallStart = Date.UTC(2030, 0, 1, 12, 0, 0);
  const rows: [name: string, script: Script, least: number][] = [
    ["429 with seconds", refusing(429, { "Retry-After": "120" }), 120_000],
    ["503 with seconds", refusing(503, { "retry-after": "7" }), 7_000],
    ["503 with a date", refusing(503, { "Retry-After": "Tue, 01 Jan 2030 12:00:31 GMT" }), 30_000],
    ["503 with a date that is over", refusing(503, { "Retry-After": "Tue, 01 Jan 2030 11:00:00 GMT" }), 0],
    ["429 with more than retryAfterCap", refusing(429, { "Retry-After": "99999" }), 200_000],
    ["429 with more digits than a number has", refusing(429, { "Retry-After": "9".repeat(400) }), 200_000],
    ["429 with an invalid value", refusing(429, { "Retry-After": "soon" }), 0],
    ["500 with seconds, which is ignored", refusing(500, { "Retry-After": "120" }), 0],
  ];

  it.each(rows)("of %s is added to the random delay", async (_name, script, least) => {
    // The first connection breaks after 0 s, the attempt under test is 1 s later.
    const stage = new Stage(inSequence(breaking(1), script, accepting), { wallStart: wallStart - 1 });
    const client = await stage.connect({ backoff: { ...steady, retryAfterCap: 200_000 } });
    await stage.pass(300_000);
    expect(client.delays).toEqual([1_000, 2_000 + least]);
    await stage.finish();
  });

  it.each([1012, 1013])("of base is added after a Close %d", async (code) => {
    const stage = new Stage(inSequence(closing(code), accepting));
    const client = await stage.connect({ backoff: { ...steady, base: 1_500 } });
    await stage.pass(60_000);
    expect(client.delays).toEqual([3_000]);
    await stage.finish();
  });

  it("keeps the spread of the random delay", async () => {
    const waits = [];
    for (let seed = 1; seed <= 20; seed++) {
      const stage = new Stage(inSequence(closing(1012), accepting), { seed });
      const client = await stage.connect({ backoff: { base: 1_000, floor: 100 } });
      await stage.pass(60_000);
      waits.push(...client.delays);
      await stage.finish();
    }
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1_100);
    expect(Math.max(...waits)).toBeLessThanOrEqual(2_000);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(300);
  });
});
