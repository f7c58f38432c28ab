import { once } from "node:events";
import { Agent as HttpsAgent } from "node:https";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type ClientOptions, WebSocket } from "../../src/ws/index.js";
import { RawServer, type RawServerOptions } from "../support/raw-server.js";
import { acceptance, closeFrame, Peer, serverFrame } from "../support/ws-peer.js";

const servers: RawServer[] = [];
const peers: Peer[] = [];

afterEach(async () => {
  for (const { socket } of peers.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) await server.close();
});

/** Answers each request, and sends the line of the request and a Close frame. */
async function listen(options: RawServerOptions = {}): Promise<RawServer> {
  const server = await new RawServer(options).listen();
  servers.push(server);
  server.play((socket) => void answer(new Peer(socket)));
  return server;
}

async function answer(peer: Peer): Promise<void> {
  peers.push(peer);
  const head = await peer.request();
  peer.write(acceptance(head), serverFrame(1, head.split("\r\n", 1)[0]!), closeFrame(1000));
  await peer.ended();
  peer.socket.end();
}

async function firstMessage(url: string, options?: ClientOptions): Promise<string> {
  const ws = new WebSocket(url, options);
  const closed = once(ws, "close");
  const [data] = (await once(ws, "message")) as [Buffer];
  await closed;
  return data.toString();
}

const request = "GET /p HTTP/1.1";

describe("TLS", () => {
  it("uses options at the top level, or those of an agent", async () => {
    const { port, certificate } = await listen({ isSecure: true });
    const url = `wss://localhost:${port}/p`;
    const lookup = onlyLocal;
    expect(await firstMessage(url, { ca: certificate.cert, lookup })).toBe(request);
    expect(await firstMessage(url, { agent: new HttpsAgent({ ca: certificate.cert }), lookup })).toBe(
      request,
    );
    expect(await firstMessage(url, { rejectUnauthorized: false, lookup })).toBe(request);
  });

  it("has Node's error for an unknown authority", async () => {
    const { port } = await listen({ isSecure: true });
    const ws = new WebSocket(`wss://localhost:${port}`, { lookup: onlyLocal });
    const closed = new Promise((resolve) => ws.on("close", resolve));
    const [error] = (await once(ws, "error")) as [NodeJS.ErrnoException];
    expect([error.code, await closed]).toEqual(["DEPTH_ZERO_SELF_SIGNED_CERT", 1006]);
  });
});

const onlyLocal: NonNullable<ClientOptions["lookup"]> = (_host, options, callback) => {
  if (options.all === true) callback(null, [{ address: "127.0.0.1", family: 4 }]);
  else callback(null, "127.0.0.1", 4);
};

describe("the route", () => {
  it("is a Unix socket by the address or by socketPath", async () => {
    const { path } = await listen({ isLocal: true });
    expect(await firstMessage(`ws+unix:${path!}:/p`)).toBe(request);
    expect(await firstMessage("ws://localhost/p", { socketPath: path })).toBe(request);
  });

  it("is the socket of createConnection, which receives the target", async () => {
    const { port } = await listen();
    let target: object = {};
    const createConnection: NonNullable<ClientOptions["createConnection"]> = (given) => {
      target = given;
      return connect(port, "127.0.0.1");
    };
    expect(await firstMessage("ws://a.test:99/p", { createConnection, headers: { "X-A": "1" } })).toBe(
      request,
    );
    expect(target).toMatchObject({
      host: "a.test",
      port: 99,
      path: undefined,
      headers: { "X-A": "1" },
      secureEndpoint: false,
    });
  });

  it("is a proxy of an agent", async () => {
    const proxy = await new RawServer({}).listen();
    servers.push(proxy);
    proxy.play((socket) => {
      const peer = new Peer(socket);
      peers.push(peer);
      void peer.request().then(() => socket.end("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"));
    });
    const ws = new WebSocket("ws://a.test/", { agent: { proxy: new URL(`http://127.0.0.1:${proxy.port}`) } });
    const closed = new Promise((resolve) => ws.on("close", resolve));
    const [error] = (await once(ws, "error")) as [NodeJS.ErrnoException];
    expect([error.code, await closed]).toEqual(["PROXY_AUTHENTICATION", 1006]);
    expect(peers[0]!.head).toMatch(/^CONNECT a\.test:80 HTTP\/1\.1/);
  });

  it("keeps the process alive unless the socket is unreferenced", async () => {
    const { port } = await listen();
    const ws = new WebSocket(`ws://127.0.0.1:${port}/p`);
    expect(ws._socket).toBeNull();
    await once(ws, "open");
    ws._socket!.unref();
    ws._socket!.ref();
    await once(ws, "close");
  });
});

describe("messages", () => {
  it("of changing kinds and sizes are all delivered once, in order, and keep their bytes", async () => {
    const server = await new RawServer({}).listen();
    servers.push(server);
    const sizes = [10, 5000, 4096, 100_000, 4095];
    const sent = Array.from({ length: 300 }, (_, index) => {
      const isBinary = index % 7 < 3;
      return { isBinary, text: `${index}:${(isBinary ? "b" : "é").repeat(sizes[index % 5]!)}` };
    });
    server.play((socket) => {
      const peer = new Peer(socket);
      peers.push(peer);
      void peer.request().then((head) => {
        peer.write(
          acceptance(head),
          ...sent.map(({ isBinary, text }) => serverFrame(isBinary ? 2 : 1, text)),
        );
        peer.write(closeFrame(1000));
        return peer.ended().then(() => socket.end());
      });
    });
    const ws = new WebSocket(`ws://127.0.0.1:${server.port}`, { perMessageDeflate: false });
    const got: { readonly isBinary: boolean; readonly data: Buffer }[] = [];
    ws.on("message", (data, isBinary) => void got.push({ isBinary, data: data as Buffer }));
    await once(ws, "close");
    expect(got.map(({ isBinary, data }) => ({ isBinary, text: data.toString() }))).toEqual(sent);
  });
});
