import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { readHead, Request, Response } from "../../src/ws/response.js";

describe("a response", () => {
  it("joins its header fields as Node does", () => {
    const fields = [
      "Set-Cookie: a",
      "set-cookie: b",
      "X-A: 1",
      "x-a: 2",
      "Server: one",
      "Server: two",
      "Cookie: c",
      "Cookie: d",
    ];
    const response = readHead(["HTTP/1.1 101 Switching Protocols", ...fields].join("\r\n"));
    expect(response.headers).toEqual({
      "set-cookie": ["a", "b"],
      "x-a": "1, 2",
      server: "one",
      cookie: "c; d",
    });
    expect(response.rawHeaders.slice(0, 2)).toEqual(["Set-Cookie", "a"]);
    expect([response.statusCode, response.statusMessage, response.httpVersion]).toEqual([
      101,
      "Switching Protocols",
      "1.1",
    ]);
  });

  it("has no field of Object.prototype", () => {
    expect(readHead("HTTP/1.1 101\r\n__proto__: x").headers["toString"]).not.toBe("x");
    expect(readHead("HTTP/1.1 101\r\nconstructor: x").headers["constructor"]).toBe("x");
  });

  it("has a body that can be read, and then closes", async () => {
    const response = new Response(401, "No", [], Buffer.from("body"));
    const closed = new Promise((resolve) => response.on("close", resolve));
    expect(await text(response)).toBe("body");
    await closed;
  });
});

describe("a request", () => {
  const create = (onAbort = (_error: Error): void => undefined): Request =>
    new Request(new URL("ws://a.test:81/p?q"), new Map([["x-a", ["X-A", "1"]]]), onAbort);

  it("has header fields that can change", () => {
    const request = create();
    expect([request.host, request.path, request.getHeader("X-a"), request.hasHeader("x-b")]).toEqual([
      "a.test",
      "/p?q",
      "1",
      false,
    ]);
    request.setHeader("X-B", 2).removeHeader("x-A");
    expect(request.getHeaders()).toEqual({ "x-b": "2" });
    expect(request.getHeaderNames()).toEqual(["x-b"]);
    expect(request.end()).toBe(request);
  });

  it("is aborted once", () => {
    const errors: Error[] = [];
    const request = create((error) => void errors.push(error));
    request.abort();
    request.destroy(new Error("second"));
    expect(errors).toMatchObject([{ message: "socket hang up", code: "ECONNRESET" }]);
    expect([request.aborted, request.destroyed]).toEqual([true, true]);
    create((error) => void errors.push(error)).destroy(new Error("mine"));
    expect(errors[1]?.message).toBe("mine");
  });
});
