// Failures after a real proxy was reached: of the target, of its name, and of TLS to it.
import { afterAll, describe, expect, it } from "vitest";
import { certificate } from "./echo-server.js";
import { type Options, optionFor, programs } from "./fleet.js";
import { cellsOf, observe, type Outcome, outcomeTitles } from "./outcome.js";
import { ResultTable } from "./result-table.js";
import { proxyScene } from "./scene.js";

const scene = proxyScene();
const { fleet, servers } = scene;
const table = new ResultTable("proxy", "target", ...outcomeTitles);

afterAll(() => table.print("Targets that fail, through real proxies"));

async function outcomeOf(name: string, target: string, url: string, options: Options = {}): Promise<Outcome> {
  const outcome = await observe(scene.clients, url, { proxy: optionFor(fleet.get(name).url()), ...options });
  table.add(name, target, ...cellsOf(outcome));
  return outcome;
}

const refused = {
  ...{ result: "PROXY_REFUSED", phase: "proxy", verdict: "proxy", isRetryable: true },
  advice: "Check the url, and the rules of the proxy.",
};

/** How each proxy answers if it cannot connect to the target: at once, and for a name that does not exist. */
const answers: Readonly<Record<string, readonly [closed: Partial<Outcome>, unknown: Partial<Outcome>]>> = {
  squid: [{ statusCode: 503 }, { statusCode: 503 }],
  "squid over TLS": [{ statusCode: 503 }, { statusCode: 503 }],
  tinyproxy: [{ statusCode: 500 }, { statusCode: 500 }],
  microsocks: [{ socksCode: 5 }, { socksCode: 1 }],
};

describe.each(programs.map(({ name }) => name))("through %s", (name) => {
  it.each(["ws", "wss"])("a target that does not listen is refused by the proxy (%s)", async (scheme) => {
    const outcome = await outcomeOf(name, `${scheme}, nothing listens`, `${scheme}://localhost:1/`);
    expect(outcome).toMatchObject({ ...refused, ...answers[name]![0] });
  });

  it("a name that does not exist is refused by the proxy", async () => {
    const outcome = await outcomeOf(name, "ws, unknown name", "ws://no-such-host.invalid/");
    expect(outcome).toMatchObject({ ...refused, ...answers[name]![1] });
  });

  it("the certificate of the target must be for the host of the url", async () => {
    const tls = { ca: certificate.cert, servername: "other.example" };
    const outcome = await outcomeOf(name, "wss, certificate of another name", servers.wss.url(), { tls });
    expect(outcome).toMatchObject({ result: "ERR_TLS_CERT_ALTNAME_INVALID", phase: "tls", verdict: "tls" });
    expect(outcome.isRetryable).toBe(false);
  });

  it("the certificate of the target must be trusted", async () => {
    const outcome = await outcomeOf(name, "wss, certificate not trusted", servers.wss.url(), { tls: {} });
    expect(outcome).toMatchObject({ result: "DEPTH_ZERO_SELF_SIGNED_CERT", phase: "tls", verdict: "tls" });
    expect(outcome.isRetryable).toBe(false);
  });

  it("a target without TLS fails in the phase tls", async () => {
    const url = servers.ws.url().replace("ws:", "wss:");
    const outcome = await outcomeOf(name, "wss, plain HTTP server", url);
    expect(outcome).toMatchObject({ phase: "tls", verdict: "tls", isRetryable: true });
    expect(outcome.message).toContain("does not use TLS");
  });

  it("a target with TLS fails in the phase http if the url has ws:", async () => {
    const url = servers.wss.url().replace("wss:", "ws:");
    const outcome = await outcomeOf(name, "ws, TLS server", url);
    expect(outcome).toMatchObject({ phase: "http", isRetryable: true });
    expect(outcome.result).not.toBe("echo");
  });

  it.each(["ws", "wss"] as const)("the answer of the target is that of the target (%s)", async (scheme) => {
    const url = `${servers[scheme].url()}refused`;
    const outcome = await outcomeOf(name, `${scheme}, answers 401`, url);
    expect(outcome).toMatchObject({ result: "UNEXPECTED_STATUS", error: "HandshakeError", phase: "http" });
    expect(outcome).toMatchObject({ verdict: "auth", isRetryable: false, statusCode: undefined });
  });

  it.each(["ws", "wss"])("the proxy itself is no WebSocket server (%s)", async (scheme) => {
    const url = `${scheme}://localhost:${fleet.get(name).port}/`;
    const outcome = await outcomeOf(name, `${scheme}, the proxy itself`, url, { connectTimeout: 2_000 });
    expect(outcome.result).not.toBe("echo");
    expect(["proxy", "tls", "http"]).toContain(outcome.phase);
  });
});
