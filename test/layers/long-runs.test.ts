import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { cases } from "../support/cases.js";
import { breaking, closing, drop, inSequence, steady } from "./scripts.js";
import { accepting, type Options, outcome, type RecordedClient, type Script, Stage } from "./stage.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

describe("a connection that was replaced", () => {
  it("ignores late transport events and does not affect the new connection", async () => {
    const stage = new Stage(inSequence(breaking(5), accepting));
    const client = await stage.connect({ backoff: steady });
    await stage.pass(2_000);
    expect(client.ws.state).toBe("connected");
    const before = { story: client.story.length, stats: client.ws.stats() };
    const [old] = stage.handlers;
    const late = Buffer.from([0x81, 4, ...Buffer.from("late"), 0x88, 2, 0x03, 0xe8]);
    old!.onData(late, late.length);
    old!.onEnd();
    await stage.pass(100);
    expect(client.story.length).toBe(before.story);
    expect(client.ws.state).toBe("connected");
    expect(client.ws.stats().messagesReceived).toBe(before.stats.messagesReceived);
    stage.connection.send("new");
    await stage.pass();
    expect(await outcome(client.ws.recv())).toEqual({ value: "new" });
    await stage.finish();
  });

  it("does not open after its connect timeout when the answer arrives late", async () => {
    const stage = new Stage(inSequence(() => undefined, accepting));
    const client = stage.createClient({ retryInitial: true, connectTimeout: 1_000, backoff: steady });
    void client.ws.connect();
    await stage.pass(1_500);
    expect(client.ws.state).toBe("backingOff");
    const [old] = stage.handlers;
    old!.onOpen();
    const answer = Buffer.from("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    old!.onData(answer, answer.length);
    old!.onEnd();
    await stage.pass(100);
    expect(client.ws.state).toBe("backingOff");
    await stage.pass(10_000);
    expect(client.ws.state).toBe("connected");
    expect(stage.server.connectionCount).toBe(2);
    await stage.finish();
  });
});

describe("the order of events", () => {
  it("of a run with losses, failed attempts and a close is fixed", async () => {
    const stage = new Stage(inSequence(breaking(5), drop, closing(1001, 5), accepting));
    const client = await stage.connect({ backoff: steady });
    await stage.pass(60_000);
    void client.ws.close();
    await stage.pass();
    expect(client.story.filter((name) => name !== "error" && name !== "pong")).toEqual([
      ...["to connecting", "connecting", "to connected", "connected"],
      ...["to disconnected", "disconnected", "to backingOff", "reconnecting"],
      ...["to reconnecting", "connecting", "to backingOff", "reconnecting"],
      ...["to reconnecting", "connecting", "to connected", "reconnected"],
      ...["to disconnecting", "closing", "to disconnected", "disconnected", "to backingOff", "reconnecting"],
      ...["to reconnecting", "connecting", "to connected", "reconnected"],
      ...["to disconnecting", "closing", "to disconnected", "disconnected", "to closed", "closed"],
    ]);
    expect(client.all("reconnected").map(({ attempt }) => attempt)).toEqual([2, 1]);
    const [first] = client.all("reconnected");
    expect(first!.downtimeMs).toBe(3_000);
    await stage.finish();
  });

  it("contains no `disconnected` for attempts that never opened", async () => {
    const stage = new Stage(drop);
    const client = stage.createClient({ backoff: steady });
    void client.ws.run();
    await stage.pass(60_000);
    void client.ws.close();
    await stage.pass();
    for (const name of ["disconnected", "connected", "reconnected", "closing"])
      expect(client.story).not.toContain(name);
    await stage.finish();
  });
});

/**
 * Lets a client fail `attempts` times. Returns the growth of the heap over the second half; checks delays and
 * stack depth.
 */
async function failOften(stage: Stage, client: RecordedClient, attempts: number): Promise<number> {
  let count = 0;
  const wrongDelays: number[] = [];
  const depths = new Set<number>();
  const heaps: number[] = [];
  client.ws.on("reconnecting", ({ delayMs }) => {
    client.recorded.length = 0;
    if (delayMs < 5 || delayMs > Math.min(10 * 1.5 ** count, 1_000)) wrongDelays.push(delayMs);
    if (++count % (attempts / 10) !== 0) return;
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = Infinity;
    depths.add(new Error("depth").stack!.split("\n").length);
    Error.stackTraceLimit = limit;
    collectGarbage();
    heaps.push(process.memoryUsage().heapUsed);
  });
  while (count < attempts) await stage.pass(1_000);
  client.recorded.length = 0;
  expect(wrongDelays).toEqual([]);
  expect(depths.size).toBe(1);
  return heaps.at(-1)! - heaps[4]!;
}

/** A promise that stays pending until its signal aborts, and rejects then, too late to matter. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("too late")));
  });
}

const shortWaits = { base: 10, multiplier: 1.5, cap: 1_000, floor: 5 };

describe("failed attempts in a row, by default a thousand and at most ten thousand", () => {
  it("do not grow the stack or the heap, and each delay is within its limits", async () => {
    const stage = new Stage(accepting, { isRecording: false });
    const client = await stage.connect({ backoff: shortWaits });
    stage.server.goDown();
    stage.connection.reset();
    const growth = await failOften(stage, client, cases(10_000));
    expect(growth).toBeLessThan(2 * 1024 * 1024);
    await stage.server.comeUp();
    await stage.pass(2_000);
    expect(client.ws.state).toBe("connected");
    client.recorded.length = 0;
    await stage.finish();
  }, 60_000);
});

describe("a series of failures of one kind", () => {
  const kinds: [name: string, script: Script, options: Options][] = [
    ["a refusal", (connection) => connection.reject(503), {}],
    ["a connection that breaks at once", breaking(1), {}],
    ["a hook that throws", accepting, { onConnection: () => Promise.reject(new Error("no")) }],
    [
      "a hook that hangs",
      accepting,
      { setupTimeout: 1, onConnection: (_connection, signal) => untilAborted(signal) },
    ],
    ["headers that throw", accepting, { headers: () => Promise.reject(new Error("no")) }],
    ["headers that hang", accepting, { connectTimeout: 1, headers: ({ signal }) => untilAborted(signal) }],
    ["a wrong answer", (connection) => connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), {}],
    ["silence", () => undefined, { connectTimeout: 10 }],
  ];

  it.each(kinds)(
    "%s does not grow the stack or the heap",
    async (_name, script, options) => {
      const stage = new Stage(script, { isRecording: false });
      const client = stage.createClient({ backoff: shortWaits, ...options });
      void client.ws.run();
      const growth = await failOften(stage, client, cases(1_000));
      expect(growth).toBeLessThan(1024 * 1024);
      await stage.finish();
    },
    60_000,
  );
});
