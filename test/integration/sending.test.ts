// send(), flush(), ping() and pong() over real sockets, without faults.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "../../src/index.js";
import { turns } from "../support/dialling.js";
import { MemoryBlob } from "../support/memory-blob.js";
import { Scene } from "../support/scene.js";
import { PeerInflater } from "./peer-deflate.js";
import { boundaryLengths, opcodes, pingFrame, pongFrame, textFrame } from "../support/wire.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(() => scene.finish());

const kibibyte = 1024;

describe("a message", () => {
  it.each(boundaryLengths)("of %i bytes is sent as one masked frame", async (length) => {
    const { ws, peer } = await scene.open();
    const bytes = Buffer.alloc(length, "é");
    await ws.sendRaw(bytes);
    await ws.sendRaw("x".repeat(length));
    for (const [opcode, payload] of [
      [opcodes.binary, bytes],
      [opcodes.text, Buffer.alloc(length, "x")],
    ] as const) {
      const got = await peer.frame();
      expect(got).toMatchObject({ opcode, isFinal: true, rsv1: false, isMasked: true });
      expect(got.payload.equals(payload)).toBe(true);
    }
  });

  const bytes = new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7]);
  const kinds: [name: string, data: Parameters<WebSocket["sendRaw"]>[0], payload: Uint8Array][] = [
    ["a Buffer", Buffer.from(bytes), bytes],
    ["a Uint8Array with an offset", bytes.subarray(2, 5), Uint8Array.of(2, 3, 4)],
    ["an ArrayBuffer", bytes.buffer, bytes],
    ["a SharedArrayBuffer", shared(), Uint8Array.of(9, 9)],
    ["a DataView", new DataView(bytes.buffer, 1, 2), Uint8Array.of(1, 2)],
    ["a Uint16Array", new Uint16Array(bytes.buffer, 2, 2), Uint8Array.of(2, 3, 4, 5)],
    ["a Float64Array", new Float64Array(bytes.buffer), bytes],
    ["a Blob", new MemoryBlob(bytes), bytes],
    ["an empty Blob", new MemoryBlob(), Uint8Array.of()],
  ];

  it.each(kinds)("may be %s", async (_name, data, payload) => {
    const { ws, peer } = await scene.open();
    await ws.sendRaw(data);
    expect(await peer.frame()).toMatchObject({ opcode: opcodes.binary, payload: Buffer.from(payload) });
  });

  it("is sent as text or binary according to the option `binary`", async () => {
    const { ws, peer } = await scene.open();
    await ws.sendRaw("é", { binary: true });
    await ws.sendRaw(Buffer.from("é"), { binary: false });
    await ws.sendRaw(new MemoryBlob("é"), { binary: false });
    const frames = [await peer.frame(), await peer.frame(), await peer.frame()];
    expect(frames.map(({ opcode }) => opcode)).toEqual([opcodes.binary, opcodes.text, opcodes.text]);
    for (const { payload } of frames) expect(payload.toString()).toBe("é");
    await expect(ws.sendRaw(Buffer.of(0xff), { binary: false })).rejects.toBeInstanceOf(TypeError);
    await expect(ws.sendRaw(new MemoryBlob(Uint8Array.of(0xff)), { binary: false })).rejects.toBeInstanceOf(
      TypeError,
    );
    await ws.sendRaw("still open");
    expect(await peer.text()).toBe("still open");
  });

  it("is copied at the call, so that the caller can reuse the bytes", async () => {
    const { ws, peer } = await scene.open({ highWaterMark: 1_000 });
    peer.stopReading();
    const clogging = ws.sendRaw(Buffer.alloc(8 * 1024 * kibibyte));
    const reused = Buffer.alloc(2_000);
    const sends = [1, 2, 3].map((value) => ws.sendRaw(reused.fill(value)));
    reused.fill(0);
    peer.goOnReading();
    await Promise.all([clogging, ...sends]);
    await peer.frame();
    for (const value of [1, 2, 3]) expect((await peer.frame()).payload).toEqual(Buffer.alloc(2_000, value));
  });

  it("with a lone surrogate is sent with U+FFFD instead", async () => {
    const { ws, peer } = await scene.open();
    await ws.send("a\ud800b");
    expect(await peer.text()).toBe("a\ufffdb");
  });

  it("is sent as JSON unless it is text or bytes", async () => {
    const server = await scene.listen();
    const ws = new WebSocket(server.url, { runtime: scene.counting.runtime });
    const connecting = ws.connect();
    const peer = (await server.client()).endWithClient();
    await peer.accept();
    await connecting;
    await ws.send({ type: "subscribe", channel: "trades" });
    await ws.send([1, null, "x"]);
    await ws.send("as it is");
    await ws.send(Buffer.of(1));
    expect([await peer.text(), await peer.text(), await peer.text()]).toEqual([
      '{"type":"subscribe","channel":"trades"}',
      '[1,null,"x"]',
      "as it is",
    ]);
    expect((await peer.frame()).opcode).toBe(opcodes.binary);
    await expect(ws.send(undefined)).rejects.toBeInstanceOf(TypeError);
    peer.send(textFrame('{"price":1}'));
    expect(await ws.recv()).toEqual({ price: 1 });
    ws.terminate();
    await peer.untilGone();
  });
});

