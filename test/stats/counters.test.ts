import { afterEach, beforeEach, expect, it } from "vitest";
import { Counters } from "../../src/stats/counters.js";
import { VirtualScene } from "../support/virtual-scene.js";
import { binaryFrame, closeFrame, pongFrame, textFrame } from "../support/wire.js";

let scene: VirtualScene;

beforeEach(() => {
  scene = new VirtualScene();
});

afterEach(() => scene.finish());

it("counters begin at nothing", () => {
  expect(new Counters()).toMatchObject({
    ...{
      messagesReceived: 0,
      payloadBytesReceived: 0,
      messagesDropped: 0,
      connectCount: 0,
    },
    ...{ latencyMs: undefined, messagesSent: 0, bytesSent: 0, bytesReceived: 0 },
  });
});

it("a snapshot is frozen, and all zero at first", () => {
  const { ws } = scene.watch();
  const stats = ws.stats();
  expect(Object.isFrozen(stats)).toBe(true);
  expect(stats).toEqual({
    ...{ messagesSent: 0, messagesReceived: 0, payloadBytesReceived: 0, bytesSent: 0, bytesReceived: 0 },
    ...{ messagesDropped: 0, messagesWaiting: 0, bufferedAmount: 0, connectCount: 0, reconnectCount: 0 },
    ...{ latencyMs: undefined, uptimeMs: 0 },
  });
});

it("a snapshot tells of both directions, waiting messages, latency and time", async () => {
  const { ws, link } = await scene.open();
  await scene.pass(100);
  void ws.send("abc");
  void ws.ping({ payload: Buffer.from("p") });
  await scene.pass(30);
  link.send(textFrame("\u20ac"), binaryFrame(Buffer.alloc(200)), pongFrame("p"));
  await scene.pass();
  const before = ws.stats();
  expect(before).toEqual({
    ...{ messagesSent: 1, messagesReceived: 2, payloadBytesReceived: 203 },
    ...{ bytesSent: 9 + 7, bytesReceived: 5 + 204 + 3, messagesDropped: 0, messagesWaiting: 2 },
    ...{ bufferedAmount: 0, connectCount: 1, reconnectCount: 0, latencyMs: 30, uptimeMs: 130 },
  });
  await ws.recv();
  void ws.send("def");
  expect(ws.stats()).toEqual({ ...before, messagesSent: 2, messagesWaiting: 1, bufferedAmount: 9 });
  expect(before.messagesSent).toBe(1);
});

it("a snapshot adds up over the lives of a client", async () => {
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
  expect(ws.stats()).toEqual({
    ...first,
    ...{ messagesSent: 2, messagesReceived: 2, payloadBytesReceived: 2, messagesWaiting: 2 },
    ...{ bytesSent: 9 + 8 + 9, bytesReceived: 3 + 4 + 3, connectCount: 2, reconnectCount: 0, uptimeMs: 20 },
  });
});

it("a snapshot counts every message that is dropped, with or without a listener", async () => {
  const { ws, link } = await scene.open({ buffer: 2 });
  link.send(...["1", "2", "3", "4"].map((text) => textFrame(text)));
  await scene.pass();
  expect(ws.stats()).toMatchObject({ messagesReceived: 4, messagesWaiting: 2, messagesDropped: 2 });
  void ws.send("unsent");
  ws.terminate();
  await scene.pass();
  expect(ws.stats()).toMatchObject({
    messagesSent: 1,
    messagesWaiting: 0,
    messagesDropped: 5,
    bufferedAmount: 0,
  });
});
