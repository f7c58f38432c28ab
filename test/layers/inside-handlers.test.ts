import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { EventName } from "../../src/index.js";
import { frame } from "../../src/testing/index.js";
import { day, steady } from "./scripts.js";
import { type Options, outcome, type RecordedClient, type Script, Stage, watchedEvents } from "./stage.js";

let warnings: unknown[];

beforeEach(() => {
  warnings = [];
  vi.spyOn(process, "emitWarning").mockImplementation((warning: unknown) => void warnings.push(warning));
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** Produces every event: numbered messages with a gap, losses, refusals, a rotation, back-pressure and a close. */
const script: Script = async (connection, n) => {
  if (n === 2) {
    connection.reject(503);
    return;
  }
  connection.accept();
  connection.ping("are you there");
  connection.pong("unasked");
  for (const id of n === 1 ? [1, 2, 4, 3, 5] : [n * 10, n * 10 + 1]) connection.send(`{"id":${id}}`);
  connection.send("bad");
  if (n === 1) {
    await connection.delay(2_000);
    connection.reset();
  }
  if (n === 4) {
    await connection.delay(5_000);
    connection.close(1001, "going");
  }
  if (n === 6) {
    await connection.delay(5_000);
    connection.write(frame({ opcode: 3 }));
  }
};

const options: Options = {
  backoff: { ...steady, maxAttempts: 4, resetAfter: 1 },
  buffer: 2,
  highWaterMark: 1_000,
  heartbeat: 1_000,
  rotation: { mode: "overlap", overlap: 500 },
  deserializer: (data) => {
    if (data === "bad") throw new Error("This one is bad.");
    return data;
  },
  replay: {
    sequence: (message) => (JSON.parse(String(message)) as { readonly id: number }).id,
    recoveryTimeout: 100,
    onReplay: () => undefined,
  },
};

interface Played {
  readonly stage: Stage;
  readonly client: RecordedClient;
  readonly controller: AbortController;
  readonly running: Promise<void>;
}

/** @param listen - Adds listeners before the client connects. */
async function play(listen: (client: RecordedClient, controller: AbortController) => void): Promise<Played> {
  const controller = new AbortController();
  const stage = new Stage(script);
  const client = stage.createClient({ ...options, signal: controller.signal });
  const { ws } = client;
  listen(client, controller);
  ws.on("connected", () => void ws.sendRaw(Buffer.alloc(5_000)).catch(() => undefined));
  const reading = (async () => {
    for (;;) {
      await ws.recv();
      await new Promise<void>((resolve) => void stage.clock.setTimer(50, resolve));
    }
  })();
  reading.catch(() => undefined);
  const running = ws.run();
  await stage.pass(8_000);
  if (ws.state === "connected") void ws.rotate();
  await stage.pass(60_000);
  void ws.close();
  await stage.pass(10_000);
  expect(["closed", "failed"]).toContain(ws.state);
  expect(await outcome(reading)).not.toBe("pending");
  return { stage, client, controller, running };
}

const events: readonly EventName[] = [...watchedEvents, "message", "rawMessage"];

describe("a run without interference", () => {
  it("emits every event", async () => {
    const { stage, client } = await play(() => undefined);
    const story = new Set(client.story.concat("stateChange", "message", "rawMessage"));
    expect(events.filter((name) => !story.has(name))).toEqual([]);
    await stage.finish();
  });
});

describe.each(events)("inside a listener of %s", (name) => {
  const ways = ["close", "terminate", "abort"] as const;

  it.each(ways)("%s ends the client once, and it does not dial again", async (way) => {
    const reason = new Error("enough");
    let recordedBefore = -1;
    const { stage, client, running } = await play(({ ws, recorded }, controller) => {
      ws.on(name, () => {
        if (recordedBefore !== -1) return;
        recordedBefore = recorded.length;
        if (way === "abort") controller.abort(reason);
        else void ws[way]();
      });
    });
    expect(recordedBefore).toBeGreaterThan(0);
    const after = client.story.slice(recordedBefore);
    // Other listeners of the attempt's own event run before the listener that ends the client.
    expect(after.slice(1)).not.toContain("connecting");
    expect(after.filter((one) => one === "closed").length).toBe(name === "closed" ? 0 : 1);
    for (const late of ["connected", "reconnected", "reconnecting"])
      expect(after.slice(1)).not.toContain(late);
    if (name !== "closed") {
      expect(client.ws.state).toBe("closed");
      expect(await outcome(running)).toEqual(way === "abort" ? { error: reason } : { value: undefined });
    }
    await stage.finish();
  });

  it.each([
    [
      "throws",
      (fault: Error) => {
        throw fault;
      },
    ],
    ["rejects", (fault: Error) => Promise.reject(fault)],
  ] as [string, (fault: Error) => unknown][])(
    "a listener that %s is reported, and has no other effect",
    async (_how, fail) => {
      const reference = await play(() => undefined);
      const fault = new Error("a fault of the listener");
      let calls = 0;
      const { stage, client } = await play(({ ws }) => {
        ws.on(name, () => {
          calls++;
          return fail(fault);
        });
      });
      expect(calls).toBeGreaterThan(0);
      const recorded = client.all("error").filter(({ error }) => error === fault);
      expect(recorded.length + warnings.filter((warning) => warning === fault).length).toBeGreaterThanOrEqual(
        calls,
      );
      if (name === "error") expect(recorded).toEqual([]);
      else expect(recorded.every(({ isFatal }) => !isFatal)).toBe(true);
      // Message handlers consume messages, which changes the back-pressure.
      const isSame = name !== "message" && name !== "rawMessage";
      const facts = (one: RecordedClient): string[] => one.story.filter((word) => word !== "error");
      if (isSame) expect(facts(client)).toEqual(facts(reference.client));
      await reference.stage.finish();
      await stage.finish();
    },
  );
});

describe("several calls from one listener", () => {
  it.each(["close", "terminate"] as const)(
    "reconnect() and %s() when backoff begins end the client once",
    async (way) => {
      const stage = new Stage((connection) => {
        connection.accept();
        connection.reset();
      });
      const client = stage.createClient({ backoff: steady });
      client.ws.on("stateChange", ({ to }) => {
        if (to !== "backingOff") return;
        void client.ws.reconnect();
        void client.ws[way]();
      });
      void client.ws.connect();
      await stage.pass(day);
      expect(client.ws.state).toBe("closed");
      expect(client.story.at(-1)).toBe("closed");
      await stage.finish();
    },
  );

  it.each(["close", "terminate"] as const)(
    "connect() and %s() in `disconnected` reject the connect()",
    async (way) => {
      const stage = new Stage((connection) => {
        connection.accept();
        connection.reset();
      });
      const client = stage.createClient({ backoff: steady });
      let connecting: Promise<void> | undefined;
      client.ws.on("disconnected", () => {
        connecting = client.ws.connect();
        void client.ws[way]();
      });
      void client.ws.connect();
      await stage.pass(day);
      expect(await outcome(connecting!)).toMatchObject({ error: { code: "CLOSED" } });
      expect(stage.server.connectionCount).toBe(1);
      await stage.finish();
    },
  );

  it("connect() in `closed` of a failed client starts exactly one new run", async () => {
    const stage = new Stage((connection, n) => (n === 1 ? connection.reset() : connection.accept()));
    const client = stage.createClient();
    client.ws.on("closed", () => void client.ws.connect());
    client.ws.on("closed", () => void client.ws.connect());
    void client.ws.connect();
    await stage.pass(60_000);
    expect(client.ws.state).toBe("connected");
    expect(stage.server.connectionCount).toBe(2);
    client.ws.terminate();
    await stage.pass();
    await stage.finish();
  });
});