describe("the order on the wire", () => {
  it("is that of the calls, with Blobs, back-pressure and compression between them", async () => {
    const { client, ws, peer } = await scene.open(
      { highWaterMark: 64 * kibibyte },
      { fields: ["Sec-WebSocket-Extensions: permessage-deflate"] },
    );
    peer.stopReading();
    const count = 120;
    const sends = Array.from({ length: count }, (_, index) => {
      const bytes = Buffer.alloc(1 + (index % 7) * 40 * kibibyte, index);
      if (index % 5 === 2) return ws.sendRaw(new MemoryBlob(bytes));
      return ws.sendRaw(bytes, { compress: index % 3 === 0 });
    });
    await turns(3);
    peer.goOnReading();
    await Promise.all(sends);
    const order: number[] = [];
    const inflater = new PeerInflater();
    for (let index = 0; index < count; index++) {
      const { payload, rsv1 } = await peer.frame();
      order.push((rsv1 ? inflater.message(payload) : payload)[0]!);
    }
    expect(order).toEqual(Array.from({ length: count }, (_, index) => index));
    expect(client.all("drain").length).toBeGreaterThan(0);
    expect(ws.bufferedAmount).toBe(0);
  });

  it("sends pings and pongs between queued messages, not after all of them", async () => {
    const { ws, peer } = await scene.open();
    peer.stopReading();
    const sends = Array.from({ length: 40 }, (_, index) => ws.sendRaw(Buffer.alloc(900 * kibibyte, index)));
    await turns(2);
    const pinging = ws.ping({ payload: Buffer.from("ours") });
    peer.send(pingFrame("theirs"));
    await scene.untilRead(scene.readSize + pingFrame("theirs").length);
    peer.goOnReading();
    const opcodesSeen: number[] = [];
    while (opcodesSeen.length < 42) {
      const { opcode, payload } = await peer.frame();
      opcodesSeen.push(opcode);
      if (opcode === opcodes.ping) peer.send(pongFrame(payload));
    }
    expect(await pinging).toBeGreaterThanOrEqual(0);
    await Promise.all(sends);
    expect(opcodesSeen.lastIndexOf(opcodes.ping)).toBeLessThan(38);
    expect(opcodesSeen.lastIndexOf(opcodes.pong)).toBeLessThan(38);
  });
});

describe("sends of one tick", () => {
  it("are sent in one write", async () => {
    const { ws, peer } = await scene.open();
    const reads: number[] = [];
    peer.socket.on("data", (bytes: Buffer) => reads.push(bytes.length));
    const sends = Array.from({ length: 100 }, (_, index) => ws.sendRaw(`message ${index}`));
    await Promise.all(sends);
    await peer.until(() => peer.frameCount === 100);
    expect(reads).toHaveLength(1);
  });

  it("share one promise below the high-water mark", async () => {
    const { ws } = await scene.open();
    expect(ws.sendRaw("a")).toBe(ws.sendRaw("b"));
  });
});

