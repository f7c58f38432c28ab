// The steps of the constructor.
import { describe, expect } from "vitest";
import { WebSocket } from "../../../src/whatwg/index.js";
import { create, listen, nameOfError, next, nextRequest, setLocation, step } from "./scene.js";

const syntaxError = "DOMException SyntaxError";
/** No server listens on this port, and the tests that use it expect no connection. */
const nowhere = "ws://127.0.0.1:9/";

describe("the constructor", () => {
  step("constructor.arguments", () => {
    expect(nameOfError(() => Reflect.construct(WebSocket, []))).toBe("TypeError");
    expect(WebSocket).toHaveLength(1);
  });

  step("constructor.new", () => {
    expect(nameOfError(() => Reflect.apply(WebSocket, undefined, [nowhere]))).toBe("TypeError");
  });

  step("constructor.url-string", () => {
    expect(create(new URL("ws://127.0.0.1:9/a b")).url).toBe("ws://127.0.0.1:9/a%20b");
    expect(create({ toString: () => nowhere }).url).toBe(nowhere);
    expect(create(`${nowhere}\uD800`).url).toBe(`${nowhere}%EF%BF%BD`);
    expect(nameOfError(() => create(Symbol("url")))).toBe("TypeError");
  });

  step("constructor.url-failure", () => {
    for (const url of ["ws://foo bar.com/", "wss://", "", "ws://a:99999/", "ws://[::g]/", null, undefined, 5])
      expect(
        nameOfError(() => create(url)),
        String(url),
      ).toBe(syntaxError);
  });

  step("constructor.url-base", () => {
    expect(nameOfError(() => create("/feed"))).toBe(syntaxError);
    setLocation("http://127.0.0.1:9/page/index.html?x");
    expect(create("/feed").url).toBe("ws://127.0.0.1:9/feed");
    expect(create("feed?y").url).toBe("ws://127.0.0.1:9/page/feed?y");
    expect(create("?z").url).toBe("ws://127.0.0.1:9/page/index.html?z");
    expect(nameOfError(() => create("#test"))).toBe(syntaxError);
  });

  step("constructor.url-http", () => {
    expect(create("http://127.0.0.1:9/a").url).toBe("ws://127.0.0.1:9/a");
    expect(create("HTTPS://127.0.0.1:9/a").url).toBe("wss://127.0.0.1:9/a");
  });

  step("constructor.url-scheme", () => {
    for (const url of [
      "ftp://127.0.0.1/",
      "mailto:a@example.org",
      "about:blank",
      "file:///a",
      "javascript:1",
    ])
      expect(
        nameOfError(() => create(url)),
        url,
      ).toBe(syntaxError);
  });

  step("constructor.url-fragment", () => {
    for (const end of ["#", "#test", "?a#b"])
      expect(nameOfError(() => create(nowhere + end))).toBe(syntaxError);
    expect(create(`${nowhere}%23`).url).toBe(`${nowhere}%23`);
  });

  step("constructor.url-mixed", () => {
    const remote = ["ws://site.test/", "http://site.test/", "ws://127.evil.test/", "ws://localhost.test/"];
    setLocation("https://site.test/page");
    for (const url of remote)
      expect(
        nameOfError(() => create(url)),
        url,
      ).toBe("DOMException SecurityError");
    for (const host of ["127.0.0.1:9", "127.1:9", "[::1]:9", "localhost:9"])
      expect(create(`ws://${host}/`).readyState, host).toBe(0);
  });

  step("constructor.url-secret", () => {
    for (const url of ["ws://user:hunter2@ /", "ftp://user:hunter2@a/", "ws://user:hunter2@a/#b"]) {
      let message = "";
      try {
        create(url);
      } catch (error) {
        message = String(error);
      }
      expect(message).toMatch(/^SyntaxError/);
      expect(message).not.toContain("hunter2");
    }
  });

  step("constructor.protocols-string", async () => {
    const server = await listen();
    create(server.url, "chat");
    const first = await nextRequest(server);
    expect(first.field("Sec-WebSocket-Protocol")).toBe("chat");
    create(server.url, null);
    expect((await nextRequest(server)).field("Sec-WebSocket-Protocol")).toBe("null");
    create(server.url, undefined);
    expect((await nextRequest(server)).field("Sec-WebSocket-Protocol")).toBeUndefined();
  });

  step("constructor.protocols-sequence", async () => {
    const server = await listen();
    create(server.url, new Set(["a", 2]));
    expect((await nextRequest(server)).field("Sec-WebSocket-Protocol")).toBe("a, 2");
    create(server.url, []);
    expect((await nextRequest(server)).field("Sec-WebSocket-Protocol")).toBeUndefined();
    expect(nameOfError(() => create(server.url, [Symbol("a")]))).toBe("TypeError");
    expect(server.connectionCount).toBe(2);
  });

  step("constructor.protocols-invalid", () => {
    const separators = Array.from('\u0000\u001F\u007F \t()<>@,;:\\"/[]?={}é\u0080');
    for (const one of [...separators, "", "a b", {}, ["a", ""], ["a", "b,c"]])
      expect(
        nameOfError(() => create(nowhere, one)),
        JSON.stringify(one),
      ).toBe(syntaxError);
  });

  step("constructor.protocols-repeated", () => {
    expect(nameOfError(() => create(nowhere, ["echo", "echo"]))).toBe(syntaxError);
    expect(nameOfError(() => create(nowhere, ["echo", "Echo"]))).toBe(syntaxError);
  });

  step("constructor.order", () => {
    const calls: string[] = [];
    const protocols = { toString: () => (calls.push("protocols"), " ") };
    const url = { toString: () => (calls.push("url"), "no URL") };
    expect(nameOfError(() => create(url, protocols))).toBe(syntaxError);
    expect(calls).toEqual(["url", "protocols"]);
  });

  step("constructor.initial", () => {
    const ws = create("ws://user:secret@127.0.0.1:9/a?b");
    const { url, readyState, bufferedAmount, extensions, protocol, binaryType } = ws;
    expect({ url, readyState, bufferedAmount, extensions, protocol, binaryType }).toEqual({
      ...{ url: "ws://user:secret@127.0.0.1:9/a?b", readyState: 0, bufferedAmount: 0 },
      ...{ extensions: "", protocol: "", binaryType: "blob" },
    });
    expect([ws.onopen, ws.onmessage, ws.onerror, ws.onclose]).toEqual([null, null, null, null]);
    expect(ws).toBeInstanceOf(EventTarget);
  });

  step("constructor.options", async () => {
    const server = await listen();
    create(server.url, [], { headers: { Cookie: "a=b" } });
    expect((await nextRequest(server)).field("Cookie")).toBe("a=b");
    expect(() => create(server.url, [], { reconnect: true })).toThrow(/"reconnect".*ReconnectingWebSocket/);
    expect(() => create(server.url, [], { connectTimeout: -1 })).toThrow(/connectTimeout/);
    expect(() => create(server.url, [], { headrs: {} })).toThrow(/headrs.*headers/);
    const stray = Reflect.construct(WebSocket, [server.url, [], "Stray argument"]) as WebSocket;
    await server.client();
    stray.close();
    await next(stray, "close");
    expect(server.connectionCount).toBe(2);
  });
});
