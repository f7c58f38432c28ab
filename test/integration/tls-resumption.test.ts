// TLS sessions over the reconnects of a client, with real servers: when they are resumed, and when they must not be.
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { checkServerIdentity, createSecureContext, type ConnectionOptions, type TLSSocket } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ProxyServer } from "../support/proxy-server.js";
import type { RawServerOptions } from "../support/raw-server.js";
import { type Options, type RecordedClient, Scene } from "../support/scene.js";
import type { PeerSocket, ScriptedPeer } from "../support/scripted-peer.js";
import { createTlsCertificate } from "../support/tls-certificate.js";
import { closeFrame } from "../support/wire.js";

const certificate = createTlsCertificate();
const ca = certificate.cert;
const versions = ["TLSv1.2", "TLSv1.3"] as const;

let scene: Scene;
let proxies: ProxyServer[];

beforeEach(() => {
  scene = new Scene();
  proxies = [];
});

afterEach(async () => {
  await Promise.all(proxies.map((proxy) => proxy.close()));
  await scene.finish();
});

function listen(version: (typeof versions)[number], options: RawServerOptions = {}): Promise<ScriptedPeer> {
  const tls = { minVersion: version, maxVersion: version, ...options.tls };
  return scene.listen({ isSecure: true, certificate, ...options, tls });
}

async function proxyUrl(kind: "http" | "https" | "socks5"): Promise<string> {
  const proxy = await new ProxyServer({ kind, certificate }).listen();
  proxies.push(proxy);
  return proxy.url();
}

/** Creates a client that reconnects at once. */
function watch(url: string | (() => string), options: Options): RecordedClient {
  return scene.watch(url, { reconnect: true, backoff: { base: 1, floor: 0, jitter: false }, ...options });
}

/** Accepts the next connection that sends a request. Returns the peer, and whether it has resumed a session. */
async function accept(server: ScriptedPeer): Promise<PeerSocket & { readonly isResumed: boolean }> {
  let peer = await server.client();
  // With TLS 1.2 the server completes the handshake before the client checks the identity of the server.
  while (await peer.until(() => peer.receivedSize > 0 || peer.hasEnded).then(() => peer.receivedSize === 0))
    peer = await server.client();
  await peer.accept();
  return Object.assign(peer, { isResumed: (peer.socket as Partial<TLSSocket>).isSessionReused!() });
}

/**
 * Opens a connection and loses it `count - 1` times. Returns which of the connections have resumed a session, as the
 * server sees it. Expects that the events and the reports say the same.
 */
async function connectTimes(client: RecordedClient, server: ScriptedPeer, count: number): Promise<boolean[]> {
  const told: (boolean | undefined)[] = [];
  const seen: boolean[] = [];
  void client.ws.connect();
  for (let n = 1; n <= count; n++) {
    const opened = new Promise<void>((resolve) => {
      client.ws.once(n === 1 ? "connected" : "reconnected", ({ tls }) =>
        resolve(void told.push(tls?.isResumed)),
      );
    });
    const peer = await accept(server);
    seen.push(peer.isResumed);
    await opened;
    if (n === count) break;
    peer.end();
    await client.until(() => client.all("disconnected").length === n);
    expect(client.all("disconnected")[n - 1]!.report.tls?.isResumed).toBe(peer.isResumed);
  }
  expect(told).toEqual(seen);
  return seen;
}

/** SHA-256 of the public key of a certificate. */
function pinOf(given: string | Buffer): string {
  const spki = new X509Certificate(given).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("base64");
}

const all = [false, true, true, true, true, true];
const none = [false, false, false];

