import { describe, expect, it } from "vitest";
import { HttpTunnel, parseProxy, type ProxyError, type TunnelStep } from "../../../protocol/index.js";

const target = { host: "feed.test", port: 443 };

function tunnelOf(url = "http://proxy.test:3128", headers: readonly [string, string][] = []): HttpTunnel {
  return new HttpTunnel(target, parseProxy(url), headers);
}

function receive(answer: string, tunnel = tunnelOf()): TunnelStep | undefined {
  return tunnel.receive(Buffer.from(answer, "latin1"));
}

function errorOf(answer: string): ProxyError {
  const step = receive(answer);
  if (step?.kind !== "rejected") throw new Error(`The step is ${step?.kind}.`);
  return step.error;
}

describe("the request", () => {
  it("is a CONNECT to host and port of the target", () => {
    expect(tunnelOf().request.toString()).toBe(
      "CONNECT feed.test:443 HTTP/1.1\r\nHost: feed.test:443\r\n\r\n",
    );
  });

  it("has an IPv6 address in brackets", () => {
    const { request } = new HttpTunnel({ host: "::1", port: 80 }, parseProxy("http://proxy.test"));
    expect(request.toString()).toMatch(/^CONNECT \[::1\]:80 HTTP\/1.1\r\nHost: \[::1\]:80\r\n/);
  });

  it("has the credentials of the url, unless a header field has others", () => {
    const url = "http://us%C3%A9r:p%3Aw@proxy.test";
    const basic = Buffer.from("usér:p:w").toString("base64");
    expect(tunnelOf(url).request.toString()).toContain(`\r\nProxy-Authorization: Basic ${basic}\r\n`);
    const given = tunnelOf(url, [["proxy-authorization", "Bearer x"]]).request.toString();
    expect(given).toContain("\r\nproxy-authorization: Bearer x\r\n");
    expect(given).not.toContain("Basic");
  });

  it("has one Host, which a header field replaces", () => {
    const request = tunnelOf(undefined, [["host", "other.test"]]).request.toString();
    expect(request.match(/^host:.*$/gim)).toEqual(["host: other.test"]);
  });

  it("refuses header fields that could change the request", () => {
    expect(() => tunnelOf(undefined, [["A", "b\r\nc: d"]])).toThrow(TypeError);
    expect(() => tunnelOf(undefined, [["Content-Length", "5"]])).toThrow(TypeError);
  });
});

describe("an answer", () => {
  it.each([
    "HTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.0 200 Connection established\r\n\r\n",
    "HTTP/1.1 200\r\n\r\n",
    // RFC 9110 9.3.6: the length is ignored.
    "HTTP/1.1 204 No\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
  ])("opens the tunnel: %j", (answer) => {
    expect(receive(answer)).toEqual({ kind: "open" });
  });

  it("may arrive byte by byte", () => {
    const tunnel = tunnelOf();
    const answer = "HTTP/1.1 103 x\r\n\r\nHTTP/1.1 200 OK\r\nVia: x\r\n\r\n";
    const steps = Array.from(answer, (byte) => receive(byte, tunnel));
    expect(steps.slice(0, -1).every((step) => step === undefined)).toBe(true);
    expect(steps.at(-1)).toEqual({ kind: "open" });
  });

  it("of a proxy that refuses has a status", () => {
    expect(errorOf("HTTP/1.1 503 Busy\r\nVia: squid\r\n\r\n<html>")).toMatchObject({
      ...{ code: "PROXY_REFUSED", statusCode: 503, headers: [["Via", "squid"]], socksCode: undefined },
      message: "The proxy answered 503 Service Unavailable to CONNECT.",
    });
  });

  // Tinyproxy answers wrong credentials with 401.
  it.each([407, 401])("of a proxy that requires credentials has a code of its own: %d", (statusCode) => {
    const error = errorOf(`HTTP/1.1 ${statusCode} x\r\nProxy-Authenticate: Basic\r\n\r\n`);
    expect(error).toMatchObject({ code: "PROXY_AUTHENTICATION", statusCode });
  });

  it.each([
    ["SSH-2.0-x\r\n", "PROXY_MALFORMED"],
    ["HTTP/2 200\r\n\r\n", "PROXY_MALFORMED"],
    ["HTTP/1.1 200 OK\r\n bad\r\n\r\n", "PROXY_MALFORMED"],
    [`HTTP/1.1 200 OK\r\nA: ${"x".repeat(16_384)}`, "PROXY_MALFORMED"],
    ["HTTP/1.1 200 OK\r\n".concat("A: b\r\n".repeat(101)), "PROXY_MALFORMED"],
    ["HTTP/1.1 100 x\r\n\r\n".repeat(9), "PROXY_MALFORMED"],
    ["HTTP/1.1 200 OK\r\n\r\n\0", "PROXY_EARLY_DATA"],
  ])("is refused: %j", (answer, code) => {
    expect(errorOf(answer).code).toBe(code);
  });
});
