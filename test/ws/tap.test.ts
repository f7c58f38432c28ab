import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { LookupFunction } from "node:net";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { WebSocket } from "../../src/ws/index.js";
import { Tap, tappedRuntime } from "../../src/ws/tap.js";
import { acceptance, closeFrame, serverFrame } from "../support/ws-peer.js";
import { wsScene } from "./scene.js";

const scene = wsScene();

describe("the head of the response", () => {
  it("is found if it arrives in pieces, after interim responses", async () => {
    scene.script = async (peer) => {
      const head = `HTTP/1.1 103 Hints\r\nX: y\r\n\r\n${acceptance(await peer.request(), ["X-Last: 1"])}`;
      peer.socket.setNoDelay();
      for (const byte of head) {
        peer.socket.write(byte);
        await new Promise(setImmediate);
      }
      peer.write(closeFrame(1000));
      await peer.ended();
      peer.socket.end();
    };
    const ws = new WebSocket(scene.url);
    const closed = once(ws, "close");
    const [response] = (await once(ws, "upgrade")) as [IncomingMessage];
    expect([response.statusCode, response.headers["x-last"], response.headers["x"]]).toEqual([
      101,
      "1",
      undefined,
    ]);
    await closed;
  });

  it("of another status emits no upgrade", async () => {
    scene.script = async (peer) => {
      await peer.request();
      peer.socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    };
    const ws = new WebSocket(scene.url);
    let count = 0;
    ws.on("upgrade", () => count++);
    const closed = new Promise((resolve) => ws.on("close", resolve));
    await once(ws, "error");
    await closed;
    expect(count).toBe(0);
  });
});

describe("a pause of the application", () => {
  it("stops reading, so the kernel of the peer fills up", async () => {
    const ws = new WebSocket(scene.url, { perMessageDeflate: false });
    let size = 0;
    ws.on("message", (data) => (size += (data as Buffer).length));
    await once(ws, "open");
    ws.pause();
    const { socket } = scene.server.peers[0]!;
    const chunk = serverFrame(2, Buffer.alloc(65_536));
    let sent = 0;
    do {
      sent += 65_536;
    } while (socket.write(chunk) && sent < 256 * 65_536);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect([size, ws.isPaused]).toEqual([0, true]);
    ws.resume();
    while (size < sent) await once(ws, "message");
    expect(size).toBe(sent);
    const closed = once(ws, "close");
    ws.terminate();
    await closed;
  });

  it("ends only when both the client and the application read again", async () => {
    const lookup: LookupFunction = () => undefined;
    const tap = new Tap(lookup, () => undefined);
    const stream = new PassThrough();
    const ignore = (): void => undefined;
    const got: string[] = [];
    const transport = tappedRuntime.openTransport(
      {
        ...{ url: "", host: "a.test", port: 80, isSecure: false, noDelay: true, keepAlive: false, lookup },
        ...{ createConnection: () => stream, readBuffer: Buffer.alloc(10) },
        signal: new AbortController().signal,
      },
      {
        ...{ onPhase: ignore, onEnd: ignore, onClose: ignore, onOpen: ignore },
        onData: (bytes, length) => void got.push(bytes.toString("latin1", 0, length)),
      },
    );
    const turn = async (action: () => void): Promise<string> => {
      action();
      for (let count = 0; count < 5; count++) await new Promise(setImmediate);
      return got.splice(0).join("");
    };
    await turn(ignore);
    tap.pause();
    transport.pause();
    stream.write("one");
    expect(await turn(() => transport.resume())).toBe("");
    expect(await turn(() => tap.resume())).toBe("one");
    tap.pause();
    transport.pause();
    stream.write("two");
    expect(await turn(() => tap.resume())).toBe("");
    expect(await turn(() => transport.resume())).toBe("two");
    expect(transport.addresses).toEqual([]);
    expect(transport.tls).toBeUndefined();
    transport.destroy();
  });

  it("needs the stream of a connection of this class", () => {
    const target = { createConnection: () => new PassThrough(), signal: new AbortController().signal };
    const transport = tappedRuntime.openTransport(target as never, { onClose: () => undefined } as never);
    expect(transport.constructor.name).toBe("SocketTransport");
    transport.destroy();
  });
});
