// The steps of the opening handshake.
import { describe, expect } from "vitest";
import { nodeRuntime } from "../../../src/index.js";
import type { WebSocket } from "../../../src/whatwg/index.js";
import { switching } from "../../support/scripted-peer.js";
import { create, listen, next, nextRequest, open, record, setLocation, step, turn } from "./scene.js";

/** Expects that the connection fails without being opened. */
async function expectFailure(ws: WebSocket): Promise<void> {
  const log = record(ws);
  const { code, reason, wasClean } = await next(ws, "close");
  expect({ code, reason, wasClean }).toEqual({ code: 1006, reason: "", wasClean: false });
  expect(log).toEqual(["error 3", "close 3"]);
}

describe("the opening handshake", () => {
  step("connect.request", async () => {
    const server = await listen();
    create(`${server.url}?a=b`);
    const request = await nextRequest(server);
    expect(request.requestLine).toBe("GET /feed?a=b HTTP/1.1");
    expect(request.field("Upgrade")).toBe("websocket");
    expect(request.field("Connection")).toBe("Upgrade");
    expect(request.field("Sec-WebSocket-Version")).toBe("13");
    expect(Buffer.from(request.field("Sec-WebSocket-Key")!, "base64")).toHaveLength(16);
    expect(request.field("Sec-WebSocket-Extensions")).toMatch(/^permessage-deflate/);
    expect(request.field("Origin")).toBeUndefined();
  });

  step("connect.protocols", async () => {
    const { ws, peer } = await open({}, { fields: ["Sec-WebSocket-Protocol: b"] }, ["a", "b"]);
    expect((await peer.request()).field("Sec-WebSocket-Protocol")).toBe("a, b");
    expect(ws.protocol).toBe("b");
  });

  step("connect.origin", async () => {
    const server = await listen();
    setLocation("https://site.test/page");
    create(server.url);
    expect((await nextRequest(server)).field("Origin")).toBe("https://site.test");
    create(server.url, [], { headers: { origin: "https://other.test" } });
    expect((await nextRequest(server)).field("Origin")).toBe("https://other.test");
  });

  step("connect.cookies", async () => {
    const server = await listen();
    const connect = async (path: string, options = {}): Promise<string | undefined> => {
      const ws = create(new URL(path, server.url), [], options);
      const peer = await server.client();
      const opened = next(ws, "open");
      const field = (await peer.request()).field("Cookie");
      await peer.accept({ fields: ["Set-Cookie: a=1; Path=/", "Set-Cookie: b=2; Path=/app; HttpOnly"] });
      await opened;
      return field;
    };
    // A program without a `location` has no cookies.
    expect([await connect("/app"), await connect("/app")]).toEqual([undefined, undefined]);
    setLocation("http://127.0.0.1/");
    expect(await connect("/app")).toBeUndefined();
    expect(await connect("/app/feed")).toBe("b=2; a=1");
    expect(await connect("/other")).toBe("a=1");
    expect(await connect("/other", { headers: { cookie: "c=3" } })).toBe("c=3");
    expect(await connect("/app", { runtime: { ...nodeRuntime } })).toBe("b=2; a=1");
    setLocation("file:///worker.js");
    expect(await connect("/app")).toBeUndefined();
    Reflect.deleteProperty(globalThis, "location");
    expect(await connect("/app")).toBeUndefined();
  });

  step("connect.credentials", async () => {
    const server = await listen();
    create(server.url.replace("//", "//user:pass@"));
    const request = await nextRequest(server);
    expect(request.field("Authorization")).toBe(`Basic ${Buffer.from("user:pass").toString("base64")}`);
    expect(request.requestLine).not.toContain("user");
    // RFC 7617 2: such a user name cannot be sent.
    await expectFailure(create(server.url.replace("//", "//us%3Aer:pass@")));
  });

  step("connect.blocked-port", async () => {
    await expectFailure(create("ws://127.0.0.1:6667/"));
    await expectFailure(create("wss://127.0.0.1:25/"));
  });

  step("connect.network-error", async () => {
    const server = await listen();
    const { url } = server;
    await server.close();
    await expectFailure(create(url));
  });

  step("connect.status", async () => {
    for (const status of ["200 OK", "401 Unauthorized", "302 Found\r\nLocation: /other"]) {
      const server = await listen();
      const ws = create(server.url);
      const failure = expectFailure(ws);
      const peer = await server.client();
      await peer.request();
      peer.send(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
      await failure;
      expect(server.connectionCount).toBe(1);
    }
  });

  step("connect.no-protocol", async () => {
    const server = await listen();
    const failure = expectFailure(create(server.url, ["chat"]));
    await (await server.client()).accept();
    await failure;
  });

  step("connect.other-protocol", async () => {
    const server = await listen();
    const failure = expectFailure(create(server.url, ["chat"]));
    await (await server.client()).accept({ fields: ["Sec-WebSocket-Protocol: other"] });
    await failure;
  });

  step("connect.invalid-response", async () => {
    const server = await listen();
    const failure = expectFailure(create(server.url));
    const peer = await server.client();
    const response = switching(await peer.request());
    peer.send(response.replace(/Accept: ./, "Accept: _"));
    await failure;
  });

  step("connect.parallel-sockets", async () => {
    const server = await listen();
    for (const url of [server.url, server.url]) create(url);
    const peers = [await server.client(), await server.client()];
    for (const peer of peers) await peer.accept();
  });

  step("connect.serial", async () => {
    setLocation("http://127.0.0.1/");
    const server = await listen();
    const other = await listen();
    const sockets = [server.url, server.url, other.url, `${server.url}?last`].map((url) => create(url));
    const first = await server.client();
    await first.request();
    const opened = next(sockets[2]!, "open");
    await (await other.client()).accept();
    await opened;
    expect(server.connectionCount).toBe(1);

    first.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    const second = await server.client();
    await second.request();
    expect([sockets[0]!.readyState, sockets[1]!.readyState, server.connectionCount]).toEqual([3, 0, 2]);
    await second.accept();
    const third = await server.client();
    expect((await third.request()).requestLine).toContain("?last");
    expect([sockets[1]!.readyState, server.connectionCount]).toEqual([1, 3]);
    // The connections that are already open do not delay the next one.
    await third.accept();
    await next(sockets[3]!, "open");
  });

  step("connect.serial-end", async () => {
    setLocation("http://127.0.0.1/");
    const server = await listen();
    const abort = new AbortController();
    const aborted = new AbortController();
    aborted.abort();
    const running = create(server.url);
    const closed = create(server.url);
    const aborts = create(server.url, [], { signal: abort.signal });
    const isAborted = create(server.url, [], { signal: aborted.signal });
    const last = create(server.url);
    const ends = [closed, aborts, isAborted].map((ws) => expectFailure(ws));
    closed.close();
    expect(closed.readyState).toBe(2);
    abort.abort();
    await Promise.all(ends);
    const first = await server.client();
    expect([running.readyState, last.readyState, server.connectionCount]).toEqual([0, 0, 1]);
    await first.accept();
    await (await server.client()).accept();
    await next(last, "open");
    expect(server.connectionCount).toBe(2);
  });

  step("connect.open", async () => {
    const fields = ["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Extensions: permessage-deflate"];
    const server = await listen();
    const ws = create(server.url, "chat");
    const states: unknown[] = [ws.readyState, ws.protocol, ws.extensions];
    const peer = await server.client();
    const opened = next(ws, "open");
    ws.onopen = () => states.push(ws.readyState, ws.protocol, ws.extensions);
    await peer.accept({ fields });
    const event = await opened;
    expect(states).toEqual([0, "", "", 1, "chat", "permessage-deflate"]);
    expect(event.constructor).toBe(Event);
    const { bubbles, cancelable, target } = event;
    expect({ bubbles, cancelable, target }).toEqual({ bubbles: false, cancelable: false, target: ws });
  });

  step("connect.parallel", async () => {
    const ws = create("ws://127.0.0.1:6667/");
    const log = record(ws);
    expect(ws.readyState).toBe(0);
    expect(log).toEqual([]);
    await next(ws, "close");
    await turn();
    expect(log).toEqual(["error 3", "close 3"]);
  });
});
