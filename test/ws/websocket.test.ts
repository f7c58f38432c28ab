import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import DefaultClass, { WebSocket, WebSocketServer } from "../../src/ws/index.js";
import { compress } from "../support/compressed.js";
import { serverFrame } from "../support/ws-peer.js";
import { wsScene } from "./scene.js";

const scene = wsScene();

async function open(): Promise<WebSocket> {
  const ws = new WebSocket(scene.url);
  await once(ws, "open");
  return ws;
}

async function end(ws: WebSocket): Promise<void> {
  const closed = once(ws, "close");
  ws.terminate();
  await closed;
}

describe("the class", () => {
  it("has the properties of the class of `ws`", () => {
    expect(DefaultClass).toBe(WebSocket);
    expect(WebSocket.WebSocket).toBe(WebSocket);
    expect(Reflect.get(WebSocket, "default")).toBe(WebSocket);
    expect(WebSocket.createWebSocketStream).toBeTypeOf("function");
    expect([WebSocket.Server, WebSocket.WebSocketServer]).toEqual([WebSocketServer, WebSocketServer]);
    for (const object of [WebSocket, WebSocket.prototype])
      expect([object.CONNECTING, object.OPEN, object.CLOSING, object.CLOSED]).toEqual([0, 1, 2, 3]);
    expect(() => {
      (WebSocket.prototype as { OPEN: number }).OPEN = 5;
    }).toThrow(TypeError);
  });

  it("can be extended", async () => {
    class Extended extends WebSocket {
      override send(): never {
        throw new Error("extended");
      }
    }
    const ws = new Extended(scene.url);
    await once(ws, "open");
    expect(() => ws.send()).toThrow("extended");
    await end(ws);
  });

  it("has no server", () => {
    expect(() => new WebSocketServer({ port: 0 })).toThrow("is a client and has no server");
    expect(() => new WebSocket(null as never)).toThrow(TypeError);
  });

  it.each([
    ["options as the second argument", [{ protocols: "a", headers: {} }]],
    ["options as the third argument", [undefined, { protocols: ["a"] }]],
    ["null for the options", [["a"], null]],
  ])("accepts %s", async (_name, parameters) => {
    const ws = new WebSocket(scene.url, ...(parameters as [object]));
    ws.on("error", () => undefined);
    await once(ws, "close").catch(() => undefined);
    expect(scene.server.peers[0]!.head).toMatch(/sec-websocket-protocol: a/i);
  });

  it("leaves nothing open if an argument is wrong", async () => {
    expect(() => new WebSocket(scene.url, "a b")).toThrow(SyntaxError);
    expect(() => new WebSocket(scene.url, { maxPayload: -1 })).toThrow(RangeError);
    expect(() => new WebSocket(scene.url, { headers: { "a b": "c" } })).toThrow(TypeError);
    expect(() => new WebSocket(scene.url, { agent: 1 as never })).toThrow(TypeError);
    await end(await open());
    expect(scene.server.peers.length).toBe(1);
  });
});

describe("send()", () => {
  it("refuses options that are not possible, and does not send", async () => {
    const ws = await open();
    expect(() => ws.send("x", { fin: false })).toThrow(/"fin"/);
    expect(() => ws.send("x", { mask: false })).toThrow(/"mask"/);
    expect(() => ws.send(Buffer.from([0xff]), { binary: false })).toThrow(TypeError);
    expect(() => ws.ping("", false)).toThrow(TypeError);
    ws.send("sent");
    await scene.server.peers[0]!.received(1);
    expect(scene.server.peers[0]!.frames.map(({ payload }) => payload.toString())).toEqual(["sent"]);
    await end(ws);
  });

  it("reads the bytes during the call", async () => {
    const ws = await open();
    const bytes = Buffer.from("before");
    ws.send(bytes);
    bytes.fill("x");
    await scene.server.peers[0]!.received(1);
    expect(scene.server.peers[0]!.frames[0]!.payload.toString()).toBe("before");
    await end(ws);
  });

  it("counts waiting bytes, and calls back when the kernel has accepted them", async () => {
    scene.script = async (peer) => {
      await peer.accept();
      peer.socket.pause();
    };
    const ws = await open();
    const size = 16 * 1024 * 1024;
    let isSent = false;
    const sent = new Promise<void>((resolve) => {
      ws.send(Buffer.alloc(size), { compress: false }, () => {
        isSent = true;
        resolve();
      });
    });
    expect(ws.bufferedAmount).toBeGreaterThan(size / 2);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect([isSent, ws.bufferedAmount > 0]).toEqual([false, true]);
    scene.server.peers[0]!.socket.resume();
    await sent;
    expect(ws.bufferedAmount).toBe(0);
    await end(ws);
  });

  it("calls back with an error if the connection is lost", async () => {
    scene.script = async (peer) => {
      await peer.accept();
      peer.socket.pause();
    };
    const ws = await open();
    const error = new Promise<Error | undefined>((resolve) =>
      ws.send(Buffer.alloc(16 * 1024 * 1024), { compress: false }, resolve),
    );
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    const ended = end(ws);
    expect(await error).toBeInstanceOf(Error);
    await ended;
  });
});

describe("binaryType", () => {
  it("blob delivers a Blob, and may change between messages", async () => {
    const ws = await open();
    ws.binaryType = "blob";
    scene.server.peers[0]!.write(serverFrame(2, "one"), serverFrame(2, "two"));
    const [blob] = (await once(ws, "message")) as [Blob];
    expect(await blob.text()).toBe("one");
    await end(ws);
  });
});

describe("pause() during the messages of one packet", () => {
  const deflate = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover";
  const packet = Array.from({ length: 4 }, () =>
    serverFrame(2, compress(Buffer.alloc(100_000)), { rsv: 0x40 }),
  );

  /** A socket that is paused by its first message, with a log of its events. */
  function paused(options: object = {}): { readonly ws: WebSocket; readonly log: string[] } {
    scene.script = async (peer) => {
      await peer.accept(deflate);
      peer.write(...packet);
    };
    const ws = new WebSocket(scene.url, options);
    const log: string[] = [];
    ws.on("message", () => {
      if (log.push(`message ${ws.isPaused}`) === 1) ws.pause();
    });
    ws.on("close", (code) => log.push(`close ${code}`));
    return { ws, log };
  }

  it("emits no further message until resume(), and none during the call of resume()", async () => {
    const { ws, log } = paused();
    await once(ws, "message");
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual(["message false"]);
    ws.resume();
    expect(log).toHaveLength(1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual(Array.from({ length: 4 }, () => "message false"));
    await end(ws);
  });

  it("emits the messages that were read before the connection was lost", async () => {
    const socket = connect(Number(new URL(scene.url).port), "127.0.0.1");
    const { ws, log } = paused({ createConnection: () => socket });
    await once(ws, "message");
    socket.destroy();
    await once(ws, "close");
    expect(log).toEqual(["message false", "message true", "message true", "message true", "close 1006"]);
  });

  it("emits no message after terminate()", async () => {
    const { ws, log } = paused();
    await once(ws, "message");
    await end(ws);
    expect(log).toEqual(["message false", "close 1006"]);
  });

  it("ends by closeTimeout if it is called after close()", async () => {
    const { ws, log } = paused({ closeTimeout: 20 });
    await once(ws, "message");
    ws.close();
    ws.pause();
    await once(ws, "close");
    expect(log.at(-1)).toBe("close 1006");
  });
});
