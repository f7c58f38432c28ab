import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { expect, it, onTestFinished } from "vitest";
import { binaryFrame, closeFrame, textFrame } from "../support/wire.js";
import { closeOf, LayerScene, settled, textsOf } from "./layer-scene.js";

/** Pending calls and events are served by the next connection. */

const big = "x".repeat(5_000);

it.each([["without an outbox", false] as const, ["with an outbox", 100] as const])(
  "`drain` is emitted on the connection after a loss: %s",
  async (_, outbox) => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox, highWaterMark: 4_000 });
    let drains = 0;
    ws.on("drain", () => drains++);
    link.peer.takesWrites = false;
    while (ws.trySend(big) === "sent");
    await scene.pass();
    await scene.cut(link);
    expect(drains).toBe(0);
    await scene.nextLink();
    await scene.pass();
    expect(drains).toBe(1);
    await scene.finish();
  },
);

it("`drain` is emitted on the connection to which a rotation moves the writer", async () => {
  const scene = new LayerScene();
  const { ws, link } = await scene.openClient({
    highWaterMark: 4_000,
    rotation: { mode: "overlap", overlap: 50 },
  });
  let drains = 0;
  ws.on("drain", () => drains++);
  link.peer.takesWrites = false;
  while (ws.trySend(big) === "sent");
  void ws.rotate();
  await scene.second();
  await scene.pass(100);
  expect(drains).toBe(1);
  await scene.finish();
});

it("flush() resolves at once when no message is waiting, connected or not", async () => {
  const scene = new LayerScene();
  const { ws } = scene.watch({ outbox: 10 });
  await ws.flush();
  expect(ws.state).toBe("idle");
  await scene.finish();
});

it("flush() waits for messages that a closing connection did not write, and resolves on the next one", async () => {
  const scene = new LayerScene();
  const { ws, link } = await scene.openClient({ outbox: 10 });
  link.peer.takesWrites = false;
  void ws.send("first");
  await scene.pass();
  void ws.send("second");
  link.send(closeFrame(1012));
  await scene.pass();
  expect(ws.state).toBe("disconnecting");
  const flushed = ws.flush();
  expect(await settled(flushed)).toBe("waits");
  await scene.cut(link);
  const nextLink = await scene.nextLink(3_000);
  expect(textsOf(nextLink)).toEqual(["second"]);
  expect(await settled(flushed)).toBe("resolved");
  await scene.finish();
});

it.each([["without an outbox", false] as const, ["with an outbox", 10] as const])(
  "flush() during close() resolves when all messages are written: %s",
  async (_, outbox) => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox });
    link.peer.takesWrites = false;
    void ws.send("last");
    await scene.pass();
    void ws.close();
    const flushed = ws.flush();
    expect(await settled(flushed)).toBe("waits");
    link.peer.takesWrites = true;
    link.peer.take();
    await scene.pass();
    expect(await settled(flushed)).toBe("resolved");
    await scene.answerClose(link);
    await scene.finish();
  },
);

it("close() during a replacement ends the client, without reconnect too", async () => {
  const scene = new LayerScene();
  const { ws, link } = await scene.open({ rotation: { mode: "replace" } });
  void ws.rotate();
  const closed = ws.close();
  await scene.pass();
  expect(closeOf(link)).toBe("1000");
  await scene.answerClose(link);
  await closed;
  expect(ws.state).toBe("closed");
  await scene.finish();
});

it("concurrent rotate() calls share one replacing rotation", async () => {
  const scene = new LayerScene();
  const { ws, link } = await scene.openClient({ rotation: { mode: "replace" } });
  const [first, second] = [ws.rotate(), ws.rotate()];
  await scene.pass();
  await scene.answerClose(link);
  await scene.nextLink(0);
  await Promise.all([first, second]);
  expect(ws.stats()).toMatchObject({ rotationCount: 1, connectCount: 2 });
  await scene.finish();
});

it.each([
  ["is its own cause", (error: Error) => Object.assign(error, { cause: error })],
  [
    "throws when its stack is read",
    (error: Error) =>
      Object.defineProperty(error, "stack", {
        get: () => {
          throw new Error("no stack");
        },
      }),
  ],
])("a provider's error that %s rejects connect()", async (_, make) => {
  const scene = new LayerScene();
  const { ws } = scene.watch({
    headers: () => {
      throw make(new Error("oops"));
    },
  });
  const connected = ws.connect();
  await scene.pass();
  await expect(connected).rejects.toMatchObject({ report: { verdict: "setup-failed" } });
  await scene.finish();
});

it("the limit during a hook applies to many empty messages too", async () => {
  const scene = new LayerScene();
  const { ws } = scene.watch({
    maxMessageSize: 10_000,
    onConnection: (connection) => connection.recv({ match: () => false }),
  });
  const connected = ws.connect();
  await scene.pass();
  scene.link.peer.accept();
  await scene.pass();
  scene.link.answer({ followedBy: Array<Buffer>(1_200).fill(binaryFrame(Buffer.alloc(0))) });
  await scene.pass();
  await scene.answerClose(scene.link);
  await expect(connected).rejects.toMatchObject({ report: { verdict: "setup-failed" } });
  await scene.finish();
});

it("pongs of application pings are published, and unsent application pings are not reported as dropped", async () => {
  const scene = new LayerScene();
  const pings: unknown[] = [];
  const onPing = (message: unknown): void => void pings.push(message);
  subscribe("jetsocket:ping", onPing);
  onTestFinished(() => void unsubscribe("jetsocket:ping", onPing));
  const { ws, client, link } = await scene.openClient({
    heartbeat: { interval: 100, timeout: 1_000, ping: () => "ping", isPong: (text) => text === "pong" },
  });
  await scene.pass(150);
  link.send(textFrame("pong"));
  await scene.pass();
  expect(pings).toEqual([{ client: ws, latencyMs: expect.any(Number) as number }]);

  link.peer.takesWrites = false;
  await scene.pass(500);
  link.send(closeFrame(1012));
  await scene.cut(link);
  expect(client.all("disconnected")).toHaveLength(1);
  expect(client.all("dropped")).toEqual([]);
  await scene.finish();
});
