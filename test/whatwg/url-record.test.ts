import { expect, it, onTestFinished } from "vitest";
import { hasBlockedPort, originOfProgram, toUrlRecord } from "../../src/whatwg/url-record.js";

it.each([
  ["ws://a", "ws://a/"],
  ["WSS://A:443/b c?d e", "wss://a/b%20c?d%20e"],
  ["http://a:80/", "ws://a/"],
  ["https://a:8443/", "wss://a:8443/"],
  ["http://a:443/", "ws://a:443/"],
  ["https://a:443/", "wss://a/"],
  [" ws://a/\n", "ws://a/"],
  ["ws://user:pass@a/", "ws://user:pass@a/"],
  ["ws:a", "ws://a/"],
])("%j is the URL %j", (text, href) => {
  expect(toUrlRecord(text).href).toBe(href);
});

it.each([
  ...["", "a", "/a", "ws://", "ws:// a", "ftp://a", "httpx://a", "xws://a"],
  ...["ws://a#", "ws://a/#b", "blob:ws://a"],
])("%j is refused", (text) => {
  expect(() => toUrlRecord(text)).toThrow(expect.objectContaining({ name: "SyntaxError" }) as Error);
});

it("the base and the origin come from the location", () => {
  expect(originOfProgram()).toBeUndefined();
  const location = { href: "https://site.test/a/b", origin: "https://site.test" };
  Object.defineProperty(globalThis, "location", { value: location, configurable: true });
  onTestFinished(() => void Reflect.deleteProperty(globalThis, "location"));
  expect(originOfProgram()).toBe("https://site.test");
  expect(toUrlRecord("c").href).toBe("wss://site.test/a/c");
});

it("a program at an https: URL may use ws: only for hosts of this machine", () => {
  const location = { href: "https://site.test/a/b", origin: "https://site.test" };
  Object.defineProperty(globalThis, "location", { value: location, configurable: true });
  onTestFinished(() => void Reflect.deleteProperty(globalThis, "location"));
  for (const url of [
    "ws://127.0.0.1/",
    "http://127.9.9.9/",
    "ws://[::1]/",
    "ws://localhost./",
    "ws://a.localhost/",
  ])
    expect(toUrlRecord(url).protocol).toBe("ws:");
  for (const url of [
    "ws://a/",
    "http://a/",
    "ws://[::2]/",
    "ws://128.0.0.1/",
    "ws://notlocalhost/",
    "ws://127.0.0.1.test/",
  ])
    expect(() => toUrlRecord(url), url).toThrow(expect.objectContaining({ name: "SecurityError" }) as Error);
  expect(toUrlRecord("https://a/").protocol).toBe("wss:");
});

it("the ports of the Fetch standard are blocked, and no other", () => {
  const blocked: number[] = [];
  for (let port = 0; port < 65_536; port++) if (hasBlockedPort({ port: String(port) })) blocked.push(port);
  expect(blocked).toHaveLength(83);
  expect(blocked).toEqual(expect.arrayContaining([0, 1, 22, 25, 6000, 6667, 6697, 10_080]));
  expect(blocked).not.toContain(80);
  expect([hasBlockedPort(new URL("wss://a/")), hasBlockedPort(new URL("ws://a:22/"))]).toEqual([false, true]);
});
