// Pausing and resuming of reading, and the overflow modes of the inbox. Real sockets, virtual clock.
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { turns } from "../support/dialling.js";
import { type Message, type Options, Scene, type RecordedClient } from "../support/scene.js";
import type { PeerSocket } from "../support/scripted-peer.js";
import { closeFrame, pingFrame, textFrame } from "../support/wire.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene(true);
});

afterEach(() => scene.finish());

/** Sends texts in one segment and waits until the client has processed them. */
async function send(peer: PeerSocket, ...texts: string[]): Promise<void> {
  const bytes = Buffer.concat(texts.map((text) => textFrame(text)));
  const size = scene.readSize;
  peer.send(bytes);
  await scene.untilRead(size + bytes.length);
}

/** Sends texts to a client that may be paused: does not wait for the client to read them. */
function sendOnly(peer: PeerSocket, ...texts: string[]): void {
  peer.send(...texts.map((text) => textFrame(text)));
}

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index}`);

async function take(ws: RecordedClient["ws"], count: number): Promise<Message[]> {
  const messages: Message[] = [];
  while (messages.length < count) messages.push(await ws.recv());
  return messages;
}

describe("back-pressure", () => {
  async function openWithReader(options: Options) {
    const opened = await scene.open(options);
    const first = opened.ws.recv();
    sendOnly(opened.peer, "0");
    expect(await first).toBe("0");
    return opened;
  }

  it("pauses the socket at capacity and resumes it at half of the capacity", async () => {
    const { client, ws, peer } = await openWithReader({ buffer: 4 });
    await send(peer, ...numbers(1, 4));
    expect(client.all("paused")).toHaveLength(1);
    const { readSize } = scene;
    sendOnly(peer, ...numbers(5, 9));
    await turns(5);
    expect(scene.readSize).toBe(readSize);
    expect(ws.stats().messagesWaiting).toBe(4);
    expect(await ws.recv()).toBe("1");
    expect(client.all("resumed")).toHaveLength(0);
    expect(await ws.recv()).toBe("2");
    expect(client.all("resumed")).toHaveLength(1);
    expect(await take(ws, 7)).toEqual(numbers(3, 9));
    expect(client.all("dropped")).toEqual([]);
  });

  it("pauses at maxBytes too, and accepts one message of any size", async () => {
    const { client, ws, peer } = await openWithReader({ buffer: { maxBytes: 1_000 } });
    await send(peer, "x".repeat(5_000));
    await client.event("paused");
    expect(ws.stats().messagesWaiting).toBe(1);
    sendOnly(peer, "next");
    expect(await take(ws, 2)).toEqual(["x".repeat(5_000), "next"]);
  });

  it("limits memory to the inbox and one read, regardless of what the peer sends", async () => {
    const { client, ws, peer } = await openWithReader({ buffer: 10 });
    const count = 2_000;
    const message = "x".repeat(10_000);
    peer.send(...Array.from({ length: count }, () => textFrame(message)));
    await client.event("paused");
    await turns(10);
    expect(scene.readSize).toBeLessThan(2 * 1024 * 1024 + 1_000);
    for (let index = 0; index < count; index++) expect((await ws.recv()).length).toBe(10_000);
    expect(ws.stats()).toMatchObject({ messagesReceived: count + 1, messagesDropped: 0 });
  });

  it("does not process the frames after the one at which it pauses", async () => {
    const { client, ws, peer } = await openWithReader({ buffer: 2 });
    const followedBy = [pingFrame("later"), textFrame("3")];
    peer.send(textFrame("1"), textFrame("2"), ...followedBy);
    await client.event("paused");
    await turns(3);
    expect(client.all("ping")).toEqual([]);
    expect(await take(ws, 3)).toEqual(["1", "2", "3"]);
    expect((await peer.frame()).payload.toString()).toBe("later");
  });

  it.each(["TCP", "TLS", "a caller's stream"])("over %s leaves unread bytes in the kernel", async (kind) => {
    const server = await scene.listen({ isSecure: kind === "TLS" });
    const createConnection = () => connect(server.port, "127.0.0.1");
    const options = kind.startsWith("T") ? { tls: { ca: server.ca } } : { createConnection };
    const { client, ws, peer } = await scene.open({ buffer: 4, ...options }, { server });
    const first = ws.recv();
    sendOnly(peer, ...numbers(0, 99), "x".repeat(32 * 1024 * 1024));
    expect(await first).toBe("0");
    await client.event("paused");
    let before = -1;
    while (before !== peer.socket.writableLength) {
      before = peer.socket.writableLength;
      await turns(20);
    }
    expect(before).toBeGreaterThan(16 * 1024 * 1024);
    expect(ws.stats().messagesWaiting).toBe(4);
    expect(await take(ws, 99)).toEqual(numbers(1, 99));
    expect((await ws.recv()).length).toBe(32 * 1024 * 1024);
  });

  it("ends at once if a listener of `paused` reads, and leaves no timer", async () => {
    const { client, ws, peer } = await openWithReader({ buffer: 2 });
    const received: Message[] = [];
    ws.on("paused", () => {
      for (let count = 0; count < 2; count++) void ws.recv().then((message) => received.push(message));
    });
    await send(peer, ...numbers(1, 4));
    while (received.length < 4) await turns(1);
    expect(received).toEqual(numbers(1, 4));
    expect(client.story.slice(4)).toEqual(["paused", "resumed", "paused", "resumed"]);
    expect(scene.counting.openTimers).toBe(0);
  });

  it("is recorded in the close report", async () => {
    const { client, ws, peer } = await openWithReader({ buffer: 2 });
    sendOnly(peer, "1", "2", "3");
    await client.event("paused");
    scene.clock.advance(700);
    expect(await take(ws, 3)).toEqual(["1", "2", "3"]);
    const closing = ws.close();
    await peer.untilClose();
    peer.end();
    await closing;
    const { report } = await client.event("closed");
    expect(report.pausedMs).toBe(700);
    expect(report.events.map(({ name }) => name)).toEqual([
      "connecting",
      "connected",
      "paused",
      "resumed",
      "closing",
    ]);
  });

  it("ends after 30 s without a reader, so that the peer's Close is processed; the newest messages are kept", async () => {
    const { client, ws, peer } = await openWithReader({ buffer: 3 });
    await send(peer, ...numbers(1, 3));
    await client.event("paused");
    sendOnly(peer, ...numbers(4, 8));
    peer.send(closeFrame(1000));
    peer.endWithClient();
    scene.clock.advance(29_999);
    expect(client.all("resumed")).toEqual([]);
    scene.clock.advance(1);
    expect(client.all("resumed")).toHaveLength(1);
    await client.event("closed");
    expect(await take(ws, 3)).toEqual(numbers(6, 8));
    expect(client.all("dropped").map(({ message, cause }) => [message, cause])).toEqual(
      numbers(1, 5).map((text) => [text, "overflow"]),
    );
  });

  it("does not end after 30 s while an iterator is open", async () => {
    const { client, ws, peer } = await openWithReader({ buffer: 3 });
    await send(peer, ...numbers(1, 3));
    const iterator = ws[Symbol.asyncIterator]();
    sendOnly(peer, ...numbers(4, 6));
    scene.clock.advance(10 * 30_000);
    expect(client.all("resumed")).toEqual([]);
    for (const text of numbers(1, 6)) expect((await iterator.next()).value).toBe(text);
    expect(client.all("dropped")).toEqual([]);
  });

  it("does not end after 30 s while recv() is called at intervals", async () => {
    const { client, ws, peer } = await openWithReader({ buffer: 8 });
    await send(peer, ...numbers(1, 8));
    for (const text of ["1", "2", "3"]) {
      scene.clock.advance(29_000);
      expect(await ws.recv()).toBe(text);
    }
    expect(client.all("resumed")).toEqual([]);
  });
});

describe("before the first reader", () => {
  it("the newest messages are kept, the oldest are reported as dropped, and reading is not paused", async () => {
    const { client, ws, peer } = await scene.open({ buffer: 3 });
    await send(peer, ...numbers(1, 10));
    expect(client.all("paused")).toEqual([]);
    expect(client.all("dropped").map(({ message, cause }) => [message, cause])).toEqual(
      numbers(1, 7).map((text) => [text, "overflow"]),
    );
    expect(await take(ws, 3)).toEqual(numbers(8, 10));
    expect(ws.stats()).toMatchObject({ messagesReceived: 10, messagesDropped: 7 });
  });

  it("a client that only sends is never paused", async () => {
    const { client, ws, peer } = await scene.open({ buffer: 3 });
    await send(peer, ...numbers(1, 1_000));
    await ws.sendRaw("still sending");
    expect(await peer.text()).toBe("still sending");
    expect(client.all("paused")).toEqual([]);
  });
});

describe("overflow", () => {
  it.each([
    ["dropOldest", numbers(1, 4), numbers(5, 7)],
    ["dropNewest", numbers(4, 7), numbers(1, 3)],
  ] as const)("%s reports each message that it drops", async (overflow, dropped, kept) => {
    const { client, ws, peer } = await scene.open({ buffer: { capacity: 3, overflow } });
    const first = ws.recv();
    await send(peer, ...numbers(0, 7));
    expect(await first).toBe("0");
    expect(client.all("dropped").map(({ message }) => message)).toEqual(dropped);
    expect(await take(ws, 3)).toEqual(kept);
    expect(client.all("paused")).toEqual([]);
  });
});
