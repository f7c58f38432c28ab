import { describe, expect, it } from "vitest";
import { CloseError, TimeoutError } from "../../src/index.js";
import { never } from "../support/never.js";
import { breaking, day, drop, inSequence, refusing, steady } from "./scripts.js";
import { accepting, type Options, outcome, rejection, type Script, Stage } from "./stage.js";

describe("reconnect()", () => {
  it("rejects when the client is idle, failed or closed", async () => {
    const stage = new Stage(drop);
    const idle = stage.createClient();
    expect(await rejection(idle.ws.reconnect())).toMatchObject({ state: "idle" });
    const failed = await stage.connect();
    expect(failed.ws.state).toBe("failed");
    expect(await rejection(failed.ws.reconnect())).toMatchObject({ state: "failed" });
    const closed = stage.createClient();
    closed.ws.terminate();
    expect(await rejection(closed.ws.reconnect())).toMatchObject({ state: "closed" });
    await stage.finish();
  });

  it("waits for the attempt in progress", async () => {
    const stage = new Stage(inSequence(accepting));
    const client = stage.createClient();
    void client.ws.connect();
    const reconnected = client.ws.reconnect();
    await stage.pass();
    expect(await outcome(reconnected)).toEqual({ value: undefined });
    expect(stage.server.connectionCount).toBe(1);
    await stage.finish();
  });

  it("dials at once during backoff and cancels the backoff timer", async () => {
    const stage = new Stage(inSequence(breaking(5), accepting));
    const client = await stage.connect({ backoff: steady });
    await stage.pass(500);
    expect(client.ws.state).toBe("backingOff");
    const reconnected = client.ws.reconnect();
    expect(client.ws.state).toBe("reconnecting");
    await stage.pass();
    expect(await outcome(reconnected)).toEqual({ value: undefined });
    await stage.pass(120_000);
    expect(stage.server.connectionCount).toBe(2);
    await stage.finish();
  });

  it("replaces an open connection without a delay", async () => {
    const stage = new Stage();
    const client = await stage.connect();
    const reconnected = client.ws.reconnect();
    await stage.pass();
    expect(await outcome(reconnected)).toEqual({ value: undefined });
    expect(client.delays).toEqual([]);
    expect(client.verdicts).toEqual(["rotated"]);
    expect(stage.server.connectionCount).toBe(2);
    await stage.finish();
  });

  it("rejects while the client is closing", async () => {
    const stage = new Stage((connection) => {
      connection.accept();
      connection.mute();
    });
    const client = await stage.connect();
    void client.ws.close();
    expect(client.ws.state).toBe("disconnecting");
    expect(await rejection(client.ws.reconnect())).toMatchObject({ code: "INVALID_STATE" });
    await stage.pass(10_000);
    expect(client.ws.state).toBe("closed");
    await stage.finish();
  });

  it("in a listener of any event leaves the client working", async () => {
    for (const name of [
      "disconnected",
      "reconnecting",
      "connecting",
      "reconnected",
      "stateChange",
      "error",
    ] as const) {
      const stage = new Stage(inSequence(breaking(5), drop, breaking(5), accepting));
      const client = stage.createClient({ backoff: steady });
      let calls = 0;
      client.ws.on(name, () => {
        if (calls++ < 50) void client.ws.reconnect();
      });
      void client.ws.connect();
      await stage.pass(120_000);
      expect(client.ws.state, name).toBe("connected");
      await stage.finish();
    }
  });
});

describe("connect()", () => {
  it("with a timeout during the backoff before the first success fails the client", async () => {
    const stage = new Stage(drop);
    const client = stage.createClient({ retryInitial: true, backoff: steady });
    const connecting = client.ws.connect({ timeout: 1_500 });
    await stage.pass(1_500);
    expect(await rejection(connecting)).toBeInstanceOf(TimeoutError);
    expect(client.ws.state).toBe("failed");
    await stage.pass(day);
    expect(stage.server.connectionCount).toBe(2);
    await stage.finish();
  });

  it("with a timeout during a later backoff rejects only that call", async () => {
    const stage = new Stage(inSequence(breaking(5), drop, drop, accepting));
    const client = await stage.connect({ backoff: steady });
    await stage.pass(500);
    const connecting = client.ws.connect({ timeout: 600 });
    const patient = client.ws.connect();
    await stage.pass(1_000);
    expect(await rejection(connecting)).toBeInstanceOf(TimeoutError);
    await stage.pass(60_000);
    expect(await outcome(patient)).toEqual({ value: undefined });
    expect(client.ws.state).toBe("connected");
    await stage.finish();
  });

  it("after a failure starts a new run, whose events begin with `connected`", async () => {
    const stage = new Stage(inSequence(breaking(5), refusing(500), accepting));
    const client = await stage.connect({ backoff: { ...steady, maxAttempts: 2 } });
    await stage.pass(60_000);
    expect(client.ws.state).toBe("failed");
    void client.ws.connect();
    await stage.pass();
    expect(client.story.filter((name) => /^(re)?connected$/.test(name))).toEqual(["connected", "connected"]);
    await stage.finish();
  });
});

