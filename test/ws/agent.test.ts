import { EventEmitter } from "node:events";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import type { ProxyOptions } from "../../src/index.js";
import { routeThrough } from "../../src/ws/agent.js";

const target = { host: "a.test", port: 81, path: undefined, headers: { "X-A": "1" }, secureEndpoint: false };
const url = new URL("ws://a.test:81/p");
const secure = { ...target, secureEndpoint: true };
const context = { url: "", signal: new AbortController().signal };

function proxyOf(agent: object): readonly [url: string, options: ProxyOptions] {
  const proxy = routeThrough(agent, target, url).proxy as ProxyOptions;
  return [String(proxy.url), proxy];
}

describe("an agent with a proxy", () => {
  it.each(["user secret@host", 5, {}, { host: "a b", port: 1 }])(
    "that is not a URL, %j, is refused",
    (proxy) => {
      const create = (): unknown => proxyOf({ proxy });
      expect(create).toThrow('The option "agent" has a property "proxy" that is not a URL.');
    },
  );

  it.each([
    ["a URL", { proxy: new URL("http://u:p@proxy.test:3128") }, "http://u:p@proxy.test:3128/"],
    ["a text", { proxy: "https://proxy.test" }, "https://proxy.test/"],
    [
      "a parsed url",
      { proxy: { protocol: "http:", host: "proxy.test", port: 8080, auth: "u:p:q" } },
      "http://u:p%3Aq@proxy.test:8080/",
    ],
    ["a parsed url with href", { proxy: { href: "http://proxy.test:1/" } }, "http://proxy.test:1/"],
    [
      "SOCKS 5",
      { proxy: { type: 5, host: "::1", port: 1080, userId: "u", password: "p@" } },
      "socks5://u:p%40@[::1]:1080",
    ],
    ["socks5h", { proxy: new URL("socks5h://proxy.test:1080") }, "socks5://proxy.test:1080"],
    ["socks", { proxy: new URL("socks://proxy.test") }, "socks5://proxy.test"],
  ])("as %s", (_name, agent, expected) => {
    expect(proxyOf(agent)[0]).toBe(expected);
  });

  it("has header fields, and options of TLS for an https: proxy", () => {
    const connectOpts = { host: "proxy.test", port: 1, ALPNProtocols: ["http/1.1"], ca: "ca" };
    const agent = { proxy: new URL("https://proxy.test"), proxyHeaders: { "X-P": "1" }, connectOpts };
    expect(proxyOf(agent)[1]).toMatchObject({ headers: { "X-P": "1" }, tls: { ca: "ca" } });
    const plain = { proxy: new URL("http://proxy.test"), proxyHeaders: () => ({ "X-P": "2" }), connectOpts };
    expect(proxyOf(plain)[1]).toMatchObject({ headers: { "X-P": "2" }, tls: undefined });
  });

  it("of the type SOCKS 4 is refused", () => {
    expect(() => routeThrough({ proxy: { type: 4, host: "proxy.test" } }, target, url)).toThrow("SOCKS 4");
  });
});

describe("an agent of Node", () => {
  it("passes on its options of TLS and of sockets", () => {
    const lookup = (): void => undefined;
    const agent = new HttpsAgent({
      ca: "ca",
      servername: "s",
      keepAlive: true,
      maxSockets: 1,
      localAddress: "127.0.0.1",
      lookup,
    });
    const route = routeThrough(agent, secure, url);
    expect(route).toMatchObject({ tls: { ca: "ca", servername: "s" }, localAddress: "127.0.0.1" });
    expect(route.lookup).toBeTypeOf("function");
    expect(routeThrough(new HttpAgent({ keepAlive: true }), target, url)).toEqual({});
  });

  it("must fit the scheme", () => {
    expect(() => routeThrough(new HttpAgent(), secure, url)).toThrow('Protocol "https:" not supported');
    expect(() => routeThrough(new HttpsAgent(), target, url)).toThrow('Protocol "http:" not supported');
  });

  it("with a port of its own is refused", () => {
    expect(() => routeThrough(new HttpAgent({ localPort: 5 }), target, url)).toThrow("localPort");
  });
});

describe("an agent that creates sockets", () => {
  const socket = new PassThrough();

  it("returns the socket, or passes it to the callback", async () => {
    type Create = HttpAgent["createConnection"];
    const returning: Create = () => socket;
    const calling: Create = (_target, onSocket) => void setImmediate(() => onSocket?.(null, socket));
    for (const method of [returning, calling]) {
      const { createConnection } = routeThrough(
        Object.assign(new HttpAgent(), { createConnection: method }),
        target,
        url,
      );
      expect(await createConnection?.(context)).toBe(socket);
    }
  });

  it("reports its error", async () => {
    const agent = {
      createConnection: (_target: object, onSocket: (error: Error) => void): void =>
        onSocket(new Error("refused")),
    };
    await expect(
      Promise.resolve(routeThrough(agent, target, url).createConnection?.(context)),
    ).rejects.toThrow("refused");
  });

  it("receives a request and the target by connect()", async () => {
    const seen: unknown[] = [];
    const agent = {
      connect(
        request: { getHeader(name: string): unknown; path: string } & Pick<EventEmitter, "once">,
        given: object,
      ) {
        seen.push(request.getHeader("host"), request.getHeader("x-a"), request.path, given);
        return Promise.resolve(socket);
      },
    };
    expect(await routeThrough(agent, target, url).createConnection?.(context)).toBe(socket);
    expect(seen).toEqual(["a.test", "1", "/p", target]);
  });
});

describe("an agent that chooses another agent", () => {
  it("has the socket of that agent", async () => {
    const socket = new PassThrough();
    const last = Object.assign(new HttpAgent(), { createConnection: () => socket });
    const first = { connect: () => ({ connect: () => Promise.resolve(last) }) };
    expect(await routeThrough(first, target, url).createConnection?.(context)).toBe(socket);
  });
});

describe("another value", () => {
  it.each([[true], ["http://proxy.test"], [{}], [new EventEmitter()]])("%s is a TypeError", (agent) => {
    expect(() => routeThrough(agent, target, url)).toThrow(TypeError);
  });
});
