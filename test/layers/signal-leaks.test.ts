import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { WebSocket, type WebSocketOptions } from "../../src/index.js";
import { drop } from "./scripts.js";
import { accepting, type RecordedClient, Stage } from "./stage.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Collects garbage repeatedly: finalizers run in later tasks. */
async function collect(): Promise<void> {
  for (let round = 0; round < 10; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
}

const clientCount = 50;

function makeClients(
  options: WebSocketOptions<unknown, unknown>,
  use: (ws: WebSocket) => unknown = () => undefined,
): WeakRef<WebSocket>[] {
  return Array.from({ length: clientCount }, () => {
    const ws = new WebSocket("ws://feed.test/", options);
    use(ws);
    return new WeakRef(ws);
  });
}

function countAlive(clients: readonly WeakRef<WebSocket>[]): number {
  return clients.filter((client) => client.deref() !== undefined).length;
}

const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;

it("a client that never connected is collected while its signal stays alive, and leaves no listener", async () => {
  const { signal } = new AbortController();
  const clients = makeClients({ signal });
  expect(listenersOf(signal)).toBe(1);
  await collect();
  expect(countAlive(clients)).toBe(0);
  expect(listenersOf(signal)).toBe(0);
});

it("a client with listeners, or with cancelled calls, is collected too", async () => {
  const { signal } = new AbortController();
  const given: Promise<unknown>[] = [];
  const clients = makeClients({ signal, outbox: 5 }, (ws) => {
    ws.on("closed", () => undefined).on("message", () => undefined);
    void ws.send("kept");
    given.push(ws.recv({ timeout: 1 }), ws.flush({ timeout: 1 }));
    const loop = ws[Symbol.asyncIterator]();
    given.push(loop.next());
    void loop.return!();
  });
  await Promise.allSettled(given);
  given.length = 0;
  await collect();
  expect(countAlive(clients)).toBe(0);
  expect(listenersOf(signal)).toBe(0);
});

it("an abort reaches a client that never connected and has pending calls only", async () => {
  const controller = new AbortController();
  const reasons: unknown[] = [];
  const wait = async (call: Promise<unknown>): Promise<void> => {
    await call.catch((reason: unknown) => reasons.push(reason));
  };
  const clients = makeClients({ signal: controller.signal, outbox: 5 }, (ws) => {
    void ws.send("kept");
    for (const call of [ws.recv(), ws.flush(), ws[Symbol.asyncIterator]().next()]) void wait(call);
  });
  await collect();
  expect(countAlive(clients)).toBe(clientCount);
  controller.abort("over");
  await collect();
  expect(reasons).toEqual(Array.from({ length: 3 * clientCount }, () => "over"));
  expect(countAlive(clients)).toBe(0);
});

it("an abort closes a client that never connected and is referenced by its user only", () => {
  const controller = new AbortController();
  const recorded: string[] = [];
  const ws = new WebSocket("ws://feed.test/", { signal: controller.signal });
  ws.on("closed", ({ report }) => recorded.push(report.verdict));
  collectGarbage();
  controller.abort();
  expect([ws.state, recorded, listenersOf(controller.signal)]).toEqual(["closed", ["aborted"], 0]);
});

/** Returns weak references to clients of a stage that have ended. No other references remain. */
async function endedClients(stage: Stage, signal: AbortSignal, how: string): Promise<WeakRef<WebSocket>[]> {
  const clients: WeakRef<WebSocket>[] = [];
  for (let count = 0; count < 5; count++) {
    const ws = new WebSocket("ws://feed.test/", { runtime: stage.runtime, signal, reconnect: false });
    ws.on("closed", () => undefined);
    void ws.connect({ signal });
    void ws.run({ signal });
    void ws.recv({ signal });
    await stage.pass();
    if (how === "closed") {
      void ws.send("x", { signal });
      void ws.ping({ signal });
      void ws.flush({ signal });
      void ws.close(1000, "", { signal });
    }
    await stage.pass();
    expect(ws.state).toBe(how);
    clients.push(new WeakRef(ws));
  }
  return clients;
}

it.each(["closed", "failed"])(
  "a client that has %s is collected while its signal stays alive, and its calls leave no listener",
  async (how) => {
    const stage = new Stage(how === "closed" ? accepting : drop, { isRecording: false });
    const { signal } = new AbortController();
    const clients = await endedClients(stage, signal, how);
    expect(listenersOf(signal)).toBe(0);
    await stage.server.close();
    await stage.pass(3_600_000);
    await collect();
    // The engine may still keep the last client in a register of the function that created it.
    expect(countAlive(clients)).toBeLessThanOrEqual(1);
  },
);

/** Returns the number of listeners on a signal after the calls of a connected client have settled. */
async function callWith(client: RecordedClient, stage: Stage, signal: AbortSignal): Promise<number> {
  const { ws } = client;
  const calls: Promise<unknown>[] = [
    ws.connect({ signal }),
    ws.send("x", { signal }),
    ws.sendRaw("y", { signal }),
    ws.flush({ signal }),
    ws.ping({ signal }),
    ws.recv({ signal }),
    ws.recv({ signal, match: (message) => message === "two" }),
    ws.reconnect({ signal }),
    ws.rotate("", { signal }),
    ws.run({ signal, timeout: 5 }),
  ];
  stage.connection.send("one");
  stage.connection.send("two");
  await stage.pass(10);
  await Promise.allSettled(calls);
  return listenersOf(signal);
}

it("a call removes its listener from the signal once it has settled", async () => {
  const stage = new Stage(accepting);
  const client = await stage.connect();
  const { signal } = new AbortController();
  expect(await callWith(client, stage, signal)).toBe(0);
  const close = client.ws.close(1000, "", { signal });
  await stage.pass();
  await close;
  for (const call of [client.ws.connect({ signal }), client.ws.recv({ signal }), client.ws.run({ signal })])
    await Promise.allSettled([call]);
  expect(listenersOf(signal)).toBe(0);
  await stage.finish();
});