describe.each(versions)("with %s", (version) => {
  it("five of five reconnects resume the session of the first connection", async () => {
    const server = await listen(version);
    const client = watch(`wss://localhost:${server.port}/`, { tls: { ca } });
    expect(await connectTimes(client, server, 6)).toEqual(all);
  });

  it("they do so if only the second address answers", async () => {
    const server = await listen(version);
    const addresses = [
      { address: "::1", family: 6 },
      { address: "127.0.0.1", family: 4 },
    ];
    const client = watch(`wss://localhost:${server.port}/`, {
      tls: { ca },
      lookup: (_name, _options, callback) => setImmediate(callback, null, addresses),
    });
    expect(await connectTimes(client, server, 6)).toEqual(all);
  });

  it.each(["http", "https", "socks5"] as const)("they do so through an %s proxy", async (kind) => {
    const server = await listen(version);
    const url = await proxyUrl(kind);
    const proxy = kind === "https" ? { url, tls: { ca } } : url;
    const client = watch(`wss://localhost:${server.port}/`, { tls: { ca }, proxy });
    expect(await connectTimes(client, server, 6)).toEqual(all);
  });

  it("they do so over a Unix socket", async () => {
    const server = await listen(version, { isLocal: true });
    const client = watch("wss://localhost/", { tls: { ca }, socketPath: server.path! });
    expect(await connectTimes(client, server, 6)).toEqual(all);
  });

  it("the option tlsSessions: false turns resumption off", async () => {
    const server = await listen(version);
    const client = watch(`wss://localhost:${server.port}/`, { tls: { ca }, tlsSessions: false });
    expect(await connectTimes(client, server, 3)).toEqual(none);
  });

  it.each<[string, ConnectionOptions]>([
    ["checkServerIdentity", { checkServerIdentity: () => undefined }],
    ["pskCallback", { pskCallback: () => null }],
    ["rejectUnauthorized: false and an untrusted certificate", { ca: [], rejectUnauthorized: false }],
  ])("no session is resumed with %s", async (_what, tls) => {
    const server = await listen(version);
    const client = watch(`wss://localhost:${server.port}/`, { tls: { ca, ...tls } });
    expect(await connectTimes(client, server, 3)).toEqual(none);
  });

  it("a trusted server is resumed with rejectUnauthorized: false", async () => {
    const server = await listen(version);
    const client = watch(`wss://localhost:${server.port}/`, { tls: { ca, rejectUnauthorized: false } });
    expect(await connectTimes(client, server, 3)).toEqual([false, true, true]);
  });

  it("a pin that changes between two connections is checked, and refuses the server", async () => {
    const server = await listen(version);
    let isTrusted = true;
    const tls: ConnectionOptions = {
      ca,
      checkServerIdentity: () => (isTrusted ? undefined : new Error("the pin does not match")),
    };
    const client = watch(`wss://localhost:${server.port}/`, { tls });
    void client.ws.connect();
    const peer = await accept(server);
    await client.event("connected");
    isTrusted = false;
    peer.end();
    await client.until(() => client.all("error").length > 0);
    expect(client.all("error")[0]!.error.message).toContain("the pin does not match");
  });

  it("a pin of the public key accepts the key, and refuses another one of a trusted authority", async () => {
    const other = createTlsCertificate({ subject: "other" });
    let current = certificate;
    const server = await listen(version, {
      tls: { SNICallback: (_name, done) => done(null, createSecureContext(current)) },
    });
    const pin = pinOf(certificate.cert);
    const tls: ConnectionOptions = {
      ca: [ca, other.cert],
      checkServerIdentity: (host, given) => {
        const wrongName = checkServerIdentity(host, given);
        return wrongName ?? (pinOf(given.raw) === pin ? undefined : new Error("the key is not pinned"));
      },
    };
    const client = watch(`wss://localhost:${server.port}/`, { tls });
    void client.ws.connect();
    (await accept(server)).end();
    const peer = await accept(server);
    current = other;
    peer.end();
    await client.until(() => client.all("error").length > 0);
    expect(client.all("error")[0]!.error.message).toContain("the key is not pinned");
    expect(client.ws.lastReport).toMatchObject({ verdict: "tls", isRetryable: true });
  });

  it("a pin that is added to the options between two connections refuses the server", async () => {
    const server = await listen(version);
    const tls: ConnectionOptions = { ca };
    const client = watch(`wss://localhost:${server.port}/`, { tls });
    void client.ws.connect();
    const peer = await accept(server);
    await client.event("connected");
    tls.checkServerIdentity = () => new Error("the pin does not match");
    peer.end();
    await client.until(() => client.all("error").length > 0);
    expect(client.all("error")[0]!.error.message).toContain("the pin does not match");
  });

  it.each<[string, ConnectionOptions]>([
    ["another authority", { ca: createTlsCertificate().cert }],
    ["another server name", { servername: "elsewhere.test" }],
  ])("a change of the options is obeyed: %s", async (_what, change) => {
    const server = await listen(version);
    const tls: ConnectionOptions = { ca };
    const client = watch(`wss://localhost:${server.port}/`, { tls });
    void client.ws.connect();
    const peer = await accept(server);
    await client.event("connected");
    Object.assign(tls, change);
    peer.end();
    await client.until(() => client.all("error").length > 0);
    expect(client.ws.lastReport).toMatchObject({ verdict: "tls", phase: "tls" });
  });

  it("another host name is not reached by the session of the first", async () => {
    const server = await listen(version);
    const names = ["localhost", "elsewhere.test"];
    const client = watch(() => `wss://${names.shift() ?? "localhost"}:${server.port}/`, {
      tls: { ca },
      lookup: (_name, _options, callback) =>
        setImmediate(callback, null, [{ address: "127.0.0.1", family: 4 }]),
    });
    void client.ws.connect();
    (await accept(server)).end();
    await client.until(() => client.all("error").length > 0);
    expect(client.all("error")[0]!.error).toMatchObject({ code: "ERR_TLS_CERT_ALTNAME_INVALID" });
    // The session of the first host is still there.
    expect((await accept(server)).isResumed).toBe(true);
  });

  it("another client does not use the session", async () => {
    const server = await listen(version);
    const tls = { ca };
    for (let n = 0; n < 2; n++) {
      const client = watch(`wss://localhost:${server.port}/`, { tls });
      expect(await connectTimes(client, server, 2)).toEqual([false, true]);
    }
  });

  it("a server that does not know the session makes a full handshake", async () => {
    const servers = [await listen(version), await listen(version)];
    // All connections have the same port, and so the same session, as with a load balancer.
    let target = servers[0]!;
    const proxy = await new ProxyServer({ kind: "http", targetPort: () => target.port }).listen();
    proxies.push(proxy);
    const client = watch("wss://localhost:443/", { tls: { ca }, proxy: proxy.url() });
    const seen: boolean[] = [];
    void client.ws.connect();
    for (const server of [0, 0, 1, 1, 0]) {
      target = servers[server]!;
      const peer = await accept(target);
      seen.push(peer.isResumed);
      await client.until(() => client.ws.state === "connected");
      target = servers[[0, 0, 1, 1, 0][seen.length]!]!;
      peer.end();
      await client.until(() => client.ws.state !== "connected");
    }
    expect(seen).toEqual([false, true, false, true, false]);
  });

  it.each<[how: string, refuse: (socket: Socket) => void]>([
    ["a reset", (socket) => socket.resetAndDestroy()],
    ["an end", (socket) => socket.end()],
    ["an alert", (socket) => socket.end(Buffer.of(21, 3, 3, 0, 2, 2, 47))],
    ["silence", () => undefined],
  ])("a session that a server answers with %s is not used again", async (how, refuse) => {
    const server = await listen(version);
    const refusing = await scene.listen();
    let target = server;
    const proxy = await new ProxyServer({ kind: "http", targetPort: () => target.port }).listen();
    proxies.push(proxy);
    // The time must suffice for the connections that succeed, on a busy machine too.
    const connectTimeout = how === "silence" ? 1_000 : 10_000;
    const client = watch("wss://localhost:443/", { tls: { ca }, proxy: proxy.url(), connectTimeout });
    void client.ws.connect();
    for (const isResumed of [false, true, false]) {
      const peer = await accept(server);
      expect(peer.isResumed).toBe(isResumed);
      await client.until(() => client.ws.state === "connected");
      if (isResumed) target = refusing;
      peer.end();
      if (!isResumed) continue;
      const { socket } = await refusing.client();
      await once(socket, "data");
      target = server;
      refuse(socket);
    }
  });

  it("a server that is down for a while does not cost the session", async () => {
    const server = await listen(version);
    let [address, family] = ["127.0.0.1", 4];
    const client = watch(`wss://localhost:${server.port}/`, {
      tls: { ca },
      lookup: (_name, _options, callback) => setImmediate(callback, null, [{ address, family }]),
    });
    void client.ws.connect();
    const peer = await accept(server);
    await client.event("connected");
    // Nothing listens at that address.
    [address, family] = ["127.0.0.2", 4];
    peer.end();
    await client.until(() => client.all("error").length >= 3);
    expect(client.ws.lastReport).toMatchObject({ verdict: "refused", tls: undefined });
    [address, family] = ["127.0.0.1", 4];
    expect((await accept(server)).isResumed).toBe(true);
  });

  it.each(["replace", "overlap"] as const)("a rotation resumes a session in the mode %s", async (mode) => {
    const server = await listen(version);
    const client = watch(`wss://localhost:${server.port}/`, { tls: { ca }, rotation: { mode } });
    void client.ws.connect();
    const peer = await accept(server);
    await client.event("connected");
    const rotating = client.ws.rotate();
    const answerClose = async (): Promise<void> => {
      await peer.untilClose();
      peer.send(closeFrame(1000));
      peer.end();
    };
    if (mode === "replace") await answerClose();
    expect((await accept(server)).isResumed).toBe(true);
    if (mode === "overlap") await answerClose();
    await rotating;
  });
});

it("five of five reconnects resume a session of TLS 1.2 by its id", async () => {
  const server = await listen("TLSv1.2", { hasSessionIds: true });
  const client = watch(`wss://localhost:${server.port}/`, { tls: { ca } });
  expect(await connectTimes(client, server, 6)).toEqual(all);
});

it("the details of a connection without TLS are undefined", async () => {
  const { client, peer } = await scene.open();
  expect((await client.event("connected")).tls).toBeUndefined();
  peer.end();
  expect((await client.event("disconnected")).report.tls).toBeUndefined();
});

it("the report of a handshake that the server rejects contains the details", async () => {
  const server = await listen("TLSv1.3");
  const client = scene.watch(`wss://localhost:${server.port}/`, { tls: { ca } });
  const connecting = client.ws.connect().catch(() => undefined);
  const peer = await server.client();
  await peer.request();
  peer.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  await connecting;
  expect(client.ws.lastReport).toMatchObject({
    statusCode: 503,
    tls: { protocol: "TLSv1.3", certificate: { subject: { CN: "localhost" } } },
  });
});
