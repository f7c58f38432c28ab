// The table of the proxies: proxy, target and credentials, and what the client observes. Every client reaches a host
// that only the proxy can find.
import { afterAll, describe, expect, it } from "vitest";
import { optionFor, proxyNames } from "./fleet.js";
import { cellsOf, observe, outcomeTitles } from "./outcome.js";
import { logins } from "./proxy-process.js";
import { ResultTable } from "./result-table.js";
import { proxyScene } from "./scene.js";

const scene = proxyScene();
const { fleet, servers } = scene;
const table = new ResultTable("proxy", "target", "credentials", ...outcomeTitles);

afterAll(() => table.print("Proxies, targets and credentials"));

const refused = {
  ...{ result: "PROXY_AUTHENTICATION", error: "ProxyError", phase: "proxy", verdict: "proxy" },
  ...{ isRetryable: false, socksCode: undefined },
  advice: "Set the user name and the password in the url of the option proxy.",
};

/** The status with which a proxy refuses credentials; SOCKS5 has none. */
function statusOf(name: string, how: string): number | undefined {
  if (name === "microsocks" || name === "own socks5") return undefined;
  return name === "tinyproxy" && how === "wrong" ? 401 : 407;
}

describe.each(proxyNames)("%s", (name) => {
  describe.each(["ws", "wss"] as const)("and a target with %s", (scheme) => {
    it.each([
      { how: "not required", login: undefined, needsLogin: false },
      { how: "not required, but given", login: logins.right, needsLogin: false },
      { how: "right", login: logins.right, needsLogin: true },
    ])("carry a message if the credentials are $how", async ({ how, login, needsLogin }) => {
      const proxy = fleet.get(name, needsLogin);
      const outcome = await observe(scene.clients, servers[scheme].url(), {
        proxy: optionFor(proxy.url(login)),
      });
      table.add(name, scheme, how, ...cellsOf(outcome));
      expect(outcome).toMatchObject({ result: "echo", verdict: "closed-by-us", ports: [proxy.port] });
    });

    it.each([
      { how: "wrong", login: logins.wrong },
      { how: "missing", login: undefined },
    ])("are refused if the credentials are $how", async ({ how, login }) => {
      const proxy = fleet.get(name, true);
      const outcome = await observe(scene.clients, servers[scheme].url(), {
        proxy: optionFor(proxy.url(login)),
      });
      table.add(name, scheme, how, ...cellsOf(outcome));
      expect(outcome).toMatchObject({ ...refused, statusCode: statusOf(name, how), ports: [proxy.port] });
    });
  });
});
