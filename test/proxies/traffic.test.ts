// Traffic through real proxies: names that only the proxy knows, large messages, many clients, and a proxy that is
// started again.
import { describe, expect, it } from "vitest";
import { optionFor, programs, proxyNames } from "./fleet.js";
import { observe } from "./outcome.js";
import { logins, ProxyProcess } from "./proxy-process.js";
import { proxyScene } from "./scene.js";

const scene = proxyScene();
const { fleet, servers } = scene;

const size = 1024 * 1024;
const schemes = ["ws", "wss"] as const;

describe.each(proxyNames)("through %s", (name) => {
  it.each(schemes)("a message of 1 MiB arrives unchanged in both directions (%s)", async (scheme) => {
    const proxy = optionFor(fleet.get(name, true).url(logins.right));
    // Without compression, so that all bytes pass through the proxy.
    const ws = await scene.clients.connect(servers[scheme].url(), { proxy, compress: false });
    const message = Buffer.from(
      Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) & 0xff),
    );
    await ws.send(message);
    const echo = await ws.recv();
    expect(Buffer.isBuffer(echo) && echo.equals(message)).toBe(true);
    expect(ws.stats().bytesReceived).toBeGreaterThan(size);
  });

  it.each(schemes)("twenty clients at once each get their own messages (%s)", async (scheme) => {
    const proxy = optionFor(fleet.get(name).url());
    const echoes = Array.from({ length: 20 }, async (_, index) => {
      const ws = await scene.clients.connect(servers[scheme].url(), { proxy });
      await ws.send(`client ${index}`);
      return ws.recv();
    });
    expect(await Promise.all(echoes)).toEqual(echoes.map((_, index) => `client ${index}`));
  });
});

describe.each(programs)("$name", (program) => {
  it.each(schemes.flatMap((scheme) => program.ownNames.map((name) => [name, scheme] as const)))(
    "resolves the name %s (%s)",
    async (name, scheme) => {
      const proxy = optionFor(fleet.get(program.name).url());
      expect(await observe(scene.clients, servers[scheme].url(name), { proxy })).toMatchObject({
        result: "echo",
      });
    },
  );

  it.each(schemes)("may be started again while a client is connected (%s)", async (scheme) => {
    const proxy = await ProxyProcess.start(program, true);
    try {
      const ws = await scene.clients.connect(servers[scheme].url(), {
        proxy: optionFor(proxy.url(logins.right)),
        ...{ reconnect: true, backoff: { base: 20, cap: 20 } },
      });
      const lost = new Promise((resolve) => ws.once("disconnected", ({ report }) => resolve(report)));
      const failed = new Promise((resolve) => ws.once("error", ({ error }) => resolve(error)));
      const back = new Promise((resolve) => ws.once("reconnected", resolve));
      await ws.send("before");
      expect(await ws.recv()).toBe("before");
      await proxy.crash();
      expect(await lost).toMatchObject({ verdict: "network-lost", isRetryable: true });
      expect(await failed).toMatchObject({ code: "PROXY_UNREACHABLE", phase: "proxy" });
      await proxy.start();
      await back;
      await ws.send("after");
      expect(await ws.recv()).toBe("after");
      await ws.close();
    } finally {
      await proxy.remove();
    }
  });
});
