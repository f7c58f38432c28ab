// Redirects of the opening handshake, over TCP and TLS.
import { TLSSocket } from "node:tls";
import { afterEach, beforeEach, expect, it } from "vitest";
import { HandshakeError, TimeoutError } from "../../src/index.js";
import { Scene } from "../support/scene.js";
import type { PeerRequest, PeerSocket, ScriptedPeer } from "../support/scripted-peer.js";
import { never } from "../support/never.js";
import { createTlsCertificate } from "../support/tls-certificate.js";
import { closeFrame } from "../support/wire.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(() => scene.finish());

/** Answers the next handshake with a redirect. @returns the request. */
async function redirect(server: ScriptedPeer, location: string): Promise<PeerRequest> {
  const peer = await server.client();
  const request = await peer.request();
  peer.endWithClient().send(`HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`);
  return request;
}

async function end(peer: PeerSocket): Promise<void> {
  await peer.untilClose();
  peer.endWithClient().send(closeFrame(1000));
}

const headers = { Authorization: "Bearer secret", Cookie: "secret=1", "User-Agent": "test" };

it("are followed on the same origin, with all header fields", async () => {
  const server = await scene.listen();
  const client = scene.watch(server.url, { followRedirects: 2, headers });
  const connecting = client.ws.connect();
  await redirect(server, "/second");
  await redirect(server, `${server.url}/third`);
  const peer = await server.client();
  const request = await peer.accept();
  await connecting;
  expect(request.requestLine).toBe("GET /feed/third HTTP/1.1");
  expect(request.field("authorization")).toBe("Bearer secret");
  const closing = client.ws.close();
  await end(peer);
  await closing;
  const { report } = await client.event("closed");
  expect(report.url).toBe(`${server.url}/third`);
  const redirects = report.events.filter(({ name }) => name === "redirected");
  expect(redirects.map(({ detail }) => detail)).toEqual([
    server.url.replace("/feed", "/second"),
    `${server.url}/third`,
  ]);
});

it("send no credentials to another origin", async () => {
  const [server, other] = [await scene.listen(), await scene.listen()];
  const client = scene.watch(server.url.replace("ws://", "ws://user:secret@"), {
    ...{ followRedirects: 1, headers, subprotocols: ["chat", "bearer.secret"] },
  });
  const connecting = client.ws.connect();
  await redirect(server, other.url);
  const peer = await other.client();
  const { head } = await peer.accept({ fields: ["Sec-WebSocket-Protocol: chat"] });
  await connecting;
  expect(head).not.toMatch(/secret|authorization|cookie/i);
  expect(head).toContain("User-Agent: test");
  expect(client.ws.subprotocol).toBe("chat");
  const closing = client.ws.close();
  await end(peer);
  await closing;
});

it.each([
  ["a loop", "/feed", 5, "REDIRECT_LOOP"],
  ["one too many", "/other", 1, "TOO_MANY_REDIRECTS"],
  ["another scheme", "ftp://127.0.0.1/", 5, "REDIRECT_INVALID"],
])("are refused: %s", async (_what, location, followRedirects, code) => {
  const server = await scene.listen();
  const client = scene.watch(server.url, { followRedirects });
  const failing = expect(client.ws.connect()).rejects.toMatchObject({ code, statusCode: 302 });
  await redirect(server, location);
  if (code === "TOO_MANY_REDIRECTS") await redirect(server, "/third");
  await failing;
  expect(client.fatalError).toBeInstanceOf(HandshakeError);
  expect(client.ws.lastReport).toMatchObject({
    verdict: "handshake-rejected",
    phase: "http",
    statusCode: 302,
  });
});

it("from wss to ws are refused", async () => {
  const [server, plain] = [await scene.listen({ isSecure: true }), await scene.listen()];
  const client = scene.watch(server.url, { followRedirects: 5, tls: { ca: server.ca } });
  const failing = expect(client.ws.connect()).rejects.toMatchObject({ code: "REDIRECT_INSECURE" });
  await redirect(server, plain.url);
  await failing;
  expect(plain.connectionCount).toBe(0);
});

it("are not followed by default", async () => {
  const server = await scene.listen();
  const client = scene.watch(server.url, {});
  const failing = expect(client.ws.connect()).rejects.toMatchObject({ code: "UNEXPECTED_STATUS" });
  await redirect(server, "/second");
  await failing;
  expect(server.connectionCount).toBe(1);
});

it("share one connectTimeout", async () => {
  const clocked = new Scene(true);
  const server = await clocked.listen();
  const client = clocked.watch(server.url, { followRedirects: 5, connectTimeout: 300 });
  let failure: unknown;
  const failing = client.ws.connect().catch((error: unknown) => (failure = error));
  const first = await server.client();
  await first.request();
  clocked.clock.advance(200);
  first.endWithClient().send("HTTP/1.1 302 Found\r\nLocation: /second\r\nContent-Length: 0\r\n\r\n");
  const second = await server.client();
  await second.request();
  second.endWithClient();
  clocked.clock.advance(99);
  expect(failure).toBeUndefined();
  clocked.clock.advance(1);
  await failing;
  expect(failure).toBeInstanceOf(TimeoutError);
  await clocked.finish();
});

