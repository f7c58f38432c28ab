// All forms of the option `proxy`, with real proxies and real environment variables.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ProxyOption } from "../../src/index.js";
import { certificate } from "./echo-server.js";
import { type AnyProxy, type Options } from "./fleet.js";
import { observe, type Outcome } from "./outcome.js";
import { credentials, logins } from "./proxy-process.js";
import { proxyScene } from "./scene.js";

const scene = proxyScene();
const { fleet, servers } = scene;

const variables = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"];

beforeEach(() => {
  // The variables of the machine must not change the results.
  for (const name of [...variables, "REQUEST_METHOD"]) {
    vi.stubEnv(name, undefined);
    vi.stubEnv(name.toLowerCase(), undefined);
  }
});

afterEach(() => void vi.unstubAllEnvs());

async function connectBy(proxy: Options["proxy"], url: string = servers.ws.url()): Promise<Outcome> {
  return observe(scene.clients, url, { proxy });
}

/** Checks that the client reached its target through `proxy`. The client itself resolves no name. */
async function expectThrough(proxy: AnyProxy, option: Options["proxy"], url?: string): Promise<void> {
  expect(await connectBy(option, url)).toMatchObject({ result: "echo", ports: [proxy.port] });
}

/** Checks that the client did not use a proxy: it looked up the name of the target by itself. */
async function expectDirect(option: Options["proxy"], url?: string): Promise<void> {
  expect(await connectBy(option, url)).toMatchObject({ phase: "dns", verdict: "name-not-found" });
}

describe("the option proxy", () => {
  it.each(["squid", "tinyproxy", "microsocks"])("may be a string or a URL: %s", async (name) => {
    const proxy = fleet.get(name, true);
    await expectThrough(proxy, proxy.url(logins.right));
    await expectThrough(proxy, new URL(proxy.url(logins.right)));
    await expectThrough(proxy, { url: proxy.url(logins.right) });
    await expectThrough(proxy, { url: new URL(proxy.url(logins.right)) });
  });

  it("may be a host and a port, which is an HTTP proxy", async () => {
    for (const name of ["squid", "tinyproxy"]) {
      const proxy = fleet.get(name);
      await expectThrough(proxy, `127.0.0.1:${proxy.port}`);
    }
  });

  it.each(["socks5h", "socks"])("may have the scheme %s for a SOCKS5 proxy", async (scheme) => {
    const proxy = fleet.get("microsocks");
    await expectThrough(proxy, proxy.url().replace("socks5", scheme));
  });

  it("may contain TLS options and header fields for the proxy", async () => {
    const proxy = fleet.get("squid over TLS", true);
    const token = Buffer.from(`${credentials.user}:${credentials.password}`).toString("base64");
    const headers = { "Proxy-Authorization": `Basic ${token}`, "User-Agent": "feed" };
    const option: ProxyOption = { url: proxy.url(), headers, tls: { ca: certificate.cert } };
    await expectThrough(proxy, option);
    await expectThrough(proxy, option, servers.wss.url());
  });

  it("connects directly if it is false or undefined", async () => {
    await expectDirect(false);
    await expectDirect(undefined);
  });

  it("ignores the environment unless it is env", async () => {
    vi.stubEnv("HTTP_PROXY", fleet.get("squid").url());
    await expectDirect(undefined);
    const proxy = fleet.get("microsocks");
    await expectThrough(proxy, proxy.url());
  });
});

describe("a function for the option proxy", () => {
  it("chooses the proxy by the url of the target", async () => {
    const [forWs, forWss] = [fleet.get("tinyproxy", true), fleet.get("microsocks", true)];
    const urls: string[] = [];
    const choose = (url: string): string => {
      urls.push(url);
      return (url.startsWith("wss:") ? forWss : forWs).url(logins.right);
    };
    await expectThrough(forWs, choose);
    await expectThrough(forWss, (url) => Promise.resolve(choose(url)), servers.wss.url());
    expect(urls).toEqual([servers.ws.url(), servers.wss.url()]);
  });

  it("may return each form of the option", async () => {
    const proxy = fleet.get("squid");
    await expectThrough(proxy, () => new URL(proxy.url()));
    await expectThrough(proxy, () => ({ url: proxy.url() }));
    vi.stubEnv("HTTP_PROXY", proxy.url());
    await expectThrough(proxy, () => "env");
    await expectDirect(() => false);
    await expectDirect(() => undefined);
  });

  it.each<[string, () => unknown]>([
    ["returns a url that is not one of a proxy", () => "ftp://user:gu3ss@127.0.0.1"],
    ["returns a number", () => 5],
    ["returns an unknown property", () => ({ url: "http://127.0.0.1", host: "x" })],
    ["rejects", () => Promise.reject(new Error("The directory is down."))],
  ])("fails the attempt in the phase provider if it %s", async (_what, proxy) => {
    const outcome = await connectBy(proxy as () => ProxyOption);
    expect(outcome).toMatchObject({ result: "CONNECT_FAILED", phase: "provider", verdict: "setup-failed" });
  });

  it("must return within connectTimeout", async () => {
    const proxy = (): Promise<string> => new Promise(() => undefined);
    const outcome = await observe(scene.clients, servers.ws.url(), { proxy, connectTimeout: 50 });
    expect(outcome).toMatchObject({ result: "TIMEOUT", phase: "provider", verdict: "setup-failed" });
    expect(outcome.message).toContain("proxy did not finish within 50 ms");
  });
});

