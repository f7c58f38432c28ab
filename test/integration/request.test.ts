// The bytes of the HTTP request.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AttemptContext } from "../../src/index.js";
import { turns } from "../support/dialling.js";
import { type Options, Scene } from "../support/scene.js";
import type { PeerRequest } from "../support/scripted-peer.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(() => scene.finish());

/** Returns the request that a client with these options writes. */
async function requestOf(options: Options, urlOf = (url: string): string => url): Promise<PeerRequest> {
  const server = await scene.listen();
  const client = scene.watch(urlOf(server.url), options);
  const connecting = client.ws.connect();
  const peer = (await server.client()).endWithClient();
  const request = await peer.accept();
  await connecting;
  return request;
}

describe("the request", () => {
  it("has the fields of RFC 6455 4.1 and no others", async () => {
    const { requestLine, fields, head } = await requestOf({ compress: false });
    expect(requestLine).toBe("GET /feed HTTP/1.1");
    expect(fields.map(([name]) => name)).toEqual([
      ...["Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"],
    ]);
    expect(head).toMatch(/\r\nHost: 127\.0\.0\.1:\d+\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n/);
    expect(head).toMatch(/\r\nSec-WebSocket-Key: [A-Za-z\d+/]{22}==\r\nSec-WebSocket-Version: 13\r\n\r\n$/);
  });

  it("has a new key each time", async () => {
    const keys = [await requestOf({}), await requestOf({})].map((one) => one.field("Sec-WebSocket-Key"));
    expect(keys[0]).not.toBe(keys[1]);
  });

  it("keeps path and query unchanged", async () => {
    const { requestLine } = await requestOf({}, (url) => url.replace("/feed", "/a%20b/?q=1&q=2%23"));
    expect(requestLine).toBe("GET /a%20b/?q=1&q=2%23 HTTP/1.1");
  });

  it("keeps the order, case and number of headers", async () => {
    const { fields } = await requestOf({
      headers: [
        ["X-Trace", "1"],
        ["cookie", "a=b"],
        ["x-trace", "2"],
        ["X-TRACE", "3"],
        ["Empty", ""],
      ],
    });
    expect(fields.slice(-5)).toEqual([
      ["X-Trace", "1"],
      ["cookie", "a=b"],
      ["x-trace", "2"],
      ["X-TRACE", "3"],
      ["Empty", ""],
    ]);
  });

  it("accepts an object of headers and writes one field per value", async () => {
    const { fields } = await requestOf({ headers: { Origin: "https://here.example", "X-One": ["a", "b"] } });
    expect(fields.slice(-3)).toEqual([
      ["Origin", "https://here.example"],
      ["X-One", "a"],
      ["X-One", "b"],
    ]);
  });

  it("sends the userinfo of the URL as Basic authorization and nowhere else", async () => {
    const withUser = (url: string): string => url.replace("//", "//us%20er:p%40ss@");
    const request = await requestOf({}, withUser);
    expect(request.field("Authorization")).toBe(`Basic ${Buffer.from("us er:p@ss").toString("base64")}`);
    expect(request.head).not.toContain("p%40ss");
  });

  it("prefers the Authorization header to the userinfo of the URL", async () => {
    const withUser = (url: string): string => url.replace("//", "//user:pass@");
    const request = await requestOf({ headers: { authorization: "Bearer token" } }, withUser);
    expect(request.field("Authorization")).toBe("Bearer token");
  });

  it("writes a custom Host as the first field", async () => {
    const { fields } = await requestOf({ headers: { host: "virtual.example" } });
    expect(fields[0]).toEqual(["host", "virtual.example"]);
    expect(fields.filter(([name]) => name.toLowerCase() === "host")).toHaveLength(1);
  });

  it("offers subprotocols in order, and compression with its options", async () => {
    const request = await requestOf({
      subprotocols: ["v2.chat", "v1.chat"],
      compress: {
        windowBits: 10,
        serverWindowBits: 11,
        noContextTakeover: true,
        serverNoContextTakeover: true,
      },
    });
    expect(request.field("Sec-WebSocket-Protocol")).toBe("v2.chat, v1.chat");
    expect(request.field("Sec-WebSocket-Extensions")).toBe(
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; " +
        "server_max_window_bits=11; client_max_window_bits=10",
    );
    expect((await requestOf({})).field("Sec-WebSocket-Extensions")).toBe(
      "permessage-deflate; client_max_window_bits",
    );
  });

  it("calls the provider functions with the context of the attempt", async () => {
    const contexts: AttemptContext[] = [];
    const server = await scene.listen();
    const client = scene.watch(
      async (context) => {
        contexts.push(context);
        await turns(1);
        return `${server.url}?attempt=${contexts.length}`;
      },
      {
        headers: async (context) => {
          contexts.push(context);
          await turns(2);
          return { Authorization: "Bearer fresh" };
        },
        subprotocols: (context) => {
          contexts.push(context);
          return ["a", "b"];
        },
      },
    );
    const connecting = client.ws.connect();
    const peer = (await server.client()).endWithClient();
    const request = await peer.accept({ fields: ["Sec-WebSocket-Protocol: b"] });
    await connecting;
    expect(request.requestLine).toBe("GET /feed?attempt=3 HTTP/1.1");
    expect(request.field("Authorization")).toBe("Bearer fresh");
    expect(request.field("Sec-WebSocket-Protocol")).toBe("a, b");
    expect(client.ws.subprotocol).toBe("b");
    expect(contexts).toHaveLength(3);
    for (const { attempt, lastReport, signal } of contexts) {
      expect([attempt, lastReport, signal.aborted]).toEqual([1, undefined, false]);
    }
  });

  it("calls the provider functions again after a failure, with the last report", async () => {
    const reports: (string | undefined)[] = [];
    const server = await scene.listen();
    const client = scene.watch(({ lastReport }) => {
      reports.push(lastReport?.verdict);
      return server.url;
    });
    const failing = client.ws.connect().catch(() => undefined);
    (await server.client()).endWithClient().send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    await failing;
    const connecting = client.ws.connect();
    await (await server.client()).endWithClient().accept();
    await connecting;
    expect(reports).toEqual([undefined, "server-error"]);
  });
});
