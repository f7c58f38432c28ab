import { describe, expect, it } from "vitest";
import { bareUrl, displayUrl } from "../../../protocol/display/display-url.js";
import { measureCpuTime } from "../../support/cpu-time.js";

const hex = "d41d8cd98f00b204e9800998ecf8427e";
const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl";

describe("displayUrl", () => {
  it.each([
    ["ws://h/p?q=1", "ws://h/p?q=***"],
    ["ws://user:pass@h/p", "ws://h/p"],
    ["foo://user:pass@h/p", "foo://h/p"],
    ["user:pass@h", "***"],
    ["ws://user:pass@h:x/@p", "ws://***"],
    ["ws://h:x/?token=abc@def", "ws://***"],
    ["ws://h/#secret", "ws://h/"],
    ["ws://h:x/p#secret", "ws://h:x/p"],
    ["/login?next=a@b&ticket=1", "/login?next=***&ticket=***"],
    ["?token=abc@def", "?token=***"],
    ["//user:pass@h/p", "***"],
    ["a\r\nb\u0085", "a\\u000d\\u000ab\\u0085"],
    ["a\u2028b\u2029\u001b", "a\\u2028b\\u2029\\u001b"],
    ["no url", "no url"],
    ["ws://h/?", "ws://h/?"],
    ["ws://h/?&", "ws://h/?&"],
  ])("shows %j as %j", (input, shown) => {
    expect(displayUrl(input)).toBe(shown);
  });

  it.each([
    "t=hunter2",
    "tk=hunter2",
    "rt=hunter2",
    "access=hunter2",
    "symbol=hunter2",
    "hunter2",
    "hunter2&v=1",
    "v=1;token=hunter2",
    "v=1&;token=hunter2",
    "a;hunter2=1",
    "%7B%22token%22%3A%22hunter2%22%7D",
    '{"token":"hunter2"}',
    "q={%22token%22:%22hunter2%22}",
    "url=https://h/?v=hunter2",
    "redirect=wss%3A%2F%2Fuser%3Ahunter2%40h",
    "v=a=hunter2",
    "v=1?token=hunter2",
    "to%6ben=hunter2",
    "v[]=hunter2",
    `format=${hex}hunter2`,
    `${hex}hunter2=1`,
  ])("hides the secret in the query %s", (query) => {
    for (const url of [`wss://h/p?${query}`, `/p?${query}`, `wss://h:x/p?${query}`]) {
      const shown = displayUrl(url);
      expect(shown).not.toContain("hunter2");
      expect(shown).not.toContain(hex);
      expect(shown).toContain("/p?");
      expect(displayUrl(shown)).toBe(shown);
    }
  });

  it.each(
    "v version ver api-version api_version apiVersion EIO encoding format compress transport lang".split(" "),
  )("shows the value of %s", (name) => {
    expect(displayUrl(`wss://h/?a=1&${name}=json-2.0&b`)).toBe(`wss://h/?a=***&${name}=json-2.0&***`);
  });

  it("shows the name of a model", () => {
    const url = "wss://h/v1/realtime?model=gpt-4o-realtime-preview-2024-12-17";
    expect(displayUrl(url)).toBe(url);
  });

  it.each([
    [`/ws/${hex}`, "/ws/d41d***"],
    [`/ws/${jwt}/x`, "/ws/eyJh***/x"],
    ["/bot123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11/x", "/bot1***/x"],
    ["/token/abc123def/x", "/token/***/x"],
    ["/token=abc/x", "/token=***/x"],
    ["/a;session=b;c/d;e=", "/a;***/d;***"],
    ["/to/https%3A%2F%2Fuser%3Apass%40h/x", "/to/***/x"],
    ["/to/user:pass@h/x", "/to/***/x"],
    ["/x/%7B%22token%22%3A1%7D", "/x/***"],
    ["/ws/btcusdt@depth20@100ms", "/ws/btcusdt@depth20@100ms"],
    ["/realtime/v1/graphql-transport-ws", "/realtime/v1/graphql-transport-ws"],
    ["/auth/login/", "/auth/login/"],
  ])("shows the path %s as %s", (path, shown) => {
    expect(displayUrl(path)).toBe(shown);
    expect(displayUrl(`wss://h:8443${path}`)).toBe(`wss://h:8443${shown}`);
    expect(displayUrl(shown)).toBe(shown);
  });

  it.each([
    ["segments", `wss://h/${"a/".repeat(20_000)}`],
    ["parameters", `wss://h/?${"a=b&".repeat(20_000)}`],
    ["one segment", `/${"a1B-".repeat(20_000)}`],
    ["at signs", `wss://${"a@".repeat(20_000)}`],
    ["semicolons", `/${";".repeat(20_000)}`],
  ])("needs linear time for a long URL of %s", (_what, url) => {
    const cpuTime = measureCpuTime();
    displayUrl(url);
    expect(cpuTime()).toBeLessThan(500);
  });
});

it("displayUrl hides a token with padding before a space in an invalid URL", () => {
  expect(displayUrl("ws://h:99999/?t=1&aHVuMzV0ZXI= rest")).toBe("ws://h:99999/?t=***&***=***");
});

describe("displayUrl of a token in an unusual place", () => {
  it.each([
    ["a bare query with padding", "?aHVudGVyMg==", "?***=***"],
    ["padding before a space", "/ws?t=1&aHVuMzV0ZXI= rest", "/ws?t=***&***=***"],
    ["a bare query that ends with =", "?hunter2=", "?***=***"],
    ["a parameter without a value", "?debug=&v=2", "?debug=***&v=2"],
    ["an encoded parameter of the path", "/a%3Btoken=hunter2/b", "/***/b"],
    ["an encoded = in the path", "/a%3Btoken%3Dhunter2/b", "/***/b"],
    ["16 hexadecimal digits", "/ws/9f86d081884c7d65", "/ws/9f86***"],
  ])("hides it: %s", (_what, path, shown) => {
    expect(displayUrl(`wss://h${path}`)).toBe(`wss://h${path.startsWith("/") ? "" : "/"}${shown}`);
    expect(displayUrl(path)).toBe(shown);
  });

  it.each(["/ws/btcusdt@depth20@100ms", "/v2/1733000000000000", "/c/9f86d081", "/socket.io/?EIO=4"])(
    "shows %s",
    (path) => {
      expect(displayUrl(path)).toBe(path);
    },
  );
});

describe("bareUrl", () => {
  it("removes only the user name, the password and the fragment", () => {
    expect(bareUrl("wss://user:pass@h/p?token=abc#x")).toBe("wss://h/p?token=abc");
  });
});
