// Opening handshakes over TCP, TLS, Unix sockets and caller's streams, without faults.
import { connect as connectTcp, type LookupFunction } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect } from "../../src/index.js";
import { turns } from "../support/dialling.js";
import { createDuplexPair } from "../support/duplex-pair.js";
import { type Options, Scene, type RecordedClient } from "../support/scene.js";
import type { PeerSocket } from "../support/scripted-peer.js";
import { type PeerRequest, type ScriptedPeer, switching } from "../support/scripted-peer.js";
import { closeFrame, textFrame } from "../support/wire.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(() => scene.finish());

const loopback: LookupFunction = (_hostname, _options, callback) =>
  setImmediate(callback, null, [{ address: "127.0.0.1", family: 4 }]);

/** Exchanges one message in each direction and closes from the client. */
async function exchange(client: RecordedClient, peer: PeerSocket): Promise<void> {
  const { ws } = client;
  peer.send(textFrame("from the peer"));
  expect(await ws.recv()).toBe("from the peer");
  await ws.send("from the client");
  expect(await peer.text()).toBe("from the client");
  const closing = ws.close();
  expect(await peer.untilClose()).toEqual({ code: 1000, reason: "" });
  peer.send(closeFrame(1000));
  await peer.untilEnd();
  peer.end();
  await closing;
  expect(client.story).toEqual([
    ...["to connecting", "connecting", "to connected", "connected", "to disconnecting", "closing"],
    ...["to disconnected", "disconnected", "to closed", "closed"],
  ]);
  const { report } = await client.event("closed");
  expect(report).toMatchObject({
    verdict: "closed-by-us",
    wasClean: true,
    codeSent: 1000,
    codeReceived: 1000,
  });
  expect(report).toMatchObject({ phase: "closing", error: undefined, messagesUnsent: 0 });
}

type Way = (listen: Scene["listen"]) => Promise<{ server: ScriptedPeer; url: string; options: Options }>;

const ways: [name: string, way: Way][] = [
  [
    "TCP",
    async (listen) => {
      const server = await listen();
      return { server, url: server.url, options: {} };
    },
  ],
  [
    "TCP with a host name",
    async (listen) => {
      const server = await listen();
      return { server, url: `ws://feed.example:${server.port}/`, options: { lookup: loopback } };
    },
  ],
  [
    "TCP with an http URL",
    async (listen) => {
      const server = await listen();
      return {
        server,
        url: server.url.replace("ws:", "http:"),
        options: { localAddress: "127.0.0.1", keepAlive: true },
      };
    },
  ],
  [
    "TLS",
    async (listen) => {
      const server = await listen({ isSecure: true });
      return { server, url: server.url, options: { tls: { ca: server.ca } } };
    },
  ],
  [
    "TLS without certificate check",
    async (listen) => {
      const server = await listen({ isSecure: true });
      return { server, url: server.url, options: { tls: { rejectUnauthorized: false } } };
    },
  ],
  [
    "a Unix socket",
    async (listen) => {
      const server = await listen({ isLocal: true });
      return { server, url: "ws://localhost/feed", options: { socketPath: server.path } };
    },
  ],
  [
    "TLS on a Unix socket",
    async (listen) => {
      const server = await listen({ isLocal: true, isSecure: true });
      return {
        server,
        url: "wss://localhost/feed",
        options: { socketPath: server.path, tls: { ca: server.ca } },
      };
    },
  ],
  [
    "a caller's socket",
    async (listen) => {
      const server = await listen();
      const createConnection = () => connectTcp(server.port, "127.0.0.1");
      return { server, url: "ws://feed.example/", options: { createConnection } };
    },
  ],
  [
    "a caller's TLS socket, from a promise",
    async (listen) => {
      const server = await listen({ isSecure: true });
      const createConnection = async () => {
        await turns(1);
        return connectTls({ port: server.port, host: "127.0.0.1", ca: server.ca });
      };
      return { server, url: "wss://feed.example/", options: { createConnection } };
    },
  ],
];

describe("a connection", () => {
  it.each(ways)("opens, exchanges messages and closes over %s", async (_name, way) => {
    const { server, url, options } = await way((given) => scene.listen(given));
    const client = scene.watch(url, options);
    const connecting = client.ws.connect();
    const peer = await server.client();
    await peer.accept();
    await connecting;
    await exchange(client, peer);
  });

  it("works over a stream in memory", async () => {
    const [near, far] = createDuplexPair();
    const client = scene.watch("ws://nowhere.example/", { createConnection: () => near });
    const connecting = client.ws.connect();
    let request = "";
    for await (const bytes of far.iterator({ destroyOnReturn: false })) {
      request += String(bytes);
      if (request.endsWith("\r\n\r\n")) break;
    }
    const fields = [["Sec-WebSocket-Key", /Sec-WebSocket-Key: (.*)\r\n/.exec(request)?.[1] ?? ""]] as const;
    const head: PeerRequest = { head: request, requestLine: "", fields, field: () => fields[0][1] };
    far.write(Buffer.concat([Buffer.from(switching(head)), textFrame("hello"), closeFrame(1000)]));
    await connecting;
    expect(await client.ws.recv()).toBe("hello");
    far.end();
    far.resume();
    await client.event("closed");
  });

  it("is open when the promise of connect() resolves", async () => {
    const server = await scene.listen();
    const connecting = connect<string, string>(server.url, {
      runtime: scene.counting.runtime,
      subprotocols: ["chat"],
    });
    const peer = (await server.client()).endWithClient();
    await peer.accept({ fields: ["Sec-WebSocket-Protocol: chat"] });
    const ws = await connecting;
    expect([ws.state, ws.subprotocol, ws.url]).toEqual(["connected", "chat", server.url]);
    ws.terminate();
    await peer.untilGone();
  });
});

