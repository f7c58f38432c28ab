import { describe, expect, it } from "vitest";
import type { ProxyOption } from "../../src/options/options.js";
import { readProxy, resolveProxy } from "../../src/options/resolve-proxy.js";

/** Accepts any value, as JavaScript callers may pass any. */
function read(proxy: unknown): unknown {
  return resolveProxy(proxy as ProxyOption, {});
}

function messageOf(proxy: unknown): string {
  try {
    read(proxy);
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as Error).message;
  }
  throw new Error("The value was accepted.");
}

describe("the option proxy", () => {
  it.each([
    ["http://proxy.test:3128", "http://proxy.test:3128"],
    ["proxy.test:3128", "http://proxy.test:3128"],
    ["https://proxy.test", "https://proxy.test:443"],
    ["socks5h://proxy.test", "socks5://proxy.test:1080"],
    [new URL("http://proxy.test"), "http://proxy.test:80"],
    [{ url: "http://[::1]:3128" }, "http://[::1]:3128"],
    [{ url: new URL("socks5://user:secret@proxy.test") }, "socks5://proxy.test:1080"],
  ])("accepts %s", (proxy, display) => {
    expect(read(proxy)).toMatchObject({ uri: { display }, headers: [], tls: undefined });
    expect(readProxy(proxy)).toEqual(read(proxy));
  });

  it("keeps header fields, and TLS options of an https proxy", () => {
    const tls = { servername: "proxy.test" };
    const headers = { "User-Agent": ["a", "b"] };
    expect(read({ url: "https://proxy.test", headers, tls })).toMatchObject({
      headers: [
        ["User-Agent", "a"],
        ["User-Agent", "b"],
      ],
      tls,
    });
  });

  it.each([undefined, false])("means no proxy if it is %s", (proxy) => {
    expect(read(proxy)).toBeUndefined();
  });

  it("is kept if it must be resolved at each attempt", () => {
    const choose = (): string => "http://proxy.test";
    expect(read("env")).toBe("env");
    expect(read(choose)).toBe(choose);
  });

  it.each<unknown>([
    ...[true, null, 5, 5n, Symbol("x"), [], ["http://proxy.test"], new Map(), {}, { url: 5 }, { url: null }],
    ...["", "ftp://proxy.test", "socks4://proxy.test", "http://", "http://proxy.test:99999", "http://a b"],
    ...[
      "http://proxy.test\r\nX: y",
      { url: "env", headers: 5 },
      { url: "http://proxy.test", headers: { A: 1 } },
    ],
    ...[
      { url: "http://proxy.test", headers: { "A b": "1" } },
      { url: "http://proxy.test", headers: { A: "1\r\n" } },
    ],
    ...[
      { url: "http://proxy.test", host: "x" },
      { url: "https://proxy.test", tls: 5 },
    ],
    ...[
      { url: "http://proxy.test", tls: {} },
      { url: "socks5://proxy.test", headers: { A: "1" } },
    ],
    Object.create({ url: "http://proxy.test" }),
  ])("names itself if it is wrong: %o", (proxy) => {
    expect(messageOf(proxy)).toMatch(/option "proxy\b|in proxy\b/);
  });

  it.each([
    "ftp://user:gu3ss@proxy.test",
    "http://user:gu3ss@proxy.test:99999",
    "http://us%3Aer:gu3ss@proxy.test",
    `socks5://user:${"gu3ss".repeat(60)}@proxy.test`,
    { url: "http://proxy.test", headers: { "Proxy-Authorization": 5, gu3ss: "x" } },
    { url: "http://proxy.test", headers: { "Proxy-Authorization": "gu3ss\r\n" } },
    { url: "ftp://user:gu3ss@proxy.test" },
    { url: "http://proxy.test", headers: "Proxy-Authorization: gu3ss" },
    { url: "https://proxy.test", tls: "gu3ss" },
    { url: ["http://user:gu3ss@proxy.test"] },
  ])("shows no credentials in its errors: %o", (proxy) => {
    expect(messageOf(proxy)).not.toContain("gu3ss");
  });

  it.each(["socketPath", "createConnection", "tls.socket"])("cannot be used together with %s", (name) => {
    expect(() => resolveProxy("env", { [name]: "x" })).toThrow(
      `"proxy" cannot be used together with "${name}"`,
    );
    expect(() => resolveProxy(() => "env", { [name]: "x" })).toThrow(name);
    expect(resolveProxy(false, { [name]: "x" })).toBeUndefined();
    expect(resolveProxy("env", { [name]: undefined })).toBe("env");
  });
});
