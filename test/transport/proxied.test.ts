import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseProxy } from "../../protocol/index.js";
import type { ProxyTarget, TransportTarget } from "../../src/runtime/transport.js";
import { Dialling, type Dialled } from "../support/dialling.js";
import { ProxyServer, type ProxyServerOptions } from "../support/proxy-server.js";
import { createTlsCertificate } from "../support/tls-certificate.js";

let dialling: Dialling;
let proxies: ProxyServer[];

beforeEach(() => {
  dialling = new Dialling();
  proxies = [];
});

afterEach(async () => {
  await Promise.all(proxies.map((proxy) => proxy.close()));
  await dialling.finish();
});

const certificate = createTlsCertificate();

async function listen(options: ProxyServerOptions): Promise<ProxyServer> {
  const proxy = await new ProxyServer({ certificate, ...options }).listen();
  proxies.push(proxy);
  return proxy;
}

function through(url: string, given: Partial<TransportTarget> = {}): Dialled {
  const proxy: ProxyTarget = { uri: parseProxy(url), headers: [], tls: { ca: certificate.cert } };
  return dialling.dial({ host: "feed.test", proxy, ...given });
}

describe.each(["http", "https", "socks5"] as const)("through an %s proxy", (kind) => {
  it.each([
    ["without credentials", undefined, undefined],
    ["with credentials", "user:p@ss", "user:p%40ss"],
  ])("bytes travel in both directions %s", async (_how, credentials, user) => {
    const proxy = await listen({ kind, ...(credentials === undefined ? {} : { credentials }) });
    const server = await dialling.listen();
    const { transport, handler } = through(proxy.url(user), { port: server.port });
    await handler.untilCall("open");
    transport.write(Buffer.from("up"), () => undefined);
    const socket = await server.socket();
    socket.once("data", (bytes) => socket.end(`${bytes.toString()} and down`));
    await handler.untilCall("end");
    expect(handler.calls).toEqual(["proxy", "open", "data", "end"]);
    expect(handler.received).toBe("up and down");
    expect(proxy.targets).toEqual([`feed.test:${server.port}`]);
  });

  it("a target without TLS has no TLS details", async () => {
    const proxy = await listen({ kind });
    const { handler, transport } = through(proxy.url(), { port: (await dialling.listen()).port });
    await handler.untilCall("open");
    expect(transport.tls).toBeUndefined();
  });

  it("TLS to the target is inside the tunnel, and checks the name of the target", async () => {
    const proxy = await listen({ kind });
    const server = await dialling.listen({ isSecure: true, certificate });
    const target = { port: server.port, isSecure: true, tls: { ca: certificate.cert } };
    const { handler, transport } = through(proxy.url(), { ...target, host: "localhost" });
    await handler.untilCall("open");
    (await server.socket()).end("secret");
    await handler.untilCall("end");
    expect([handler.phases, handler.received]).toEqual([["proxy", "tls"], "secret"]);
    expect(transport.tls?.certificate?.subject.CN).toBe("localhost");
    const wrong = through(proxy.url(), target);
    await wrong.handler.untilCall("close");
    expect(wrong.handler.error).toMatchObject({ code: "ERR_TLS_CERT_ALTNAME_INVALID" });
  });

  it("wrong credentials are refused", async () => {
    const proxy = await listen({ kind, credentials: "user:secret" });
    for (const user of [undefined, "user:wrong"]) {
      const { handler } = through(proxy.url(user), { port: 1 });
      await handler.untilCall("close");
      expect(handler.error).toMatchObject({ code: "PROXY_AUTHENTICATION" });
      expect(handler.phases).toEqual(["proxy"]);
    }
  });

  it("a large amount of data arrives, and a pause holds it back", async () => {
    const proxy = await listen({ kind });
    const server = await dialling.listen();
    const { transport, handler } = through(proxy.url(), { port: server.port });
    await handler.untilCall("open");
    transport.pause();
    const socket = await server.socket();
    socket.end(Buffer.alloc(1_000_000, 7));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(handler.receivedLength).toBe(0);
    transport.resume();
    await handler.untilCall("end");
    expect(handler.receivedLength).toBe(1_000_000);
  });
});

describe("openProxied", () => {
  it("shows the addresses of the proxy", async () => {
    const proxy = await listen({ kind: "http" });
    const server = await dialling.listen();
    const { handler, transport } = through(proxy.url(), { port: server.port });
    await handler.untilCall("open");
    const addresses = transport.addresses ?? [];
    expect(addresses.at(-1)).toMatchObject({ address: "127.0.0.1", port: proxy.port, result: "connected" });
  });

  it("names the proxy if its certificate is not trusted", async () => {
    const proxy = await listen({ kind: "https" });
    const { handler } = through(proxy.url(), { proxy: { uri: parseProxy(proxy.url()), headers: [] } });
    await handler.untilCall("close");
    expect(handler.error).toMatchObject({
      code: "PROXY_TLS",
      message: `TLS to the proxy ${proxy.url()} failed: self-signed certificate`,
      cause: { code: "DEPTH_ZERO_SELF_SIGNED_CERT" },
    });
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)(
    "says that a proxy requires a client certificate: %s",
    async (max) => {
      const server = await dialling.listen({
        ...{ isSecure: true, certificate, clientCa: certificate.cert, tls: { maxVersion: max } },
      });
      const { handler } = through(`https://localhost:${server.port}`);
      await handler.untilCall("close");
      expect(handler.error).toMatchObject({
        ...{ code: "PROXY_TLS", cause: { code: "TLS_CLIENT_CERTIFICATE_REQUIRED" } },
      });
    },
  );

  it("says that a proxy does not use TLS", async () => {
    const server = await dialling.listen();
    server.play((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const { handler } = through(`https://127.0.0.1:${server.port}`);
    await handler.untilCall("close");
    expect(handler.error).toMatchObject({ code: "PROXY_TLS" });
    expect(handler.error?.message).toContain("it does not use TLS");
  });

  it("names the option if Node refuses the TLS options of the proxy", async () => {
    const proxy: ProxyTarget = {
      uri: parseProxy("https://localhost"),
      headers: [],
      tls: { key: "x", cert: "y" },
    };
    const { handler } = dialling.dial({ proxy });
    await handler.untilCall("close");
    expect(handler.calls).toEqual(["proxy", "tls", "close"]);
  });

  it("keeps no process running after unref()", async () => {
    const proxy = await listen({ kind: "http" });
    const server = await dialling.listen();
    const { handler, transport } = through(proxy.url(), { port: server.port });
    transport.unref();
    transport.ref();
    transport.unref();
    await handler.untilCall("open");
    expect(handler.calls).toEqual(["proxy", "open"]);
  });
});