it("are abandoned by close()", async () => {
  const server = await scene.listen();
  const client = scene.watch(server.url, {
    followRedirects: 5,
    proxy: (url) => (url.endsWith("second") ? never() : false),
  });
  const failing = expect(client.ws.connect()).rejects.toBeInstanceOf(Error);
  await redirect(server, "/second");
  await client.until(() => client.ws.state === "connecting");
  await client.ws.close();
  await failing;
});

it("to a url with credentials are refused with insecureCredentials: forbid, and not tried again", async () => {
  const server = await scene.listen();
  const client = scene.watch(server.url, {
    ...{ followRedirects: 1, insecureCredentials: "forbid", reconnect: true, retryInitial: true },
    lookup: () => expect.unreachable(),
  });
  const failing = expect(client.ws.connect()).rejects.toMatchObject({ code: "INSECURE_CREDENTIALS" });
  await redirect(server, "ws://feed.test/?token=secret");
  await failing;
  expect(client.ws.lastReport).toMatchObject({
    ...{ verdict: "setup-failed", phase: "provider", isRetryable: false },
    advice: expect.stringContaining("wss:") as string,
  });
  expect(JSON.stringify(client.recorded)).not.toContain("secret");
});

it("fail with the error of the function for the proxy", async () => {
  const server = await scene.listen();
  const client = scene.watch(server.url, {
    followRedirects: 1,
    proxy: (url) => {
      if (url.endsWith("second")) throw new Error("no proxy for the second");
      return false;
    },
  });
  const failing = expect(client.ws.connect()).rejects.toThrow("no proxy for the second");
  await redirect(server, "/second");
  await failing;
  expect(client.ws.lastReport).toMatchObject({ verdict: "setup-failed", phase: "provider" });
});

it("keep the credentials of the url on the same origin", async () => {
  const server = await scene.listen();
  const url = server.url.replace("ws://", "ws://user:secret@");
  const client = scene.watch(url, { followRedirects: 2 });
  const connecting = client.ws.connect();
  const first = await redirect(server, "/second");
  await redirect(server, server.url.replace("ws://", "ws://other:name@").replace("feed", "third"));
  const peer = await server.client();
  const { field } = await peer.accept();
  await connecting;
  expect(field("authorization")).toBe(first.field("authorization"));
  const closing = client.ws.close();
  await end(peer);
  await closing;
});

it("send no client certificate to another origin, not even after a redirect within it", async () => {
  const certificate = createTlsCertificate();
  const { cert, key } = certificate;
  const [server, other] = [
    await scene.listen({ isSecure: true, certificate }),
    await scene.listen({ isSecure: true, certificate, clientCa: cert, tls: { rejectUnauthorized: false } }),
  ];
  const tls = { ca: cert, cert, key };
  const client = scene.watch(server.url, { followRedirects: 5, tls, tlsSessions: false });
  const connecting = client.ws.connect();
  await redirect(server, other.url);
  await redirect(other, "/second");
  const peer = await other.client();
  await peer.accept();
  await connecting;
  expect(peer.socket instanceof TLSSocket && peer.socket.getPeerCertificate()).toEqual({});
  const closing = client.ws.close();
  await end(peer);
  await closing;
});

it.each(["close", "terminate"] as const)(
  "are not followed after %s(), even if the redirect has arrived",
  async (method) => {
    const server = await scene.listen();
    const client = scene.watch(server.url, { followRedirects: 5 });
    const failing = expect(client.ws.connect()).rejects.toBeInstanceOf(Error);
    const peer = await server.client();
    await peer.request();
    const size = scene.readSize;
    const response = "HTTP/1.1 302 Found\r\nLocation: /second\r\nContent-Length: 0\r\n\r\n";
    peer.endWithClient().send(response);
    await scene.untilRead(size + response.length);
    void client.ws[method]();
    await failing;
    expect(client.ws.state).toBe("closed");
    expect(server.connectionCount).toBe(1);
  },
);

it("change the property url, and a reconnect begins at the original url", async () => {
  const server = await scene.listen();
  const client = scene.watch(server.url, { followRedirects: 1, reconnect: true, backoff: { base: 1 } });
  const connecting = client.ws.connect();
  await redirect(server, "/second");
  const first = await server.client();
  await first.accept();
  await connecting;
  const second = server.url.replace("feed", "second");
  expect(client.ws.url).toBe(second);
  expect((await client.event("connected")).url).toBe(second);
  first.reset();
  expect((await redirect(server, "/third")).requestLine).toBe("GET /feed HTTP/1.1");
  const peer = await server.client();
  await peer.accept();
  await client.until(() => client.ws.state === "connected");
  expect(client.ws.url).toBe(server.url.replace("feed", "third"));
  const closing = client.ws.close();
  await end(peer);
  await closing;
});