describe("the environment", () => {
  it.each([
    ["HTTP_PROXY", "ws"],
    ["http_proxy", "ws"],
    ["HTTPS_PROXY", "wss"],
    ["https_proxy", "wss"],
    ["ALL_PROXY", "ws"],
    ["ALL_PROXY", "wss"],
    ["all_proxy", "wss"],
  ] as const)("names the proxy in %s for %s", async (variable, scheme) => {
    for (const name of ["squid", "tinyproxy", "microsocks"]) {
      const proxy = fleet.get(name, true);
      vi.stubEnv(variable, proxy.url(logins.right));
      await expectThrough(proxy, "env", servers[scheme].url());
    }
  });

  it.each([
    ["HTTP_PROXY", "wss"],
    ["HTTPS_PROXY", "ws"],
  ] as const)("does not use %s for %s", async (variable, scheme) => {
    vi.stubEnv(variable, fleet.get("squid").url());
    await expectDirect("env", servers[scheme].url());
  });

  it("prefers lower case, and the variable of the scheme to ALL_PROXY", async () => {
    vi.stubEnv("ALL_PROXY", "http://127.0.0.1:1");
    vi.stubEnv("HTTP_PROXY", "http://127.0.0.1:1");
    vi.stubEnv("http_proxy", fleet.get("tinyproxy").url());
    await expectThrough(fleet.get("tinyproxy"), "env");
  });

  it("is read at each attempt", async () => {
    for (const name of ["squid", "microsocks"]) {
      vi.stubEnv("ALL_PROXY", fleet.get(name).url());
      await expectThrough(fleet.get(name), "env");
    }
  });

  it.each(["*", "localhost", ".localhost", "other.example, localhost", "LOCALHOST"])(
    "excepts the target if NO_PROXY is %j",
    async (list) => {
      vi.stubEnv("ALL_PROXY", fleet.get("squid").url());
      vi.stubEnv("NO_PROXY", list);
      await expectDirect("env");
    },
  );

  it("excepts one port of the target", async () => {
    const proxy = fleet.get("squid");
    vi.stubEnv("ALL_PROXY", proxy.url());
    vi.stubEnv("NO_PROXY", `localhost:${servers.ws.port}`);
    await expectDirect("env", servers.ws.url());
    await expectThrough(proxy, "env", servers.wss.url());
  });

  it.each(["", "host", "local", "localhost.example", "127.0.0.1", "localhost:1"])(
    "does not except the target if NO_PROXY is %j",
    async (list) => {
      vi.stubEnv("ALL_PROXY", fleet.get("squid").url());
      vi.stubEnv("NO_PROXY", list);
      await expectThrough(fleet.get("squid"), "env");
    },
  );

  it("excepts addresses and networks, which need no lookup", async () => {
    vi.stubEnv("ALL_PROXY", "http://127.0.0.1:1");
    for (const list of ["127.0.0.1", "127.0.0.0/8", `127.0.0.1:${servers.ws.port}`]) {
      vi.stubEnv("NO_PROXY", list);
      const outcome = await connectBy("env", servers.ws.url("127.0.0.1"));
      expect(outcome).toMatchObject({ result: "echo", ports: [servers.ws.port] });
    }
  });

  it("connects directly if no variable names a proxy", async () => {
    await expectDirect("env");
    vi.stubEnv("HTTP_PROXY", "");
    await expectDirect("env");
  });

  it("names the variables, without credentials, if one is not a url of a proxy", async () => {
    vi.stubEnv("HTTP_PROXY", "ftp://user:gu3ss@127.0.0.1");
    const outcome = await connectBy("env");
    expect(outcome).toMatchObject({ phase: "provider", verdict: "setup-failed" });
    expect(outcome.message).toContain("HTTP_PROXY");
  });
});
