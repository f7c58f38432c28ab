import { describe, expect, it } from "vitest";
import { parseProxy, parseUri } from "../../../protocol/index.js";
import { checkCredentials } from "../../../src/client/connection/insecure-credentials.js";
import type { ResolvedOptions } from "../../../src/options/resolve-options.js";
import { recordWarnings } from "../../support/warnings.js";

type Policy = ResolvedOptions["insecureCredentials"];

function check(url: string, insecureCredentials: Policy, socketPath?: string): void {
  const request = { uri: parseUri(url), headers: [["Cookie", "a=b"] as const], subprotocols: [] };
  checkCredentials(request, { insecureCredentials, socketPath });
}

describe("credentials over ws:", () => {
  it("emit one warning per host", () => {
    const warnings = recordWarnings();
    check("ws://one.test:81/", "warn");
    check("ws://one.test:82/", "warn");
    check("ws://two.test/", "warn");
    expect(warnings.map(([warning]) => (warning as Error).message.split(" are")[0])).toEqual([
      "Credentials for one.test:81",
      "Credentials for two.test",
    ]);
    expect(warnings[0]![0]).toMatchObject({ code: "INSECURE_CREDENTIALS" });
    expect(String(warnings[0]![0])).not.toContain("a=b");
  });

  it('are refused with "forbid", at each attempt', () => {
    const warnings = recordWarnings();
    for (let attempt = 0; attempt < 2; attempt++)
      expect(() => check("ws://three.test/", "forbid")).toThrow("Credentials for three.test");
    expect(warnings).toEqual([]);
  });

  it('are not reported with "allow", over wss: and on a Unix socket', () => {
    const warnings = recordWarnings();
    check("ws://four.test/", "allow");
    for (const policy of ["warn", "forbid"] as const) {
      check("wss://four.test/", policy);
      check("ws://four.test/", policy, "/run/feed");
    }
    expect(warnings).toEqual([]);
  });

  it.each([
    "localhost",
    "LOCALHOST.",
    "feed.localhost",
    "127.0.0.1",
    "127.9.8.7",
    "2130706433",
    "[::1]",
    "[::ffff:127.0.0.1]",
  ])("may be sent to this machine: %s", (host) => {
    expect(() => check(`ws://${host}/`, "forbid")).not.toThrow();
  });

  it.each(["localhost.example", "notlocalhost", "127.example", "128.0.0.1", "[::2]", "0.0.0.0"])(
    "are refused for %s",
    (host) => {
      expect(() => check(`ws://${host}/`, "forbid")).toThrow("without encryption");
    },
  );

  it.each([
    ["http://proxy.test", true],
    ["socks5://proxy.test", true],
    ["http://localhost", false],
    ["https://proxy.test", false],
  ])("may pass a proxy on their way to localhost: %s is refused: %s", (url, isRefused) => {
    const proxy = { uri: parseProxy(url), headers: [] };
    const request = { uri: parseUri("ws://user:pass@localhost/"), headers: [], subprotocols: [], proxy };
    const policy = { insecureCredentials: "forbid", socketPath: undefined } as const;
    const call = expect(() => checkCredentials(request, policy));
    if (isRefused) call.toThrow("without encryption");
    else call.not.toThrow();
  });
});
