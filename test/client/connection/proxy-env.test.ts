import { describe, expect, it } from "vitest";
import { proxyFromEnvironment } from "../../../src/client/connection/proxy-env.js";

const wss = { isSecure: true, host: "feed.example.com", port: 443 };
const ws = { isSecure: false, host: "feed.example.com", port: 80 };

describe("the proxy", () => {
  it.each([
    [wss, { HTTPS_PROXY: "a", HTTP_PROXY: "b", ALL_PROXY: "c" }, "a"],
    [ws, { HTTPS_PROXY: "a", HTTP_PROXY: "b", ALL_PROXY: "c" }, "b"],
    [wss, { HTTP_PROXY: "b", ALL_PROXY: "c" }, "c"],
    [wss, { HTTP_PROXY: "b" }, undefined],
    [wss, { https_proxy: "lower", HTTPS_PROXY: "upper" }, "lower"],
    [wss, { https_proxy: "", HTTPS_PROXY: "upper" }, "upper"],
    [wss, { HTTPS_PROXY: "", ALL_PROXY: "c" }, "c"],
    [ws, { http_proxy: "lower", all_proxy: "c" }, "lower"],
    [ws, { all_proxy: "c" }, "c"],
    [ws, {}, undefined],
    // A CGI program gets the header `Proxy` of a request as HTTP_PROXY.
    [ws, { REQUEST_METHOD: "GET", HTTP_PROXY: "evil" }, undefined],
    [ws, { REQUEST_METHOD: "GET", http_proxy: "lower" }, "lower"],
  ])("for %o with %o is %s", (target, environment, expected) => {
    expect(proxyFromEnvironment(target, environment)).toBe(expected);
  });
});

it("is not read through a prototype", () => {
  const names = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy"];
  const polluted = Object.create(Object.fromEntries(names.map((name) => [name, "evil"]))) as object;
  expect(proxyFromEnvironment(wss, { ...polluted })).toBeUndefined();
  expect(proxyFromEnvironment(wss, polluted as Record<string, string>)).toBeUndefined();
  expect(proxyFromEnvironment(ws, polluted as Record<string, string>)).toBeUndefined();
});

describe("NO_PROXY", () => {
  const isExcepted = (list: string, host: string, port = 443): boolean =>
    proxyFromEnvironment({ isSecure: true, host, port }, { HTTPS_PROXY: "a", NO_PROXY: list }) === undefined;

  it.each([
    ["*", "anything.test"],
    ["*", "::1"],
    ["*:443", "anything.test"],
    ["example.com", "example.com"],
    ["example.com", "feed.example.com"],
    ["EXAMPLE.com", "feed.Example.COM"],
    [".example.com", "feed.example.com"],
    [".example.com", "example.com"],
    ["example.com.", "feed.example.com"],
    ["example.com", "feed.example.com."],
    ["other.test, example.com", "example.com"],
    ["other.test example.com", "example.com"],
    ["example.com:443", "feed.example.com"],
    ["127.0.0.1", "127.0.0.1"],
    ["127.0.0.1:443", "127.0.0.1"],
    ["10.0.0.0/8", "10.9.8.7"],
    ["0.0.0.0/0", "10.9.8.7"],
    ["::1", "::1"],
    ["[::1]", "::1"],
    ["[::1]:443", "::1"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["2001:db8::/32", "2001:db8:1::5"],
  ])("%j excepts %s", (list, host) => {
    expect(isExcepted(list, host)).toBe(true);
  });

  it.each([
    ["", "example.com"],
    [",", "example.com"],
    [".", "example.com"],
    ["example.com", "badexample.com"],
    ["feed.example.com", "example.com"],
    ["example.com:80", "example.com"],
    ["*.example.com", "feed.example.com"],
    ["10.0.0.0/8", "11.0.0.1"],
    ["10.0.0.0/33", "10.0.0.1"],
    ["10.0.0.0/x", "10.0.0.1"],
    ["10.0.0.0/", "10.0.0.1"],
    ["10.0.0.0/8.5", "10.0.0.1"],
    ["10.0.0.0/0x8", "10.0.0.1"],
    ["10.0.0.0/8/9", "10.0.0.1"],
    ["10.0.0.0/-1", "10.0.0.1"],
    ["/8", "10.0.0.1"],
    ["*:80", "anything.test"],
    ["10.0.0.0/8", "ten.test"],
    ["2001:db8::/32", "10.0.0.1"],
    ["0.0.1", "10.0.0.1"],
    ["[::1]:80", "::1"],
  ])("%j does not except %s", (list, host) => {
    expect(isExcepted(list, host)).toBe(false);
  });

  it("is read in lower case first", () => {
    const environment = { HTTPS_PROXY: "a", no_proxy: "other.test", NO_PROXY: "*" };
    expect(proxyFromEnvironment(wss, environment)).toBe("a");
  });
});
