// recv(), for await and message handlers over real sockets, without faults.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CloseError, InvalidStateError, TimeoutError } from "../../src/index.js";
import { type Message, Scene, type RecordedClient } from "../support/scene.js";
import type { PeerSocket } from "../support/scripted-peer.js";
import {
  binaryFrame,
  boundaryLengths,
  closeFrame,
  fragments,
  opcodes,
  pingFrame,
  textFrame,
} from "../support/wire.js";

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

/** Sends texts and does not wait for the client to read them. */
function sendOnly(peer: PeerSocket, ...texts: string[]): void {
  peer.send(...texts.map((text) => textFrame(text)));
}

async function take(ws: RecordedClient["ws"], count: number): Promise<Message[]> {
  const messages: Message[] = [];
  while (messages.length < count) messages.push(await ws.recv());
  return messages;
}

describe("a message", () => {
  it.each(boundaryLengths)("of %i bytes is received unchanged", async (length) => {
    const { ws, peer } = await scene.open();
    const bytes = Buffer.alloc(length, "é");
    const text = "x".repeat(length);
    peer.send(binaryFrame(bytes), textFrame(text), ...fragments(opcodes.binary, [bytes, "", bytes]));
    expect(bytes.equals((await ws.recv()) as Buffer)).toBe(true);
    expect(await ws.recv()).toBe(text);
    expect(Buffer.concat([bytes, bytes]).equals((await ws.recv()) as Buffer)).toBe(true);
  });

  it("of 3 MiB is received unchanged, also in 100 fragments", async () => {
    const { ws, peer } = await scene.open();
    const bytes = Buffer.alloc(3 * 1024 * 1024 + 1);
    for (let at = 0; at < bytes.length; at += 1024) bytes.writeUInt32BE(at, Math.min(at, bytes.length - 4));
    peer.send(binaryFrame(bytes));
    expect(bytes.equals((await ws.recv()) as Buffer)).toBe(true);
    const pieces = Array.from({ length: 100 }, (_, index) =>
      bytes.subarray(index * 30_000, (index + 1) * 30_000),
    );
    peer.send(...fragments(opcodes.binary, pieces));
    expect(Buffer.concat(pieces).equals((await ws.recv()) as Buffer)).toBe(true);
  });

  it("with a ping between its fragments is complete, and the ping is answered first", async () => {
    const { ws, peer } = await scene.open();
    const [first, second] = fragments(opcodes.text, ["to", "gether"]);
    peer.send(first!, pingFrame("now"));
    expect((await peer.frame()).payload.toString()).toBe("now");
    peer.send(second!);
    expect(await ws.recv()).toBe("together");
  });

  it("in a Buffer does not share memory with later messages", async () => {
    const { ws, peer } = await scene.open();
    peer.send(binaryFrame(Buffer.of(1, 2, 3)));
    const first = (await ws.recv()) as Buffer;
    peer.send(...Array.from({ length: 50 }, () => binaryFrame(Buffer.alloc(3, 9))));
    await take(ws, 50);
    expect(first).toEqual(Buffer.of(1, 2, 3));
    first.fill(7);
    peer.send(binaryFrame(Buffer.of(4)));
    expect(await ws.recv()).toEqual(Buffer.of(4));
  });
});

