import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { WebSocket } from "../../src/ws/index.js";
import type { Peer } from "../support/ws-peer.js";
import { acceptance, closeFrame, serverFrame } from "../support/ws-peer.js";
import { wsScene } from "./scene.js";

const scene = wsScene();

const respond =
  (...lines: readonly string[]) =>
  async (peer: Peer): Promise<void> => {
    await peer.request();
    peer.socket.end([...lines, "", ""].join("\r\n"));
  };

// The comparison with the package `ws` covers what both classes do.

describe("the end", () => {
  it("of a lost connection makes send() call back with an error in the same turn", async () => {
    const ws = new WebSocket(scene.url, { perMessageDeflate: false });
    await once(ws, "open");
    const closed = once(ws, "close");
    scene.server.peers[0]!.socket.resetAndDestroy();
    const errors: unknown[] = [];
    while (ws.readyState === WebSocket.OPEN) {
      ws.send("x", (error) => {
        if (error !== undefined) errors.push(error.message);
      });
      await new Promise(setImmediate);
    }
    await closed;
    for (const message of errors) expect(message).not.toContain("(OPEN)");
    ws.send("late", (error) => errors.push(error?.message));
    await new Promise(setImmediate);
    expect(errors.at(-1)).toBe("WebSocket is not open: readyState 3 (CLOSED)");
  });

  it("by terminate() in a listener of message drops the messages that were read already", async () => {
    scene.script = async (peer) => {
      await peer.accept();
      peer.write(serverFrame(1, "one"), serverFrame(1, "two"));
    };
    const ws = new WebSocket(scene.url);
    const got: string[] = [];
    ws.on("message", (data) => {
      got.push((data as Buffer).toString());
      ws.terminate();
    });
    await once(ws, "close");
    expect(got).toEqual(["one"]);
  });

  it("is emitted even if nothing listens to the error, which is an uncaught exception", async () => {
    scene.script = respond("HTTP/1.1 500 No", "Content-Length: 0");
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    try {
      const caught = new Promise((resolve) => process.once("uncaughtException", resolve));
      const ws = new WebSocket(scene.url);
      const closed = new Promise((resolve) => ws.on("close", resolve));
      expect(await closed).toBe(1006);
      expect(await caught).toMatchObject({ message: "Unexpected server response: 500" });
    } finally {
      for (const other of others) process.on("uncaughtException", other);
    }
  });

  it("waits for the messages of allowSynchronousEvents: false", async () => {
    scene.script = async (peer) => {
      await peer.accept();
      peer.write(serverFrame(1, "one"), serverFrame(1, "two"), closeFrame(1000));
      await peer.ended();
      peer.socket.end();
    };
    const ws = new WebSocket(scene.url, { allowSynchronousEvents: false });
    const log: unknown[] = [];
    ws.on("message", (data) => log.push((data as Buffer).toString(), ws.readyState));
    ws.on("close", () => log.push("close"));
    await once(ws, "close");
    expect(log).toEqual(["one", 1, "two", 1, "close"]);
  });
});

describe("a message in the packet of the response", () => {
  it("waits for a program that awaits the event open", async () => {
    scene.script = async (peer) => {
      const head = await peer.request();
      peer.write(
        acceptance(head),
        serverFrame(9, "p"),
        serverFrame(1, "one"),
        serverFrame(1, "two"),
        closeFrame(1000),
      );
      await peer.ended();
      peer.socket.end();
    };
    const ws = new WebSocket(scene.url);
    await once(ws, "open");
    await Promise.resolve();
    const log: unknown[] = [];
    ws.on("ping", () => log.push("ping", ws.readyState));
    ws.on("message", (data) => log.push((data as Buffer).toString(), ws.readyState));
    await once(ws, "close");
    expect(log).toEqual(["ping", 1, "one", 1, "two", 1]);
  });

  it("is not emitted after terminate()", async () => {
    scene.script = async (peer) => {
      const head = await peer.request();
      peer.write(acceptance(head), serverFrame(1, "one"));
    };
    const ws = new WebSocket(scene.url);
    let count = 0;
    ws.on("message", () => count++);
    await once(ws, "open");
    ws.terminate();
    await once(ws, "close");
    expect(count).toBe(0);
  });
});

describe("a redirect", () => {
  it("keeps the header fields that a listener leaves", async () => {
    scene.script = (peer, index) =>
      index === 0
        ? respond(
            "HTTP/1.1 302 Found",
            `Location: ${scene.url.replace("127.0.0.1", "localhost")}`,
            "Content-Length: 0",
          )(peer)
        : peer.accept();
    const ws = new WebSocket(scene.url, {
      followRedirects: true,
      headers: { Cookie: "c", Authorization: "a" },
    });
    ws.on("redirect", (_url, request) => {
      request.removeHeader("authorization");
      request.setHeader("X-New", "1");
    });
    await once(ws, "open");
    const { head } = scene.server.peers[1]!;
    expect([/cookie: c/i.test(head), /authorization/i.test(head), /x-new: 1/i.test(head)]).toEqual([
      true,
      false,
      true,
    ]);
    const closed = once(ws, "close");
    ws.terminate();
    await closed;
  });

  it("is not followed if the listener destroys the request", async () => {
    scene.script = respond("HTTP/1.1 302 Found", "Location: /x", "Content-Length: 0");
    const ws = new WebSocket(scene.url, { followRedirects: true });
    ws.on("redirect", (_url, request) => request.destroy(new Error("mine")));
    const closed = new Promise((resolve) => ws.on("close", resolve));
    const [error] = (await once(ws, "error")) as [Error];
    expect([error.message, await closed, scene.server.peers.length]).toEqual(["mine", 1006, 1]);
  });
});

describe("an unexpected response", () => {
  it("has the name of its status, its raw fields and the event close", async () => {
    scene.script = respond("HTTP/1.1 404 x", "X-A: secret", "Content-Length: 0");
    const ws = new WebSocket(scene.url);
    ws.on("error", () => undefined);
    const [, response] = await new Promise<unknown[]>((resolve) =>
      ws.on("unexpected-response", (...values) => resolve(values)),
    ).then((values) => values as [unknown, import("node:http").IncomingMessage]);
    expect([response.statusCode, response.statusMessage, response.rawHeaders]).toEqual([
      404,
      "Not Found",
      ["X-A", "secret", "Content-Length", "0"],
    ]);
    response.resume();
    await once(response, "close");
    expect(ws.readyState).toBe(WebSocket.CONNECTING);
    const closed = new Promise((resolve) => ws.on("close", resolve));
    ws.close();
    expect(await closed).toBe(1006);
  });
});
