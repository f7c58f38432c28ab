import { describe, expect, it } from "vitest";
import { parseProxy } from "../../../protocol/index.js";

describe("parseProxy", () => {
  it.each([
    ["http://proxy.test:3128", "http", "proxy.test", 3128],
    ["http://proxy.test", "http", "proxy.test", 80],
    ["http://proxy.test/", "http", "proxy.test", 80],
    ["HTTP://Proxy.Test:80", "http", "proxy.test", 80],
    ["https://proxy.test", "https", "proxy.test", 443],
    ["https://proxy.test:80", "https", "proxy.test", 80],
    ["socks5://proxy.test", "socks5", "proxy.test", 1080],
    ["socks5://proxy.test:80", "socks5", "proxy.test", 80],
    ["socks5://proxy.test:080/path", "socks5", "proxy.test", 80],
    ["socks5h://10.0.0.1:9050", "socks5", "10.0.0.1", 9050],
    ["socks://[2001:db8::1]:9050", "socks5", "2001:db8::1", 9050],
    ["proxy.test:3128", "http", "proxy.test", 3128],
    ["proxy.test", "http", "proxy.test", 80],
    ["[::1]:3128", "http", "::1", 3128],
    ["http://user:secret@proxy.test:3128/path?query", "http", "proxy.test", 3128],
  ])("reads %s", (text, kind, host, port) => {
    expect(parseProxy(text)).toMatchObject({ kind, host, port });
  });

  it.each([
    ["http://user:pass@proxy.test", { user: "user", password: "pass" }],
    ["http://user@proxy.test", { user: "user", password: "" }],
    ["socks5://u%40b:p%3Aw%2F@proxy.test", { user: "u@b", password: "p:w/" }],
    ["http://%C3%A9:%F0%9F%94%91@proxy.test", { user: "Ã©", password: "ð\u009f\u0094\u0091" }],
    ["http://proxy.test", undefined],
  ])("decodes the credentials of %s to bytes", (text, credentials) => {
    expect(parseProxy(text).credentials).toEqual(credentials);
  });

  it("shows the url without credentials", () => {
    expect(parseProxy("http://user:secret@proxy.test:3128/x").display).toBe("http://proxy.test:3128");
    expect(parseProxy("socks5h://user:secret@[::1]").display).toBe("socks5://[::1]:1080");
  });

  it.each([
    "",
    "ftp://user:secret@proxy.test",
    "ws://secret.test",
    "http://",
    "http://user:secret@",
    "http://proxy.test:99999",
    "http://secret proxy.test",
    "http://secret\nproxy.test",
    "socks5://:secret@proxy.test",
    "socks5://secret@proxy.test",
    `socks5://${"u".repeat(256)}:secret@proxy.test`,
    `socks5://user:${"secret".repeat(43)}@proxy.test`,
    "http://us%3Aer:secret@proxy.test",
  ])("refuses %j, and does not show it", (text) => {
    expect(() => parseProxy(text)).toThrow(TypeError);
    expect(() => parseProxy(text)).not.toThrow(/secret/);
  });
});