describe("a loop of `await send()`", () => {
  it("yields to the event loop at least once per 64 KiB", async () => {
    const { ws, peer } = await scene.open({ highWaterMark: 64 * 1024 * kibibyte });
    peer.stopReading();
    const loop = { turnCount: 0, isOver: false };
    const turning = (async () => {
      for (; !loop.isOver; loop.turnCount++) await turns(1);
    })();
    for (let sent = 0; sent < 4 * 1024 * kibibyte; sent += kibibyte) await ws.sendRaw(Buffer.alloc(kibibyte));
    loop.isOver = true;
    await turning;
    expect(loop.turnCount).toBeGreaterThanOrEqual(60);
  });
});

describe("flush()", () => {
  it("resolves when all accepted messages have been written", async () => {
    const { ws, peer } = await scene.open({ highWaterMark: 100 * kibibyte });
    await ws.flush();
    peer.stopReading();
    const sends = Array.from({ length: 20 }, () => ws.sendRaw(Buffer.alloc(1024 * kibibyte)));
    sends.push(ws.sendRaw(new MemoryBlob("last")));
    let isFlushed = false;
    const flushing = ws.flush().then(() => (isFlushed = true));
    await turns(5);
    expect(isFlushed).toBe(false);
    peer.goOnReading();
    await flushing;
    expect(ws.bufferedAmount).toBe(0);
    expect(ws.stats().bytesSent).toBeGreaterThan(20 * 1024 * kibibyte);
    await Promise.all(sends);
    await peer.until(() => peer.frameCount === 21);
  });
});

describe("ping()", () => {
  it("resolves with the round trip in milliseconds and records it in stats()", async () => {
    const virtual = new Scene(true);
    const { client, ws, peer } = await virtual.open();
    const pinging = ws.ping();
    const { opcode, payload } = await peer.frame();
    expect(opcode).toBe(opcodes.ping);
    virtual.clock.advance(42);
    peer.send(pongFrame(payload));
    expect(await pinging).toBe(42);
    expect(ws.stats().latencyMs).toBe(42);
    expect(ws.stats().histograms.latencyMs).toMatchObject({ count: 1, last: 42, mean: 42, min: 42, max: 42 });
    expect(client.all("pong")).toEqual([{ payload, latencyMs: 42 }]);
    await virtual.finish();
  });

  it("accepts a payload of up to 125 bytes", async () => {
    const { ws, peer } = await scene.open();
    const pinging = ws.ping({ payload: Buffer.alloc(125, 7) });
    const { payload } = await peer.frame();
    expect(payload).toEqual(Buffer.alloc(125, 7));
    peer.send(pongFrame(payload));
    await pinging;
  });

  it("has a different payload each time", async () => {
    const { ws, peer } = await scene.open();
    const pinging = [ws.ping(), ws.ping()];
    const payloads = [(await peer.frame()).payload, (await peer.frame()).payload];
    expect(payloads[0]).not.toEqual(payloads[1]);
    for (const payload of payloads) peer.send(pongFrame(payload));
    await Promise.all(pinging);
  });
});

describe("with autoPong: false", () => {
  it("pings are emitted as events and can be answered with pong()", async () => {
    const { client, ws, peer } = await scene.open({ autoPong: false });
    client.ws.on("ping", ({ payload }) => void ws.pong(payload));
    peer.send(pingFrame("a"), pingFrame(""));
    const frames = [await peer.frame(), await peer.frame()];
    expect(frames.map(({ opcode, payload }) => [opcode, payload.toString()])).toEqual([
      [opcodes.pong, "a"],
      [opcodes.pong, ""],
    ]);
  });
});

function shared(): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(2);
  new Uint8Array(memory).fill(9);
  return memory;
}
