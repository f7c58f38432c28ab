import { describe, expect, it } from "vitest";
import { readAddress, readProtocols } from "../../src/ws/address.js";

describe("an address", () => {
  it.each([
    ["ws://a.test", "ws://a.test/", "ws://a.test/", false],
    ["http://a.test:81/p?q", "ws://a.test:81/p?q", "ws://a.test:81/p?q", false],
    ["https://a.test", "wss://a.test/", "wss://a.test/", true],
    ["wss://u:p%40@a.test/", "wss://u:p%40@a.test/", "wss://a.test/", true],
  ])("%s is read", (given, href, url, isSecure) => {
    const address = readAddress(given);
    expect(address).toMatchObject({ href, isSecure, socketPath: undefined });
    expect(address.url.href).toBe(url);
    expect(readAddress(new URL(given)).href).toBe(href);
  });

  it("has the decoded user and password", () => {
    expect(readAddress("ws://u%3A:p%40@a.test").auth).toBe("u::p@");
    expect(readAddress("ws://u@a.test").auth).toBe("u:");
    expect(readAddress("ws://a.test").auth).toBeUndefined();
  });

  it.each([
    ["ws+unix:/run/a.sock", "/run/a.sock", "ws://localhost/"],
    ["ws+unix:/run/a.sock:/p?q=1", "/run/a.sock", "ws://localhost/p?q=1"],
    ["ws+unix:///run/a.sock:/p", "/run/a.sock", "ws://localhost/p"],
  ])("%s names a Unix socket", (given, socketPath, url) => {
    const address = readAddress(given);
    expect([address.socketPath, address.url.href, address.href]).toEqual([socketPath, url, given]);
  });

  it.each(["", "a.test", "ftp://a.test", "ws://a.test/#f", "ws+unix:", "ws://", "ws://[", undefined, {}])(
    "%s is a SyntaxError",
    (given) => {
      expect(() => readAddress(given)).toThrow(SyntaxError);
    },
  );

  it("may be relative to the address that redirected to it", () => {
    expect(readAddress("/b?c", "wss://u:p@a.test/x").href).toBe("wss://u:p@a.test/b?c");
    expect(readAddress("//b.test/", "wss://a.test/").href).toBe("wss://b.test/");
  });
});

describe("subprotocols", () => {
  it("are a string, an array or nothing", () => {
    expect(readProtocols(undefined)).toEqual([]);
    expect(readProtocols("a")).toEqual(["a"]);
    expect(readProtocols(["a", "b"])).toEqual(["a", "b"]);
  });

  it.each([null, "", "a b", "a,b", ["a", "a"], [1], 1, ["é"]])("%j is a SyntaxError", (given) => {
    expect(() => readProtocols(given)).toThrow(SyntaxError);
  });
});
