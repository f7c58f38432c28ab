import { describe, expect, it } from "vitest";
import { displayUrl } from "../../protocol/display/display-url.js";
import { parseUri } from "../../protocol/uri.js";

describe("parseUri", () => {
  it("returns all parts of a URL", () => {
    expect(parseUri("ws://example.com:8080/chat?room=1")).toEqual({
      isSecure: false,
      host: "example.com",
      port: 8080,
      hostHeader: "example.com:8080",
      resource: "/chat?room=1",
      authorization: undefined,
      href: "ws://example.com:8080/chat?room=1",
      display: "ws://example.com:8080/chat?room=***",
    });
  });

  it.each([
    ["ws://h", false, 80, "h", "ws://h/"],
    ["ws://h:80", false, 80, "h", "ws://h/"],
    ["ws://h:443", false, 443, "h:443", "ws://h:443/"],
    ["wss://h", true, 443, "h", "wss://h/"],
    ["wss://h:443", true, 443, "h", "wss://h/"],
    ["wss://h:80", true, 80, "h:80", "wss://h:80/"],
    ["http://h", false, 80, "h", "ws://h/"],
    ["http://h:443", false, 443, "h:443", "ws://h:443/"],
    ["https://h", true, 443, "h", "wss://h/"],
    ["https://h:80/p", true, 80, "h:80", "wss://h:80/p"],
    ["WSS://H", true, 443, "h", "wss://h/"],
    ["ws://h:0", false, 0, "h:0", "ws://h:0/"],
    ["ws://h:65535", false, 65535, "h:65535", "ws://h:65535/"],
  ])("parses scheme and port of %s", (input, isSecure, port, hostHeader, href) => {
    expect(parseUri(input)).toMatchObject({ isSecure, port, hostHeader, href, host: "h" });
  });

  it.each([
    ["ws://[::1]/", "::1", "[::1]"],
    ["ws://[2001:db8::1]:9000/", "2001:db8::1", "[2001:db8::1]:9000"],
    ["ws://127.0.0.1:1/", "127.0.0.1", "127.0.0.1:1"],
    ["ws://bücher.example/", "xn--bcher-kva.example", "xn--bcher-kva.example"],
  ])("parses the host of %s", (input, host, hostHeader) => {
    expect(parseUri(input)).toMatchObject({ host, hostHeader });
  });

  it.each([
    ["ws://h", "/"],
    ["ws://h?", "/?"],
    ["ws://h?a=b", "/?a=b"],
    ["ws://h/a/../b", "/b"],
    ["ws://h/ä?ö", "/%C3%A4?%C3%B6"],
    ["ws://h/%20%23", "/%20%23"],
    ["ws://user:pass@h:81/p?q", "/p?q"],
  ])("parses the resource name of %s", (input, resource) => {
    expect(parseUri(input).resource).toBe(resource);
  });

  it.each([
    ["ws://h", undefined],
    ["ws://@h", undefined],
    ["ws://user:pass@h", "user:pass"],
    ["ws://user@h", "user:"],
    ["ws://:pass@h", ":pass"],
    ["ws://user:a:b@h", "user:a:b"],
    ["ws://us%40er:p%2Fa%25ss@h", "us@er:p/a%ss"],
    ["ws://%C3%A4:%E2%82%AC@h", "ä:€"],
    ["ws://ä:€@h", "ä:€"],
    ["ws://u%zz:%4@h", "u%zz:%4"],
  ])("parses user name and password of %s", (input, credentials) => {
    const uri = parseUri(input);
    expect(uri.authorization).toBe(
      credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString("base64")}`,
    );
    expect(uri.href).toBe("ws://h/");
    expect(uri.display).toBe("ws://h/");
  });

  it("accepts a URL object and does not change it", () => {
    const url = new URL("https://user:pass@h/p");
    expect(parseUri(url)).toMatchObject({ href: "wss://h/p", isSecure: true });
    expect(url.href).toBe("https://user:pass@h/p");
  });

  it("hides credentials of the query in display only", () => {
    const uri = parseUri("wss://h/p?token=abc&v=1");
    expect(uri.display).toBe("wss://h/p?token=***&v=1");
    expect(uri.href).toBe("wss://h/p?token=abc&v=1");
    expect(uri.resource).toBe("/p?token=abc&v=1");
  });

  it.each([
    ["", "absolute"],
    ["example.com", "absolute"],
    ["//example.com", "absolute"],
    ["/path", "absolute"],
    ["ws:h", "absolute"],
    ["ws:/h", "absolute"],
    ["ws:\\\\h", "absolute"],
    ["ftp://h", "scheme"],
    ["wsss://h", "scheme"],
    ["javascript://h", "scheme"],
    ["ws://h#", "fragment"],
    ["ws://h/p#f", "fragment"],
    ["ws://", "host"],
    ["ws:///p", "host"],
    ["ws://?q", "host"],
    ["ws://:80", "host"],
    ["ws://user:pass@", "host"],
    ["ws://user:pass@:80/", "host"],
    ["ws://\\h", "host"],
    ["ws://h:65536", "port"],
    ["ws://h:x", "port"],
    ["ws://[::1", "port"],
    ["ws://a%20b/", "port"],
    ["ws://h/a b", "space"],
    [" ws://h", "space"],
    ["ws://h ", "space"],
    ["ws://h/\r\nX: y", "control"],
    ["ws://h/\n", "control"],
    ["ws://h/\t", "control"],
    ["ws://h/\0", "control"],
    ["ws://h/\u007f", "control"],
    ["ws://h/\u0085", "control"],
    ["w\ns://h", "control"],
    ["ws://a%3Ab:p@h", "colon"],
  ])("rejects %j", (input, reason) => {
    const parse = (): unknown => parseUri(input);
    expect(parse).toThrow(TypeError);
    expect(parse).toThrow(reason);
    expect(parse).toThrow(`"${displayUrl(input)}"`);
  });

  it("rejects a URL object with a fragment, even an empty one", () => {
    expect(() => parseUri(new URL("ws://h/#"))).toThrow("fragment");
  });

  it.each([[undefined], [null], [42], [{}], [["ws://user:pass@h"]]])(
    "rejects %j, which is not a string",
    (input) => {
      const parse = (): unknown => parseUri(input as unknown as string);
      expect(parse).toThrow(TypeError);
      expect(parse).toThrow("must be a string or a URL");
      expect(parse).not.toThrow("pass");
    },
  );

  it.each([
    "ws://user:hunter2@h:99999/",
    "ws://user:hunter2@h/#",
    "ws://user:hun#hunter2@h/",
    "ws://user:hun/hunter2@h/",
    "ws://user:hunter2@h/a b",
    "ws://user:hun ter2hunter2@h/",
    "user:hunter2@h",
    "ftp://user:hunter2@h/",
    "ws://user:hunter2@",
    "ws://a%3Ab:hunter2@h",
    "//user:hunter2@h/",
    "ws:user:hunter2@h",
    "ws://h:99999/?access_token=hunter2",
    "ws://h/#access_token=hunter2",
  ])("rejects %s with an error that does not contain the password", (input) => {
    const parse = (): unknown => parseUri(input);
    expect(parse).toThrow(TypeError);
    expect(parse).not.toThrow("hunter2");
  });
});
