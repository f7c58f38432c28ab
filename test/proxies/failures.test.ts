// Failures of a real proxy: it is down, frozen, of another kind, not trusted, or no proxy at all.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { EchoServer, type Scheme } from "./echo-server.js";
import { allStarted, Clients, type Options, optionFor, programs } from "./fleet.js";
import { cellsOf, observe, type Outcome, outcomeTitles } from "./outcome.js";
import { credentials, logins, ProxyProcess } from "./proxy-process.js";
import { ResultTable } from "./result-table.js";

const servers: Record<Scheme, EchoServer> = { ws: new EchoServer("ws"), wss: new EchoServer("wss") };
const table = new ResultTable("proxy", "what is wrong", ...outcomeTitles);
const proxies = new Map<string, ProxyProcess>();
let clients: Clients;

beforeAll(async () => {
  const start = async (program: (typeof programs)[number]): Promise<void> => {
    proxies.set(program.name, await ProxyProcess.start(program, true));
  };
  await allStarted([servers.ws.listen(), servers.wss.listen(), ...programs.map(start)]);
}, 60_000);

afterAll(async () => {
  await Promise.all([...proxies.values()].map((proxy) => proxy.remove()));
  await Promise.all([servers.ws.close(), servers.wss.close()]);
  table.print("Proxies that fail");
});

beforeEach(() => {
  clients = new Clients();
});

afterEach(() => clients.finish());

/** @param proxy - The url of the proxy, with credentials that must not be shown. */
async function outcomeOf(name: string, what: string, proxy: string, options: Options = {}): Promise<Outcome> {
  const outcome = await observe(clients, servers.ws.url(), { proxy: optionFor(proxy), ...options });
  table.add(name, what, ...cellsOf(outcome));
  return outcome;
}

const unreachable = {
  ...{ result: "PROXY_UNREACHABLE", phase: "proxy", verdict: "proxy", isRetryable: true },
  advice: "Check the host and the port in the option proxy, and the firewall.",
};

const names = programs.map(({ name }) => name);

describe.each(names)("%s", (name) => {
  const get = (): ProxyProcess => proxies.get(name)!;

  it("that is frozen uses up connectTimeout, and serves the next attempt", async () => {
    const proxy = get();
    proxy.freeze();
    try {
      const frozen = await outcomeOf(name, "frozen", proxy.url(logins.right), { connectTimeout: 300 });
      expect(frozen).toMatchObject({ result: "TIMEOUT", error: "TimeoutError", phase: "proxy" });
      expect(frozen).toMatchObject({ verdict: "connect-timeout", isRetryable: true, ports: [proxy.port] });
      expect(frozen.advice).toContain("option proxy");
    } finally {
      proxy.thaw();
    }
    expect(await outcomeOf(name, "thawed", proxy.url(logins.right))).toMatchObject({ result: "echo" });
  });

  it("that is down is named without credentials", async () => {
    const proxy = get();
    await proxy.crash();
    const outcome = await outcomeOf(name, "down", proxy.url(logins.right));
    expect(outcome).toMatchObject({ ...unreachable, error: "ProxyError", ports: [proxy.port] });
    expect(outcome.message).toContain(`The proxy ${proxy.url()} could not be reached`);
    expect(outcome.message).not.toContain(credentials.password);
    await proxy.start();
    expect(await outcomeOf(name, "started again", proxy.url(logins.right))).toMatchObject({ result: "echo" });
  });

  it("whose name cannot be resolved is unreachable", async () => {
    const url = get().url(logins.right).replace("127.0.0.1", "no-such-proxy.invalid");
    const outcome = await outcomeOf(name, "unknown name", url);
    expect(outcome).toMatchObject({ ...unreachable, ports: [] });
    expect(outcome.message).toContain("no-such-proxy.invalid");
  });
});

/** Short only if the proxy never answers. */
function timeoutFor(result: string): number {
  return result === "TIMEOUT" ? 300 : 10_000;
}

describe("a url with another kind of proxy", () => {
  const malformed = "PROXY_MALFORMED";
  it.each([
    ["squid", "https", "PROXY_TLS"],
    ["squid over TLS", "http", malformed],
    ["microsocks", "http", malformed],
    ["microsocks", "https", "PROXY_CLOSED"],
    // These proxies wait for more bytes.
    ["squid", "socks5", "TIMEOUT"],
    ["tinyproxy", "socks5", "TIMEOUT"],
    ["squid over TLS", "socks5", "TIMEOUT"],
  ])("%s as %s: %s", async (name, scheme, result) => {
    const url = `${scheme}://${logins.right}@127.0.0.1:${proxies.get(name)!.port}`;
    const outcome = await outcomeOf(name, `the url has ${scheme}:`, url, {
      connectTimeout: timeoutFor(result),
    });
    expect(outcome).toMatchObject({ result, phase: "proxy", isRetryable: true });
    expect(outcome.advice).toMatch(/\bproxy\b/);
  });
});

describe("a WebSocket server instead of a proxy", () => {
  it.each([
    ["http", "ws", "PROXY_CLOSED"],
    ["http", "wss", "PROXY_CLOSED"],
    ["https", "ws", "PROXY_TLS"],
    ["https", "wss", "PROXY_CLOSED"],
    ["socks5", "ws", "PROXY_MALFORMED"],
    ["socks5", "wss", "TIMEOUT"],
  ] as const)("as %s proxy, which is the target itself (%s): %s", async (scheme, target, result) => {
    const url = `${scheme}://${logins.right}@127.0.0.1:${servers[target].port}`;
    const options: Options = { proxy: optionFor(url), connectTimeout: timeoutFor(result) };
    const outcome = await observe(clients, servers[target].url(), options);
    table.add(`${target} server`, `the url has ${scheme}:`, ...cellsOf(outcome));
    expect(outcome).toMatchObject({ result, phase: "proxy", isRetryable: true });
    expect(outcome.advice).toMatch(/\bproxy\b/);
  });
});

describe("the certificate of a proxy", () => {
  it("must be trusted", async () => {
    const url = proxies.get("squid over TLS")!.url(logins.right);
    const outcome = await outcomeOf("squid over TLS", "certificate not trusted", "", { proxy: url });
    expect(outcome).toMatchObject({
      result: "PROXY_TLS",
      phase: "proxy",
      verdict: "proxy",
      isRetryable: false,
    });
    expect(outcome.advice).toContain("proxy.tls.ca");
  });

  it("must be for the host of its url", async () => {
    const url = proxies.get("squid over TLS")!.url(logins.right);
    const { tls } = optionFor(url) as { readonly tls: object };
    const proxy = { url, tls: { ...tls, servername: "other.example" } };
    const outcome = await outcomeOf("squid over TLS", "certificate of another name", "", { proxy });
    expect(outcome).toMatchObject({ result: "PROXY_TLS", isRetryable: false });
    expect(outcome.message).toContain("other.example");
  });

  it("is not checked by the option tls, which is for the target", async () => {
    const proxy = proxies.get("squid over TLS")!.url(logins.right);
    const tls = { rejectUnauthorized: false };
    const outcome = await outcomeOf("squid over TLS", "tls trusts all targets", "", { proxy, tls });
    expect(outcome).toMatchObject({ result: "PROXY_TLS", isRetryable: false });
  });
});
