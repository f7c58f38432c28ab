import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { createWebSocketStream, WebSocket } from "../../src/ws/index.js";
import { closeFrame, serverFrame } from "../support/ws-peer.js";
import { wsScene } from "./scene.js";

const scene = wsScene();

// The comparison with the package `ws` covers what both functions do.

describe("a stream", () => {
  it("reads no more than its buffer while nobody reads from it", async () => {
    scene.script = async (peer) => {
      await peer.accept();
      for (let index = 0; index < 200; index++) peer.socket.write(serverFrame(2, Buffer.alloc(65_536)));
    };
    const ws = new WebSocket(scene.url, { perMessageDeflate: false });
    const stream = createWebSocketStream(ws, { readableHighWaterMark: 1 });
    await once(ws, "message");
    for (let turn = 0; turn < 30; turn++) await new Promise(setImmediate);
    expect(ws.isPaused).toBe(true);
    expect(stream.readableLength).toBeLessThan(20 * 65_536);
    let size = 0;
    stream.on("data", (bytes: Buffer) => (size += bytes.length));
    while (size < 200 * 65_536) await once(stream, "data");
    stream.destroy();
    await once(stream, "close");
    expect(ws.readyState).toBe(WebSocket.CLOSED);
  });

  it("waits with a write until the peer reads", async () => {
    scene.script = async (peer) => {
      await peer.accept();
      peer.socket.pause();
    };
    const ws = new WebSocket(scene.url, { perMessageDeflate: false });
    const stream = createWebSocketStream(ws);
    let written = 0;
    for (let index = 0; index < 32; index++) stream.write(Buffer.alloc(1024 * 1024), () => written++);
    await once(ws, "open");
    for (let turn = 0; turn < 30; turn++) await new Promise(setImmediate);
    expect(written).toBeLessThan(32);
    const { socket } = scene.server.peers[0]!;
    socket.resume();
    stream.end();
    await scene.server.peers[0]!.received(33);
    scene.server.peers[0]!.write(closeFrame());
    socket.end();
    await once(stream.resume(), "close");
    expect(written).toBe(32);
  });

  it("of a WebSocket that is closed ends by end() and by destroy()", async () => {
    const ws = new WebSocket(scene.url);
    const streams = [createWebSocketStream(ws), createWebSocketStream(ws)];
    await once(ws, "open");
    const closed = once(ws, "close");
    ws.terminate();
    await closed;
    streams[0]!.resume().end();
    streams[1]!.destroy();
    await Promise.all(streams.map((stream) => once(stream, "close")));
  });

  it("of a WebSocket that is connecting can be destroyed", async () => {
    const ws = new WebSocket(scene.url);
    const stream = createWebSocketStream(ws);
    stream.on("error", () => undefined);
    const closed = new Promise((resolve) => stream.on("close", resolve));
    stream.destroy();
    await closed;
    expect(ws.readyState).toBe(WebSocket.CLOSED);
  });
});