describe("the response", () => {
  it.each(["one segment", "single bytes"])("may arrive in %s", async (how) => {
    const server = await scene.listen();
    const client = scene.watch(server.url);
    const connecting = client.ws.connect();
    const peer = (await server.client()).endWithClient();
    const answer = Buffer.concat([Buffer.from(switching(await peer.request())), textFrame("hello")]);
    for (const piece of how === "one segment" ? [answer] : answer) {
      const size = scene.readSize;
      const bytes = typeof piece === "number" ? Buffer.of(piece) : piece;
      peer.send(bytes);
      await scene.untilRead(size + bytes.length);
    }
    await connecting;
    expect(await client.ws.recv()).toBe("hello");
  });

  it("may follow interim responses and have 100 fields in any case and order", async () => {
    const server = await scene.listen();
    const client = scene.watch(server.url, { subprotocols: "chat" });
    const connecting = client.ws.connect();
    const peer = (await server.client()).endWithClient();
    const { head, ...rest } = await peer.request();
    const valid = switching({ head, ...rest })
      .split("\r\n")
      .slice(1, -2);
    const fields = [...valid.reverse(), "sec-websocket-PROTOCOL:  chat \t", "connection: keep-alive, x"];
    const others = Array.from({ length: 100 - fields.length }, (_, index) => `X-${index}: ${index}`);
    peer.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    peer.send(
      [
        "HTTP/1.1 101",
        ...others,
        ...fields.map((field) => field.replace("websocket", "WebSocket")),
        "",
        "",
      ].join("\r\n"),
    );
    await connecting;
    expect(client.ws.subprotocol).toBe("chat");
    expect(client.ws.extensions).toBe("");
  });

  const whole = textFrame("the last one");
  const longer = textFrame("x".repeat(200));
  const followedBy: [what: string, bytes: Buffer[], messages: string[], rest: Buffer, last: string][] = [
    ["nothing", [], [], whole, "the last one"],
    ["one frame", [textFrame("one")], ["one"], whole, "the last one"],
    ["three frames", ["1", "2", "3"].map((text) => textFrame(text)), ["1", "2", "3"], whole, "the last one"],
    ["half a frame", [whole.subarray(0, 7)], [], whole.subarray(7), "the last one"],
    [
      "a frame and half of the next",
      [textFrame("one"), whole.subarray(0, 7)],
      ["one"],
      whole.subarray(7),
      "the last one",
    ],
    ["half a header", [longer.subarray(0, 3)], [], longer.subarray(3), "x".repeat(200)],
  ];

  it.each(followedBy)(
    "may be followed by %s in its segment; nothing is lost, and `connected` precedes all messages",
    async (_what, bytes, messages, rest, last) => {
      const server = await scene.listen();
      const client = scene.watch(server.url);
      const order: string[] = [];
      const lastArrived = new Promise<void>((resolve) => {
        client.ws.on("message", ({ data }) => (data === last ? resolve() : undefined));
      });
      client.ws.on("connected", () => order.push("connected"));
      client.ws.on("message", ({ data }) => order.push(String(data)));
      const connecting = client.ws.connect().then(() => order.push("resolved"));
      const peer = (await server.client()).endWithClient();
      await peer.accept({ followedBy: bytes });
      await connecting;
      expect(order).toEqual(["connected", ...messages, "resolved"]);
      peer.send(rest);
      await lastArrived;
      expect(order).toEqual(["connected", ...messages, "resolved", last]);
    },
  );

  it("may be followed by the Close and the end of the stream", async () => {
    const server = await scene.listen();
    const client = scene.watch(server.url);
    const connecting = client.ws.connect();
    const peer = await server.client();
    await peer.accept({ followedBy: [textFrame("one"), closeFrame(1000, "no more"), textFrame("never")] });
    peer.end();
    await connecting;
    const received: unknown[] = [];
    for await (const message of client.ws) received.push(message);
    expect(received).toEqual(["one"]);
    expect((await client.event("closed")).report).toMatchObject({ verdict: "normal", reason: "no more" });
  });
});