describe("close(), terminate() and abort stop the client", () => {
  const moments: [name: string, script: Script, ms: number, state: string][] = [
    ["while the first attempt hangs", () => undefined, 10, "connecting"],
    ["while it backs off before the first success", drop, 500, "backingOff"],
    ["while it backs off", inSequence(breaking(5), drop), 500, "backingOff"],
    ["while a later attempt hangs", inSequence(breaking(5), () => undefined), 2_000, "reconnecting"],
  ];
  const ways = ["close", "terminate", "abort"] as const;

  it.each(moments.flatMap((moment) => ways.map((way) => [...moment, way] as const)))(
    "%s",
    async (_name, script, ms, state, way) => {
      const controller = new AbortController();
      const stage = new Stage(script);
      const client = stage.createClient({ retryInitial: true, backoff: steady, signal: controller.signal });
      const connecting = client.ws.connect();
      const running = client.ws.run();
      await stage.pass(ms);
      expect(client.ws.state).toBe(state);
      const reason = new Error("enough");
      if (way === "abort") controller.abort(reason);
      const closing = way === "close" ? client.ws.close() : undefined;
      if (way === "terminate") client.ws.terminate();
      await stage.pass();
      expect(client.ws.state).toBe("closed");
      if (closing !== undefined) expect(await outcome(closing)).toEqual({ value: undefined });
      expect(await outcome(running)).toEqual(way === "abort" ? { error: reason } : { value: undefined });
      const wasConnected = client.story.includes("connected");
      if (!wasConnected)
        expect(await rejection(connecting)).toEqual(way === "abort" ? reason : expect.any(CloseError));
      const count = stage.server.connectionCount;
      await stage.pass(day);
      expect(stage.server.connectionCount).toBe(count);
      expect(client.all("error").filter(({ isFatal }) => isFatal)).toEqual([]);
      await stage.finish();
    },
  );
});

describe("unref()", () => {
  it("lets the process exit in every state, and ref() keeps it running again", async () => {
    const stage = new Stage(inSequence(accepting, drop, accepting));
    const client = await stage.connect({ backoff: steady });
    client.ws.unref();
    expect(stage.clock.isHeld).toBe(false);
    client.ws.ref();
    expect(stage.clock.isHeld).toBe(true);
    stage.connection.reset();
    await stage.pass(500);
    expect(client.ws.state).toBe("backingOff");
    expect(stage.clock.isHeld).toBe(true);
    client.ws.unref();
    expect(stage.clock.isHeld).toBe(false);
    await stage.pass(60_000);
    expect(client.ws.state).toBe("connected");
    expect(stage.clock.isHeld).toBe(false);
    await stage.finish();
  });
});

describe("a replacement in progress", () => {
  const mute: Script = (connection, n) => {
    connection.accept();
    if (n === 1) connection.mute();
  };

  it.each(["close", "terminate"] as const)("ends with %s(), and reconnect() rejects", async (way) => {
    const stage = new Stage(mute);
    const client = await stage.connect();
    const reconnected = client.ws.reconnect();
    await stage.pass(100);
    expect(client.ws.state).toBe("disconnecting");
    void client.ws[way]();
    await stage.pass(6_000);
    expect(client.ws.state).toBe("closed");
    expect(await rejection(reconnected)).toBeInstanceOf(Error);
    await stage.pass(day);
    expect(stage.server.connectionCount).toBe(1);
    await stage.finish();
  });

  it("resolves connect() too, and does not depend on a peer that never answers the Close", async () => {
    const stage = new Stage(mute);
    const client = await stage.connect({ closeTimeout: 500 });
    const reconnected = client.ws.reconnect();
    const connecting = client.ws.connect();
    await stage.pass(400);
    expect(await outcome(connecting)).toBe("pending");
    await stage.pass(200);
    expect(await outcome(connecting)).toEqual({ value: undefined });
    expect(await outcome(reconnected)).toEqual({ value: undefined });
    expect(client.delays).toEqual([]);
    await stage.finish();
  });

  it("continues with the backoff when dialling fails", async () => {
    const stage = new Stage(inSequence(accepting, drop, drop, accepting));
    const client = await stage.connect({ backoff: steady });
    const reconnected = client.ws.reconnect();
    await stage.pass();
    expect(client.ws.state).toBe("backingOff");
    await stage.pass(60_000);
    expect(client.ws.state).toBe("connected");
    expect(await outcome(reconnected)).not.toBe("pending");
    expect(client.delays.length).toBe(2);
    await stage.finish();
  });
});

describe("connect() with a timeout", () => {
  it.each([
    ["the provider hangs", { headers: () => never<never>() }, accepting],
    ["the server hangs", {}, () => undefined],
    ["the hook hangs", { onConnection: () => never<undefined>() }, accepting],
  ] as [string, Options, Script][])(
    "while %s cancels everything in progress",
    async (_name, options, script) => {
      const stage = new Stage(script);
      const client = stage.createClient(options);
      const connecting = client.ws.connect({ timeout: 200 });
      await stage.pass(200);
      expect(await rejection(connecting)).toBeInstanceOf(TimeoutError);
      await stage.pass(100);
      expect(client.ws.state).toBe("failed");
      const { verdict } = client.all("closed")[0]!.report;
      expect(["connect-timeout", "setup-failed"]).toContain(verdict);
      await stage.finish();
    },
  );

  it.each(["close", "terminate", "reconnect", "connect"] as const)(
    "%s() inside a provider is safe",
    async (way) => {
      const stage = new Stage(inSequence(drop, accepting));
      let calls = 0;
      const client = stage.createClient({ retryInitial: true, backoff: steady }, () => {
        if (calls++ === 0) void client.ws[way]();
        return "ws://feed.test/";
      });
      void client.ws.connect();
      await stage.pass(60_000);
      const isEnding = way === "close" || way === "terminate";
      expect(client.ws.state).toBe(isEnding ? "closed" : "connected");
      expect(stage.server.connectionCount).toBe(isEnding ? 0 : 2);
      await stage.finish();
    },
  );
});
