import { describe, expect, it } from "vitest";
import { CookieStore } from "../../src/whatwg/cookie-store.js";

const now = 1_000_000;
const secure = new URL("wss://site.test/app/feed");
const insecure = new URL("ws://site.test/app/feed");

interface Request {
  readonly from?: URL;
  readonly to?: URL;
  readonly isSameSite?: boolean;
  readonly at?: number;
}

/** The cookies that a request to `to` contains after a response of `from` with these fields. */
function sent(fields: readonly string[], given: Request = {}): unknown {
  const { from = secure, to = from, isSameSite = true, at = now } = given;
  const store = new CookieStore();
  for (const field of fields) store.store(from, field, now);
  return store.fieldFor(to, isSameSite, at);
}

describe("a cookie", () => {
  it.each([
    ["a=b", "a=b"],
    [" a = b ; Path=/", "a=b"],
    ["a=", "a="],
    ["a=b=c; Unknown=x", "a=b=c"],
    ['a="b c"', 'a="b c"'],
    ["a", undefined],
    ["=b", undefined],
    ["", undefined],
    ["a=\u0007", undefined],
    ["a=\u00E9", undefined],
    [`a=${"x".repeat(4094)}`, `a=${"x".repeat(4094)}`],
    [`a=${"x".repeat(4095)}`, undefined],
  ])("of the field %j is sent as %j", (field, expected) => {
    expect(sent([field])).toBe(expected);
  });

  it("is replaced by one with the same name and path", () => {
    expect(sent(["a=1", "b=2", "a=3"])).toBe("a=3; b=2");
    expect(sent(["a=1; Path=/", "a=2; Path=/app"])).toBe("a=2; a=1");
  });

  it("is sent only to its host", () => {
    for (const host of ["www.site.test", "other.test", "test", "xsite.test"])
      expect(sent(["a=1"], { to: new URL(`wss://${host}/app/feed`) }), host).toBeUndefined();
    expect(sent(["a=1"], { to: new URL("wss://site.test:8443/app/x") })).toBe("a=1");
    expect(sent(["a=1; Domain=site.test", "b=2; Domain=.SITE.test", "c=3; Domain=test"])).toBe(
      "a=1; b=2; c=3",
    );
    expect(sent(["a=1; Domain=test"], { to: new URL("wss://other.test/app/x") })).toBeUndefined();
    expect(
      sent(["a=1; Domain=other.test", "b=2; Domain=www.site.test", "c=3; Domain=e.test"]),
    ).toBeUndefined();
  });

  it.each([
    ["a=1", "/app/other", true],
    ["a=1", "/app", true],
    ["a=1", "/application", false],
    ["a=1", "/", false],
    ["a=1; Path=/", "/", true],
    ["a=1; Path=relative", "/app/x", true],
    ["a=1; Path=/app/", "/app/x", true],
    ["a=1; Path=/other", "/other/x", true],
  ])("%j is sent to the path %j: %j", (field, path, isSent) => {
    expect(sent([field], { to: new URL(path, secure) })).toBe(isSent ? "a=1" : undefined);
  });

  it("with Secure comes from a secure connection, and is sent only to one", () => {
    expect(sent(["a=1; Secure", "b=2"], { to: insecure })).toBe("b=2");
    expect(sent(["a=1; Secure"], { from: insecure, to: secure })).toBeUndefined();
  });

  it("is sent by a program of another site only without SameSite", () => {
    const other = { isSameSite: false };
    const all = [
      "a=1; SameSite=Lax",
      "b=2; SameSite=strict",
      "c=3; SameSite=None",
      "d=4; SameSite=None; Secure",
    ];
    expect(sent([...all, "e=5"])).toBe("a=1; b=2; d=4; e=5");
    expect(sent([...all, "e=5"], other)).toBe("d=4");
    expect(sent([...all, "e=5"], { ...other, from: insecure })).toBe("e=5");
  });

  it.each([
    ["a=1; Max-Age=10", 10_000],
    ["a=1; Max-Age=0", 0],
    ["a=1; Max-Age=-5", 0],
    [`a=1; Expires=${new Date(now + 5_000).toUTCString()}`, 5_000],
    ["a=1; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Max-Age=20", 20_000],
    ["a=1; Expires=never; Max-Age=x", Infinity],
  ])("%j is sent for %d ms", (field, ms) => {
    if (ms > 0) expect(sent([field], { at: now + Math.min(ms, 1e15) - 1 })).toBe("a=1");
    if (ms < Infinity) expect(sent([field], { at: now + ms })).toBeUndefined();
  });

  it("is deleted by one that has expired", () => {
    expect(sent(["a=1; Path=/", "b=2", "a=; Path=/; Max-Age=0"])).toBe("b=2");
  });
});

it("a host has at most 50 cookies, and the oldest one is dropped", () => {
  const fields = Array.from({ length: 60 }, (_, index) => `c${index}=1`);
  const names = String(sent(fields)).split("; ");
  expect(names).toHaveLength(50);
  expect([names[0], names[49]]).toEqual(["c10=1", "c59=1"]);
});
