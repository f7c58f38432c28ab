import { createSecureContext } from "node:tls";
import { describe, expect, it } from "vitest";
import { HandshakeError, parseUri } from "../../../protocol/index.js";
import {
  followRedirect,
  isRedirect,
  isSameOrigin,
  withoutIdentity,
} from "../../../src/client/connection/redirects.js";
import type { SentValues } from "../../../src/redaction/sent-secrets.js";

const from = parseUri("wss://user:pw@feed.test/path?q=1");

function redirect(location: string | undefined, statusCode = 302): HandshakeError {
  const headers: [string, string][] = location === undefined ? [] : [["LOCATION", location]];
  return new HandshakeError("moved", { code: "UNEXPECTED_STATUS", statusCode, headers });
}

const values: Omit<SentValues, "uri"> = {
  headers: Object.entries({
    ...{ Authorization: "secret", Cookie: "secret", "X-Api-Key": "secret", "X-CSRF-Token": "secret" },
    ...{ "X-Feed": "Bearer secret", "X-Id": "secret-0a1b2c3d4e5f6a7b8c9d0e1f", "Ok-Access-Sign": "secret" },
    ...{ Host: "feed.test", "User-Agent": "test", Origin: "https://app.test" },
  }),
  subprotocols: ["chat", "bearer.abc", "x".repeat(33)],
};

function next(
  location: string | undefined,
  uri = from,
  visited = new Set<string>(),
  limit = 5,
): ReturnType<typeof followRedirect> {
  return followRedirect({ uri, ...values }, redirect(location), visited, limit);
}

describe("isRedirect", () => {
  it.each([301, 302, 303, 307, 308])("is true for the status %i", (status) => {
    expect(isRedirect(redirect("/", status))).toBe(true);
  });

  it.each([300, 304, 305, 306, 200, 404])("is false for the status %i", (status) => {
    expect(isRedirect(redirect("/", status))).toBe(false);
  });

  it("is false for other errors", () => {
    expect(isRedirect(new Error("x"))).toBe(false);
    expect(isRedirect(undefined)).toBe(false);
    expect(isRedirect(new HandshakeError("x", { code: "INVALID_ACCEPT", statusCode: 301 }))).toBe(false);
  });
});

describe("the next request", () => {
  it.each([
    ["/other", "wss://feed.test/other"],
    ["other?a=b", "wss://feed.test/other?a=b"],
    ["?x", "wss://feed.test/path?x"],
    ["https://feed.test/a", "wss://feed.test/a"],
    ["wss://feed.test:443/a", "wss://feed.test/a"],
    ["//feed.test/a", "wss://feed.test/a"],
    ["/a#fragment", "wss://feed.test/a"],
  ])("keeps its credentials on the same origin: %s", (location, url) => {
    expect(next(location)).toEqual({ ...values, url });
  });

  it("keeps the user name and the password of the url on the same origin, not those of the Location", () => {
    const uri = parseUri("wss://user:p%40ss@feed.test/path");
    const sent = { uri, headers: [], subprotocols: [] };
    expect(followRedirect(sent, redirect("https://a:b@feed.test/other"), new Set(), 5)).toEqual({
      ...{ url: "wss://feed.test/other", subprotocols: [] },
      headers: [["Authorization", uri.authorization]],
    });
  });

  it.each([
    ["https://other.test/a", "wss://other.test/a"],
    ["wss://feed.test:8443/a", "wss://feed.test:8443/a"],
    ["https://sub.feed.test/", "wss://sub.feed.test/"],
    ["https://u:p@other.test/", "wss://other.test/"],
  ])("has no credentials on another origin: %s", (location, url) => {
    const request = next(location);
    expect(request).toEqual({
      url,
      headers: [
        ["User-Agent", "test"],
        ["Origin", "https://app.test"],
      ],
      subprotocols: ["chat"],
    });
    expect(JSON.stringify(request)).not.toContain("secret");
  });

  it("may change from ws to wss, which is another origin", () => {
    const request = next("wss://feed.test/", parseUri("ws://feed.test/"));
    expect(request.url).toBe("wss://feed.test/");
    expect(JSON.stringify(request)).not.toContain("secret");
  });
});

