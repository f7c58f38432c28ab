import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { ReconnectingWebSocket } from "../../src/whatwg/index.js";
import { ScriptedPeer } from "../support/scripted-peer.js";
import { binaryFrame, closeFrame, textFrame } from "../support/wire.js";
import { nameOfError } from "./steps/scene.js";

const quick = { minReconnectionDelay: 1, maxReconnectionDelay: 1 };

const peers: ScriptedPeer[] = [];
const sockets: ReconnectingWebSocket[] = [];

afterEach(async () => {
  const created = sockets.splice(0);
  for (const socket of created) socket.close();
  await Promise.all(peers.splice(0).map((peer) => peer.close()));
  await Promise.all(created.map((socket) => ended(socket)));
});

async function ended(socket: ReconnectingWebSocket): Promise<void> {
  if (socket.readyState !== ReconnectingWebSocket.CLOSED) await once(socket, "close");
}

/** A server that is closed after the test. */
async function listen(): Promise<ScriptedPeer> {
  const peer = await ScriptedPeer.listen();
  peers.push(peer);
  return peer;
}

/** A socket whose end the test waits for. */
function create(...given: ConstructorParameters<typeof ReconnectingWebSocket>): ReconnectingWebSocket {
  const socket = new ReconnectingWebSocket(...given);
  sockets.push(socket);
  return socket;
}

describe("a ReconnectingWebSocket", () => {
  it("calls the functions of the URL and of the subprotocols before each attempt", async () => {
    const server = await listen();
    let calls = 0;
    const socket = create(
      async () => Promise.resolve(`${server.url}?n=${++calls}`),
      () => [`v${calls}`, "v9"],
      quick,
    );
    const log: string[] = [];
    for (const type of ["open", "message", "error", "close"] as const)
      socket.addEventListener(type, () => log.push(type));
    for (const n of [1, 2]) {
      const opened = once(socket, "open");
      const peer = await server.client();
      const request = await peer.accept({ fields: ["Sec-WebSocket-Protocol: v9"] });
      expect(request.requestLine).toBe(`GET /feed?n=${n} HTTP/1.1`);
      await opened;
      expect([socket.url, socket.protocol]).toEqual([`${server.url}?n=${n}`, "v9"]);
      peer.send(textFrame("x"));
      await once(socket, "message");
      peer.send(closeFrame(1000));
      peer.endWithClient();
      await once(socket, "close");
    }
    expect(log.filter((type) => type !== "error")).toEqual([
      "open",
      "message",
      "close",
      "open",
      "message",
      "close",
    ]);
  });

  it("has the interface of WebSocket", async () => {
    const server = await listen();
    const socket = create(server.url, null, quick);
    const { CONNECTING, OPEN, CLOSING, CLOSED } = ReconnectingWebSocket;
    expect([CONNECTING, OPEN, CLOSING, CLOSED]).toEqual([0, 1, 2, 3]);
    expect([socket.CONNECTING, socket.OPEN, socket.CLOSING, socket.CLOSED]).toEqual([0, 1, 2, 3]);
    expect(Object.prototype.toString.call(socket)).toBe("[object ReconnectingWebSocket]");
    expect([socket.readyState, socket.binaryType, socket.retryCount, socket.shouldReconnect]).toEqual([
      ...[0, "blob", 0, true],
    ]);
    const received: unknown[] = [];
    socket.onopen = () => socket.send("from onopen");
    socket.onmessage = ({ data }) => received.push(data);
    socket.binaryType = "arraybuffer";
    socket.binaryType = "nonsense" as "blob";
    socket.send("queued");
    const peer = await server.client();
    await peer.accept();
    expect([await peer.text(), await peer.text()]).toEqual(["queued", "from onopen"]);
    peer.send(binaryFrame(Buffer.from("ab")));
    await once(socket, "message");
    expect(received[0]).toBeInstanceOf(ArrayBuffer);
    expect([nameOfError(() => socket.close(1001)), nameOfError(() => socket.reconnect(1))]).toEqual([
      ...["DOMException InvalidAccessError", "DOMException InvalidAccessError"],
    ]);
    socket.close();
    expect((await peer.untilClose()).code).toBe(1000);
    peer.send(closeFrame(1000));
    peer.endWithClient();
    const [event] = (await once(socket, "close")) as [CloseEvent];
    expect([event.code, event.wasClean, socket.readyState]).toEqual([1000, true, 3]);
  });

  it("checks its arguments", () => {
    const make = (...given: unknown[]) => nameOfError(() => Reflect.construct(ReconnectingWebSocket, given));
    expect(make()).toBe("TypeError");
    for (const given of [["/a"], ["ftp://a"], ["ws://a/#b"], ["ws://a/", ["a", "a"]], ["ws://a/", "a b"]])
      expect(make(...given), JSON.stringify(given)).toBe("DOMException SyntaxError");
    expect(make("ws://a/", [], { maxRetries: "no" })).toBe("TypeError");
    expect(make("ws://a/", [], { connectTimeout: -1 })).toBe("RangeError");
    expect(nameOfError(() => Reflect.apply(ReconnectingWebSocket.prototype.send, {}, ["a"]))).toBe(
      "TypeError",
    );
  });

  it("fails an attempt if a function returns an invalid URL, and tries again", async () => {
    const server = await listen();
    const urls = ["not a URL", "ws://127.0.0.1:25/", server.url];
    const socket = create(() => urls.shift() ?? server.url, [], quick);
    const errors: string[] = [];
    socket.onerror = (event) => errors.push((event as Event & { readonly message: string }).message);
    const opened = once(socket, "open");
    await (await server.client()).accept();
    await opened;
    expect(errors).toHaveLength(2);
    expect(errors[0]).toContain("valid absolute URL");
    expect(errors[1]).toContain("blocks the port");
  });
});

interface CloseEvent {
  readonly code: number;
  readonly wasClean: boolean;
}