describe("recv()", () => {
  it("returns buffered messages first, then new ones", async () => {
    const { ws, peer } = await scene.open();
    await send(peer, "1", "2");
    expect(await take(ws, 2)).toEqual(["1", "2"]);
    const waiting = [ws.recv(), ws.recv()];
    sendOnly(peer, "3", "4");
    expect(await Promise.all(waiting)).toEqual(["3", "4"]);
  });

  it("that times out or is aborted consumes no message", async () => {
    const { ws, peer } = await scene.open();
    const timed = ws.recv({ timeout: 5_000 });
    const aborter = new AbortController();
    const aborted = ws.recv({ signal: aborter.signal });
    const patient = ws.recv();
    scene.clock.advance(5_000);
    await expect(timed).rejects.toBeInstanceOf(TimeoutError);
    await expect(timed).rejects.toMatchObject({ operation: "recv", timeoutMs: 5_000 });
    const reason = new Error("enough");
    aborter.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    await expect(ws.recv({ signal: aborter.signal })).rejects.toBe(reason);
    sendOnly(peer, "1", "2");
    expect([await patient, await ws.recv()]).toEqual(["1", "2"]);
    expect(scene.counting.openTimers).toBe(0);
  });

  it("may have thousands of pending calls, which are resolved in order", async () => {
    const { ws, peer } = await scene.open();
    const many = 2_000;
    const aborter = new AbortController();
    const aborted = Array.from({ length: many }, () => ws.recv({ signal: aborter.signal }));
    const served = Array.from({ length: many }, () => ws.recv());
    const reason = new Error("enough");
    aborter.abort(reason);
    expect((await Promise.allSettled(aborted)).every(({ status }) => status === "rejected")).toBe(true);
    peer.send(Buffer.concat(Array.from({ length: many }, (_, index) => textFrame(`${index}`))));
    const texts = await Promise.all(served);
    expect([texts[0], texts.at(-1)]).toEqual(["0", `${many - 1}`]);
  });

  it("may be called before the connection is open", async () => {
    const server = await scene.listen();
    const client = scene.watch(server.url);
    const receiving = client.ws.recv();
    const connecting = client.ws.connect();
    const peer = (await server.client()).endWithClient();
    await peer.accept({ followedBy: [textFrame("first")] });
    await connecting;
    expect(await receiving).toBe("first");
  });

  it("rejects with a CloseError after the connection has closed and no message is buffered", async () => {
    const { client, ws, peer } = await scene.open();
    await send(peer, "1", "2");
    peer.send(closeFrame(1000, "done"));
    await peer.untilClose();
    peer.end();
    await client.event("closed");
    expect(await take(ws, 2)).toEqual(["1", "2"]);
    await expect(ws.recv()).rejects.toBeInstanceOf(CloseError);
    await expect(ws.recv()).rejects.toMatchObject({ report: { codeReceived: 1000, reason: "done" } });
  });
});

describe("for await", () => {
  it("ends with the connection, after the buffered messages", async () => {
    const { ws, peer } = await scene.open();
    await send(peer, "1", "2");
    peer.send(textFrame("3"), closeFrame(1001));
    peer.endWithClient();
    const received: Message[] = [];
    for await (const message of ws) received.push(message);
    expect(received).toEqual(["1", "2", "3"]);
    for await (const message of ws) received.push(message);
    expect(received).toHaveLength(3);
  });

  it("leaves the connection open after break, and the next loop continues at the next message", async () => {
    const { ws, peer } = await scene.open();
    await send(peer, "1", "2", "3", "4");
    for await (const message of ws) if (message === "2") break;
    expect(ws.state).toBe("connected");
    expect(await ws.recv()).toBe("3");
    sendOnly(peer, "5");
    const received: Message[] = [];
    for await (const message of ws) {
      received.push(message);
      if (message === "5") break;
    }
    expect(received).toEqual(["4", "5"]);
  });

  it("leaves the connection open when the loop body throws", async () => {
    const { ws, peer } = await scene.open();
    await send(peer, "1", "2");
    const looping = (async () => {
      for await (const message of ws) throw new Error(`no ${String(message)}`);
    })();
    await expect(looping).rejects.toThrow("no 1");
    expect(await ws.recv()).toBe("2");
  });

  it("allows only one loop at a time", async () => {
    const { ws, peer } = await scene.open();
    const first = ws[Symbol.asyncIterator]();
    const looping = (async () => {
      for await (const message of ws) expect(message).toBe("never");
    })();
    await expect(looping).rejects.toBeInstanceOf(InvalidStateError);
    const next = first.next();
    sendOnly(peer, "1");
    expect(await next).toEqual({ value: "1", done: false });
    await first.return?.();
    const second = ws[Symbol.asyncIterator]();
    sendOnly(peer, "2");
    expect(await second.next()).toEqual({ value: "2", done: false });
    expect(await first.next()).toEqual({ value: undefined, done: true });
  });

  it("shares the messages with recv() in the order of the calls", async () => {
    const { ws, peer } = await scene.open();
    const iterator = ws[Symbol.asyncIterator]();
    const calls = [iterator.next(), ws.recv(), iterator.next(), ws.recv()];
    sendOnly(peer, "1", "2", "3", "4");
    expect(await Promise.all(calls)).toEqual([
      { value: "1", done: false },
      "2",
      { value: "3", done: false },
      "4",
    ]);
  });

  it("ends a pending next() on return(), and loses no message", async () => {
    const { ws, peer } = await scene.open();
    const iterator = ws[Symbol.asyncIterator]();
    const waiting = iterator.next();
    await iterator.return?.();
    expect(await waiting).toEqual({ value: undefined, done: true });
    sendOnly(peer, "1");
    expect(await ws.recv()).toBe("1");
  });
});