describe("a refused redirect", () => {
  it.each([
    ["ws://feed.test/", "REDIRECT_INSECURE"],
    ["http://feed.test/", "REDIRECT_INSECURE"],
    [undefined, "REDIRECT_INVALID"],
    ["", "REDIRECT_LOOP"],
    ["/path?q=1", "REDIRECT_LOOP"],
    ["https://user:pw@feed.test/path?q=1#x", "REDIRECT_LOOP"],
    ["http://", "REDIRECT_INVALID"],
    ["ftp://feed.test/", "REDIRECT_INVALID"],
    ["file:///etc/passwd", "REDIRECT_INVALID"],
    ["javascript:alert(1)", "REDIRECT_INVALID"],
    ["//", "REDIRECT_INVALID"],
    ["wss://feed.test:65536/", "REDIRECT_INVALID"],
  ])("to %s has the code %s, and the response", (location, code) => {
    expect(() => next(location)).toThrow(
      expect.objectContaining({ code, statusCode: 302, name: "HandshakeError" }) as Error,
    );
  });

  it("is one to two different urls", () => {
    const fields = (...urls: string[]): HandshakeError =>
      new HandshakeError("moved", {
        ...{ code: "UNEXPECTED_STATUS", statusCode: 302 },
        headers: urls.map((url) => ["Location", url] as const),
      });
    const sent = { uri: from, ...values };
    expect(() => followRedirect(sent, fields("/a", "/b"), new Set(), 5)).toThrow(
      expect.objectContaining({ code: "REDIRECT_INVALID" }) as Error,
    );
    expect(followRedirect(sent, fields("/a", "/a"), new Set(), 5).url).toBe("wss://feed.test/a");
  });

  it("is one that goes back to an earlier url", () => {
    const visited = new Set<string>();
    next("/a", from, visited);
    next("/b", parseUri("wss://feed.test/a"), visited);
    expect(() => next("/a", parseUri("wss://feed.test/b"), visited)).toThrow(
      expect.objectContaining({ code: "REDIRECT_LOOP" }) as Error,
    );
  });

  it("is one above the limit", () => {
    const visited = new Set<string>();
    for (const step of [1, 2]) next(`/${step + 1}`, parseUri(`wss://feed.test/${step}`), visited, 2);
    expect(() => next("/4", parseUri("wss://feed.test/3"), visited, 2)).toThrow(
      expect.objectContaining({ code: "TOO_MANY_REDIRECTS" }) as Error,
    );
  });
});

it("the same origin means the same scheme, host and port", () => {
  const same = (one: string, other: string): boolean => isSameOrigin(parseUri(one), parseUri(other));
  expect(same("wss://a.test/x", "https://A.test:443/y")).toBe(true);
  expect(same("wss://a.test/", "ws://a.test:443/")).toBe(false);
  expect(same("wss://a.test/", "wss://a.test:444/")).toBe(false);
  expect(same("wss://a.test/", "wss://b.test/")).toBe(false);
});

it("TLS options for another origin contain no identity, and keep the rest", () => {
  const ca = "x";
  const identity = {
    ...{ cert: "a", key: "b", pfx: "c", passphrase: "d", servername: "feed.test" },
    ...{ pskCallback: () => null, privateKeyEngine: "e", privateKeyIdentifier: "f", clientCertEngine: "g" },
    ...{ session: Buffer.alloc(1), secureContext: createSecureContext() },
  };
  expect(withoutIdentity({ ca, rejectUnauthorized: true, ...identity })).toEqual({
    ...{ ca, rejectUnauthorized: true },
  });
  expect(withoutIdentity(undefined)).toBeUndefined();
});
