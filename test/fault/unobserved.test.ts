// Warnings for clients without listeners, and codecs that throw.
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

interface Unwatched {
  readonly ws: WebSocket;
  readonly peer: PeerSocket;
}

/** A client without listeners. */
async function openUnwatched(): Promise<Unwatched> {
  const server = await scene.listen();
  const ws = new WebSocket(server.url, { runtime: scene.counting.runtime, reconnect: false });
  const connecting = ws.connect();
  const peer = (await server.client()).endWithClient();
  await peer.accept();
  await connecting;
  return { ws, peer };
}

async function untilFailed({ ws, peer }: Unwatched): Promise<void> {
  await peer.untilGone();
  while (ws.state !== "failed") await turns(1);
}

describe("a fatal end", () => {
  it("emits one warning if nothing observes it", async () => {
    const warnings = watchWarnings();
    const unwatched = await openUnwatched();
    unwatched.peer.reset();
    await untilFailed(unwatched);
    expect(warnings()).toEqual([expect.any(ConnectionError)]);
    expect(warnings()[0]).toBe(unwatched.ws.lastReport?.error);
  });

  it("by a protocol violation emits one warning too", async () => {
    const warnings = watchWarnings();
    const unwatched = await openUnwatched();
    unwatched.peer.send(frame({ opcode: 3 }));
    await untilFailed(unwatched);
    expect(warnings()).toEqual([unwatched.ws.lastReport?.error]);
  });

  const observers: [name: string, observe: (ws: WebSocket) => unknown][] = [
    ["a listener of error", (ws) => ws.on("error", () => undefined)],
    ["a listener of closed", (ws) => ws.on("closed", () => undefined)],
    ["a once listener of closed", (ws) => ws.once("closed", () => undefined)],
    ["recv()", (ws) => ws.recv().catch(() => undefined)],
    ["run()", (ws) => ws.run().catch(() => undefined)],
    [
      "an iterator",
      (ws) =>
        ws[Symbol.asyncIterator]()
          .next()
          .catch(() => undefined),
    ],
    ["an iterator without next()", (ws) => ws[Symbol.asyncIterator]()],
  ];

  it.each(observers)("emits no warning if it is observed by %s", async (_name, observe) => {
    const warnings = watchWarnings();
    const unwatched = await openUnwatched();
    observe(unwatched.ws);
    unwatched.peer.reset();
    await untilFailed(unwatched);
    expect(warnings()).toEqual([]);
  });

  it("emits a warning if only listeners of other events exist", async () => {
    const warnings = watchWarnings();
    const unwatched = await openUnwatched();
    unwatched.ws.on("disconnected", () => undefined).on("message", () => undefined);
    unwatched.peer.reset();
    await untilFailed(unwatched);
    expect(warnings()).toHaveLength(1);
  });

  it("causes no unhandled rejection of a connect() that is not awaited if a listener is notified", async () => {
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

  it("causes no unhandled rejection of other calls that are not awaited", async () => {
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

describe("an end by terminate()", () => {
  it("emits no warning if nothing observes it", async () => {
    const warnings = watchWarnings();
    const { ws, peer } = await openUnwatched();
    ws.terminate();
    await peer.untilGone();
    while (ws.state !== "closed") await turns(1);
    expect(warnings()).toEqual([]);
  });
});

describe("a deserializer that throws", () => {
  it("drops only its message, and reports it as dropped, with recv() and with a listener", async () => {
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
    const [recorded] = client.all("error");
    expect(recorded).toMatchObject({ isFatal: false, error: { code: "DECODE_FAILED", cause: fault } });
    expect(recorded?.error).toBeInstanceOf(JetSocketError);

    const handled: unknown[] = [];
    ws.on("message", ({ data }) => handled.push(data));
    peer.send(textFrame("three"), textFrame("bad"), textFrame("four"));
    await client.until(() => client.all("dropped").length === 2);
    await ws.sendRaw("still here");
    expect(await peer.text()).toBe("still here");
    expect(handled).toEqual(["three", "four"]);
    expect(ws.stats()).toMatchObject({ messagesReceived: 6, messagesDropped: 2 });
  });

  it("may be the default one, which throws for invalid JSON", async () => {
    const { ws, peer } = await openUnwatched();
    const dropped: unknown[] = [];
    ws.on("dropped", ({ message }) => dropped.push(message));
    peer.send(textFrame("{"), textFrame('{"a":1}'), binaryFrame(Buffer.of(1)));
    expect(await ws.recv()).toEqual({ a: 1 });
    expect(await ws.recv()).toEqual(Buffer.of(1));
    expect(dropped).toEqual(["{"]);
    ws.terminate();
  });

  it("is not called if only rawMessage has a listener", async () => {
    let callCount = 0;
    const { ws, peer } = await scene.open({ deserializer: () => String(callCount++) });
    const raw = new Promise((resolve) => ws.on("rawMessage", resolve));
    peer.send(textFrame("as it came"));
    expect(await raw).toEqual({ data: "as it came", isBinary: false });
    expect(callCount).toBe(0);
  });
});

describe("a serializer that throws", () => {
  it("rejects only its own send", async () => {
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

  it("or returns a value that cannot be sent rejects only its own send", async () => {
    const { ws, peer } = await scene.open({ serializer: () => 7 as unknown as string });
    await expect(ws.send("x")).rejects.toBeInstanceOf(TypeError);
    await ws.sendRaw("good");
    expect(await peer.text()).toBe("good");
  });
});
