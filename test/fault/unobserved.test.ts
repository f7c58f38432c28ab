import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ConnectionError, JetSocketError, WebSocket } from "../../src/index.js";
import { turns } from "../support/dialling.js";
import { MemoryBlob } from "../support/memory-blob.js";
import { Scene } from "../support/scene.js";
import type { PeerSocket } from "../support/scripted-peer.js";
import { binaryFrame, frame, textFrame } from "../support/wire.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(async () => {
  vi.restoreAllMocks();
  await scene.finish();
});

function watchWarnings(): () => unknown[] {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
  return () => warn.mock.calls.map(([warning]) => warning);
}

interface Lonely {
  readonly ws: WebSocket;
  readonly peer: PeerSocket;
}

/** A client that nobody listens to. */
async function openUnwatched(): Promise<Lonely> {
  const server = await scene.listen();
  const ws = new WebSocket(server.url, { runtime: scene.counting.runtime, reconnect: false });
  const connecting = ws.connect();
  const peer = (await server.client()).endWithClient();
  await peer.accept();
  await connecting;
  return { ws, peer };
}

async function untilFailed({ ws, peer }: Lonely): Promise<void> {
  await peer.untilGone();
  while (ws.state !== "failed") await turns(1);
}

describe("a fatal end", () => {
  it("that nothing observes is one warning", async () => {
    const warnings = watchWarnings();
    const lonely = await openUnwatched();
    lonely.peer.reset();
    await untilFailed(lonely);
    expect(warnings()).toEqual([expect.any(ConnectionError)]);
    expect(warnings()[0]).toBe(lonely.ws.lastReport?.error);
  });

  it("by a violation is one too", async () => {
    const warnings = watchWarnings();
    const lonely = await openUnwatched();
    lonely.peer.send(frame({ opcode: 3 }));
    await untilFailed(lonely);
    expect(warnings()).toEqual([lonely.ws.lastReport?.error]);
  });

  const observers: [name: string, observe: (ws: WebSocket) => unknown][] = [
    ["a listener of error", (ws) => ws.on("error", () => undefined)],
    ["a listener of closed", (ws) => ws.on("closed", () => undefined)],
    ["a listener of closed for once", (ws) => ws.once("closed", () => undefined)],
    ["recv()", (ws) => ws.recv().catch(() => undefined)],
    ["run()", (ws) => ws.run().catch(() => undefined)],
    [
      "an iterator",
      (ws) =>
        ws[Symbol.asyncIterator]()
          .next()
          .catch(() => undefined),
    ],
    ["an iterator that nobody pulls", (ws) => ws[Symbol.asyncIterator]()],
  ];

  it.each(observers)("that %s observes is none", async (_name, observe) => {
    const warnings = watchWarnings();
    const lonely = await openUnwatched();
    observe(lonely.ws);
    lonely.peer.reset();
    await untilFailed(lonely);
    expect(warnings()).toEqual([]);
  });

  it("that only a listener of other events could have seen is a warning", async () => {
    const warnings = watchWarnings();
    const lonely = await openUnwatched();
    lonely.ws.on("disconnected", () => undefined).on("message", () => undefined);
    lonely.peer.reset();
    await untilFailed(lonely);
    expect(warnings()).toHaveLength(1);
  });

  it("of a connect() that is never awaited is no unhandled rejection where a listener is notified", async () => {
    const server = await scene.listen();
    const { url } = server;
    await server.close();
    const ws = new WebSocket(url, { runtime: scene.counting.runtime, reconnect: false });
    ws.on("closed", () => undefined);
    void ws.connect();
    void ws.run();
    while (ws.state !== "failed") await turns(1);
    await turns(5);
  });

  it("of calls that are never awaited is no unhandled rejection", async () => {
    const { ws, peer } = await openUnwatched();
    const iterator = ws[Symbol.asyncIterator]();
    void iterator.next();
    void iterator.next();
    void ws.recv();
    void ws.run();
    void ws.ping();
    void ws.flush();
    void ws.sendRaw(new MemoryBlob("x"));
    peer.reset();
    await untilFailed({ ws, peer });
    void iterator.next();
    void ws.recv();
    void ws.send("x");
    void ws.flush();
    await turns(5);
  });
});

describe("an end in good order", () => {
  it("that nothing observes is no warning", async () => {
    const warnings = watchWarnings();
    const { ws, peer } = await openUnwatched();
    ws.terminate();
    await peer.untilGone();
    while (ws.state !== "closed") await turns(1);
    expect(warnings()).toEqual([]);
  });
});

describe("a deserializer that throws", () => {
  it("costs its message alone, which is told as dropped, by every way of reading", async () => {
    const fault = new Error("not today");
    const { client, ws, peer } = await scene.open({
      deserializer: (data) => {
        if (data === "bad") throw fault;
        return data;
      },
    });
    peer.send(textFrame("one"), textFrame("bad"), textFrame("two"));
    expect([await ws.recv(), await ws.recv()]).toEqual(["one", "two"]);
    expect(client.all("dropped")).toEqual([{ direction: "in", message: "bad", cause: "decode" }]);
    const [told] = client.all("error");
    expect(told).toMatchObject({ isFatal: false, error: { code: "DECODE_FAILED", cause: fault } });
    expect(told?.error).toBeInstanceOf(JetSocketError);

    const handled: unknown[] = [];
    ws.on("message", ({ data }) => handled.push(data));
    peer.send(textFrame("three"), textFrame("bad"), textFrame("four"));
    await client.until(() => client.all("dropped").length === 2);
    await ws.sendRaw("still here");
    expect(await peer.text()).toBe("still here");
    expect(handled).toEqual(["three", "four"]);
    expect(ws.stats()).toMatchObject({ messagesReceived: 6, messagesDropped: 2 });
  });

  it("is what JSON that is none does by default", async () => {
    const { ws, peer } = await openUnwatched();
    const dropped: unknown[] = [];
    ws.on("dropped", ({ message }) => dropped.push(message));
    peer.send(textFrame("{"), textFrame('{"a":1}'), binaryFrame(Buffer.of(1)));
    expect(await ws.recv()).toEqual({ a: 1 });
    expect(await ws.recv()).toEqual(Buffer.of(1));
    expect(dropped).toEqual(["{"]);
    ws.terminate();
  });

  it("is not asked where only raw messages are listened to", async () => {
    let asked = 0;
    const { ws, peer } = await scene.open({ deserializer: () => String(asked++) });
    const raw = new Promise((resolve) => ws.on("rawMessage", resolve));
    peer.send(textFrame("as it came"));
    expect(await raw).toEqual({ data: "as it came", isBinary: false });
    expect(asked).toBe(0);
  });
});

describe("a serializer that throws", () => {
  it("costs its message alone", async () => {
    const fault = new Error("no such thing");
    const { client, ws, peer } = await scene.open({
      serializer: (value) => {
        if (value === "bad") throw fault;
        return value;
      },
    });
    await expect(ws.send("bad")).rejects.toBe(fault);
    expect(() => ws.trySend("bad")).toThrow(fault);
    await ws.send("good");
    expect(await peer.text()).toBe("good");
    expect(client.all("error")).toEqual([{ error: fault, isFatal: false }]);
    expect(ws.stats().messagesSent).toBe(1);
  });

  it("or gives what cannot be sent, does so too", async () => {
    const { ws, peer } = await scene.open({ serializer: () => 7 as unknown as string });
    await expect(ws.send("x")).rejects.toBeInstanceOf(TypeError);
    await ws.sendRaw("good");
    expect(await peer.text()).toBe("good");
  });
});
