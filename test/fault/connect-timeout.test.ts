// Checks that connectTimeout limits every phase of an attempt. Real sockets, virtual clock.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HandshakeError, type Phase, TimeoutError } from "../../src/index.js";
import { turns } from "../support/dialling.js";
import { ProxyServer } from "../support/proxy-server.js";
import { Scene, type RecordedClient } from "../support/scene.js";
import { failedStory, failureOf } from "./failing.js";
import { never } from "../support/never.js";

let scene: Scene;
let proxy: ProxyServer | undefined;

beforeEach(() => {
  scene = new Scene(true);
});

afterEach(async () => {
  await proxy?.close();
  proxy = undefined;
  await scene.finish();
});

describe("connectTimeout", () => {
  const connectTimeout = 7_000;

  async function expectTimeout(client: RecordedClient, phase: Phase, story = failedStory): Promise<void> {
    const verdict = phase === "provider" ? "setup-failed" : "connect-timeout";
    const failing = failureOf(client, { verdict, phase, isRetryable: true }, story);
    // The DNS lookup starts in the next tick.
    await turns(1);
    scene.clock.advance(connectTimeout - 1);
    expect(client.ws.state).toBe("connecting");
    scene.clock.advance(1);
    const error = await failing;
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ operation: "connect", timeoutMs: connectTimeout });
  }

  it("limits a provider function and aborts its signal", async () => {
    let signal: AbortSignal | undefined;
    const client = scene.watch(
      (context) => {
        ({ signal } = context);
        return never();
      },
      { connectTimeout },
    );
    await expectTimeout(client, "provider", ["to connecting", "error!", "to failed", "closed"]);
    expect(signal?.aborted).toBe(true);
  });

  it("limits a DNS lookup", async () => {
    const client = scene.watch("ws://slow.example/", { connectTimeout, lookup: () => undefined });
    await expectTimeout(client, "dns");
  });

  it("limits createConnection and aborts its signal", async () => {
    let signal: AbortSignal | undefined;
    const client = scene.watch("ws://slow.example/", {
      connectTimeout,
      createConnection: (context) => {
        ({ signal } = context);
        return never();
      },
    });
    const expecting = expectTimeout(client, "provider");
    await expecting;
    expect(signal?.aborted).toBe(true);
  });

  it("limits the wait for a proxy that never answers", async () => {
    const silent = await scene.listen();
    const { host } = new URL(silent.url);
    const client = scene.watch("ws://target.example/", { connectTimeout, proxy: `http://${host}` });
    const failing = failureOf(client, { verdict: "connect-timeout", phase: "proxy" });
    const peer = (await silent.client()).endWithClient();
    await peer.request();
    scene.clock.advance(connectTimeout);
    expect(await failing).toBeInstanceOf(TimeoutError);
    await peer.untilGone();
  });

  it("limits the sum of the times of a lookup, a proxy and the response", async () => {
    const server = await scene.listen();
    const targetPort = (): number => {
      scene.clock.advance(connectTimeout / 4);
      return server.port;
    };
    proxy = await new ProxyServer({ kind: "http", targetPort }).listen();
    const client = scene.watch("ws://target.example/", {
      connectTimeout,
      proxy: proxy.url(),
      lookup: (_host, _options, callback) => {
        scene.clock.advance(connectTimeout / 2);
        callback(null, [{ address: "127.0.0.1", family: 4 }]);
      },
    });
    const failing = failureOf(client, { verdict: "connect-timeout", phase: "http" });
    const peer = (await server.client()).endWithClient();
    await peer.request();
    scene.clock.advance(connectTimeout / 4 - 1);
    expect(client.ws.state).toBe("connecting");
    scene.clock.advance(1);
    expect(await failing).toBeInstanceOf(TimeoutError);
    await peer.untilGone();
  });

  it("limits a TLS handshake", async () => {
    const server = await scene.listen();
    const client = scene.watch(server.url.replace("ws:", "wss:"), { connectTimeout });
    const failing = failureOf(client, { verdict: "connect-timeout", phase: "tls" });
    const peer = (await server.client()).endWithClient();
    await peer.until(() => peer.receivedSize > 0);
    scene.clock.advance(connectTimeout);
    expect(await failing).toBeInstanceOf(TimeoutError);
    await peer.untilGone();
  });

  it("limits the wait for a server that never answers", async () => {
    const server = await scene.listen();
    const client = scene.watch(server.url, { connectTimeout });
    const failing = failureOf(client, { verdict: "connect-timeout", phase: "http" });
    const peer = (await server.client()).endWithClient();
    await peer.request();
    scene.clock.advance(connectTimeout);
    expect(await failing).toBeInstanceOf(TimeoutError);
    await peer.untilGone();
  });

  it("limits a header section that arrives byte by byte without end", async () => {
    const server = await scene.listen();
    const client = scene.watch(server.url, { connectTimeout });
    const failing = failureOf(client, { verdict: "connect-timeout", phase: "http" });
    const peer = (await server.client()).endWithClient();
    await peer.request();
    for (const byte of "HTTP/1.1 101 Switching Protocols\r\nA: bbbbbbbbbbbbbbbbbbbbbb") {
      peer.send(byte);
      await scene.untilRead(scene.readSize + 1);
      scene.clock.advance(connectTimeout / 100);
    }
    expect(client.ws.state).toBe("connecting");
    scene.clock.advance(connectTimeout / 2);
    expect(await failing).toBeInstanceOf(TimeoutError);
    await peer.untilGone();
  });

  it("limits the body of a rejection, and the error has the part that arrived", async () => {
    const server = await scene.listen();
    const client = scene.watch(server.url, { connectTimeout });
    const expected = {
      verdict: "auth",
      phase: "http",
      code: "UNEXPECTED_STATUS",
      initiatedBy: "peer",
    } as const;
    const failing = failureOf(client, expected);
    const peer = (await server.client()).endWithClient();
    await peer.request();
    const answer = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 500\r\n\r\ntoken exp";
    peer.send(answer);
    await scene.untilRead(answer.length);
    scene.clock.advance(connectTimeout);
    const error = await failing;
    expect(error).toBeInstanceOf(HandshakeError);
    expect(error).toMatchObject({ body: Buffer.from("token exp") });
    await peer.untilGone();
  });
});