describe("a message handler", () => {
  it("receives every message, and none is buffered", async () => {
    const { ws, peer } = await scene.open();
    const handled: Message[] = [];
    ws.on("message", ({ data }) => handled.push(data));
    await send(peer, "1", "2");
    expect(handled).toEqual(["1", "2"]);
    expect(ws.stats().messagesWaiting).toBe(0);
  });

  it("that is added later receives the buffered messages before newer ones", async () => {
    const { ws, peer } = await scene.open();
    await send(peer, "1", "2");
    const handled: Message[] = [];
    const raw: (string | Buffer)[] = [];
    ws.on("message", ({ data }) => handled.push(data));
    ws.on("rawMessage", ({ data }) => raw.push(data));
    expect(handled).toEqual([]);
    await send(peer, "3");
    expect(handled).toEqual(["1", "2", "3"]);
    expect(raw).toEqual(["1", "2", "3"]);
    expect(ws.stats().messagesWaiting).toBe(0);
  });

  it("and an open iterator both receive each message", async () => {
    const { ws, peer } = await scene.open();
    const handled: Message[] = [];
    ws.on("message", ({ data }) => handled.push(data));
    const iterator = ws[Symbol.asyncIterator]();
    await send(peer, "1", "2");
    expect([(await iterator.next()).value, (await iterator.next()).value]).toEqual(["1", "2"]);
    expect(handled).toEqual(["1", "2"]);
    await iterator.return?.();
    await send(peer, "3");
    expect(handled).toEqual(["1", "2", "3"]);
    expect(ws.stats().messagesWaiting).toBe(0);
  });

  it("and a pending recv() both receive the message", async () => {
    const { ws, peer } = await scene.open();
    const handled: Message[] = [];
    ws.on("message", ({ data }) => handled.push(data));
    const receiving = ws.recv();
    await send(peer, "1", "2");
    expect(await receiving).toBe("1");
    expect(handled).toEqual(["1", "2"]);
    expect(ws.stats().messagesWaiting).toBe(0);
  });

  it("added with once() receives one message, which other readers receive too", async () => {
    const { ws, peer } = await scene.open();
    const handled: Message[] = [];
    ws.once("message", ({ data }) => handled.push(data));
    await send(peer, "1", "2");
    expect(handled).toEqual(["1"]);
    expect(await take(ws, 2)).toEqual(["1", "2"]);
  });

  it("that is removed lets messages be buffered again", async () => {
    const { ws, peer } = await scene.open();
    const handled: Message[] = [];
    const listener = ({ data }: { readonly data: Message }): void => void handled.push(data);
    ws.on("message", listener);
    await send(peer, "1");
    ws.off("message", listener);
    await send(peer, "2");
    expect(handled).toEqual(["1"]);
    expect(await ws.recv()).toBe("2");
  });

  it("that is added later receives messages buffered for an iterator, and an older handler not again", async () => {
    const { ws, peer } = await scene.open();
    const first: Message[] = [];
    const second: Message[] = [];
    ws.on("message", ({ data }) => first.push(data));
    const iterator = ws[Symbol.asyncIterator]();
    await send(peer, "1", "2");
    await iterator.return?.();
    ws.on("message", ({ data }) => second.push(data));
    await send(peer, "3");
    expect(first).toEqual(["1", "2", "3"]);
    expect(second).toEqual(["1", "2", "3"]);
  });
});
