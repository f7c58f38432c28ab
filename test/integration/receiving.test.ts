import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CloseError, InvalidStateError, TimeoutError } from "../../src/index.js";
import { turns } from "../support/dialling.js";
import { type Message, type Options, Scene, type Watching } from "../support/scene.js";
import type { PeerSocket } from "../support/scripted-peer.js";
import { binaryFrame, boundaryLengths, closeFrame, fragments, opcodes, pingFrame, textFrame } from "../support/wire.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene(true);
});

afterEach(() => scene.finish());

/** Sends texts in one segment, and waits until the client has dealt with them. */
async function send(peer: PeerSocket, ...texts: string[]): Promise<void> {
  const bytes = Buffer.concat(texts.map((text) => textFrame(text)));
  const size = scene.readSize;
  peer.send(bytes);
  await scene.untilRead(size + bytes.length);
}

/** Sends texts to a client that has paused: they stay with the kernel. */
function sendOnly(peer: PeerSocket, ...texts: string[]): void {
  peer.send(...texts.map((text) => textFrame(text)));
}

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index}`);

async function take(ws: Watching["ws"], count: number): Promise<Message[]> {
  const messages: Message[] = [];
  while (messages.length < count) messages.push(await ws.recv());
  return messages;
}

describe("a message", () => {
  it.each(boundaryLengths)("of %i bytes is the very one that was sent", async (length) => {
    const { ws, peer } = await scene.open();
    const bytes = Buffer.alloc(length, "é");
    const text = "x".repeat(length);
    peer.send(binaryFrame(bytes), textFrame(text), ...fragments(opcodes.binary, [bytes, "", bytes]));
    expect(await ws.recv()).toEqual(bytes);
    expect(await ws.recv()).toBe(text);
    expect(await ws.recv()).toEqual(Buffer.concat([bytes, bytes]));
  });

  it("of some megabytes comes whole, in any fragments", async () => {
    const { ws, peer } = await scene.open();
    const bytes = Buffer.alloc(3 * 1024 * 1024 + 1);
    for (let at = 0; at < bytes.length; at += 1024) bytes.writeUInt32BE(at, Math.min(at, bytes.length - 4));
    peer.send(binaryFrame(bytes));
    expect(bytes.equals((await ws.recv()) as Buffer)).toBe(true);
    const pieces = Array.from({ length: 100 }, (_, index) => bytes.subarray(index * 30_000, (index + 1) * 30_000));
    peer.send(...fragments(opcodes.binary, pieces));
    expect(Buffer.concat(pieces).equals((await ws.recv()) as Buffer)).toBe(true);
  });

  it("with a ping between its fragments comes whole, and the ping is answered first", async () => {
    const { ws, peer } = await scene.open();
    const [first, second] = fragments(opcodes.text, ["to", "gether"]);
    peer.send(first!, pingFrame("now"));
    expect((await peer.frame()).payload.toString()).toBe("now");
    peer.send(second!);
    expect(await ws.recv()).toBe("together");
  });

  it("in a Buffer is the receiver's own", async () => {
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
  it("gives what waits first, then what comes", async () => {
    const { ws, peer } = await scene.open();
    await send(peer, "1", "2");
    expect(await take(ws, 2)).toEqual(["1", "2"]);
    const waiting = [ws.recv(), ws.recv()];
    sendOnly(peer, "3", "4");
    expect(await Promise.all(waiting)).toEqual(["3", "4"]);
  });

  it("that times out or is aborted takes nothing", async () => {
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

  it("waits before the connection is open", async () => {
    const server = await scene.listen();
    const client = scene.watch(server.url);
    const receiving = client.ws.recv();
    const connecting = client.ws.connect();
    const peer = (await server.client()).endWithClient();
    await peer.accept({ behind: [textFrame("first")] });
    await connecting;
    expect(await receiving).toBe("first");
  });

  it("rejects with a CloseError once the connection was closed and nothing waits", async () => {
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
  it("ends with the connection, behind what waits", async () => {
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

  it("leaves the connection open by break, and the next loop goes on where it stopped", async () => {
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

  it("leaves the connection open by an error of the loop's own", async () => {
    const { ws, peer } = await scene.open();
    await send(peer, "1", "2");
    const looping = (async () => {
      for await (const message of ws) throw new Error(`no ${String(message)}`);
    })();
    await expect(looping).rejects.toThrow("no 1");
    expect(await ws.recv()).toBe("2");
  });

  it("is one at a time", async () => {
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
    expect(await Promise.all(calls)).toEqual([{ value: "1", done: false }, "2", { value: "3", done: false }, "4"]);
  });

  it("that is left while a next() waits ends that next(), and loses nothing", async () => {
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
  it("gets every message, and nothing waits for anybody", async () => {
    const { ws, peer } = await scene.open();
    const handled: Message[] = [];
    ws.on("message", ({ data }) => handled.push(data));
    await send(peer, "1", "2");
    expect(handled).toEqual(["1", "2"]);
    expect(ws.stats().messagesWaiting).toBe(0);
  });

  it("that comes late gets what waits before anything newer", async () => {
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

  it("and an open iterator get each message both", async () => {
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

  it("and a recv() that waits get one message both", async () => {
    const { ws, peer } = await scene.open();
    const handled: Message[] = [];
    ws.on("message", ({ data }) => handled.push(data));
    const receiving = ws.recv();
    await send(peer, "1", "2");
    expect(await receiving).toBe("1");
    expect(handled).toEqual(["1", "2"]);
    expect(ws.stats().messagesWaiting).toBe(0);
  });

  it("for once sees one message and takes none from the others", async () => {
    const { ws, peer } = await scene.open();
    const handled: Message[] = [];
    ws.once("message", ({ data }) => handled.push(data));
    await send(peer, "1", "2");
    expect(handled).toEqual(["1"]);
    expect(await take(ws, 2)).toEqual(["1", "2"]);
  });

  it("that is taken off lets messages wait again", async () => {
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

  it("that comes late while another one has had what waits gets it, and the other one not again", async () => {
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

describe("back-pressure", () => {
  async function openWithReader(options: Options) {
    const opened = await scene.open(options);
    const first = opened.ws.recv();
    sendOnly(opened.peer, "0");
    expect(await first).toBe("0");
    return opened;
  }

  it("pauses the socket at capacity, and resumes it at half", async () => {
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

  it("pauses by bytes too, and lets one message of any size in", async () => {
    const { client, ws, peer } = await openWithReader({ buffer: { maxBytes: 1_000 } });
    await send(peer, "x".repeat(5_000));
    await client.event("paused");
    expect(ws.stats().messagesWaiting).toBe(1);
    sendOnly(peer, "next");
    expect(await take(ws, 2)).toEqual(["x".repeat(5_000), "next"]);
  });

  it("leaves no more in memory than the inbox and one read, whatever the peer sends", async () => {
    const { client, ws, peer } = await openWithReader({ buffer: 10 });
    const count = 2_000;
    const message = "x".repeat(10_000);
    peer.send(...Array.from({ length: count }, () => textFrame(message)));
    await client.event("paused");
    await turns(10);
    expect(scene.readSize).toBeLessThan(2 * 256 * 1024 + 1_000);
    for (let index = 0; index < count; index++) expect((await ws.recv()).length).toBe(10_000);
    expect(ws.stats()).toMatchObject({ messagesReceived: count + 1, messagesDropped: 0 });
  });

  it("answers nothing and fails nothing behind the frame at which it pauses", async () => {
    const { client, ws, peer } = await openWithReader({ buffer: 2 });
    const behind = [pingFrame("later"), textFrame("3")];
    peer.send(textFrame("1"), textFrame("2"), ...behind);
    await client.event("paused");
    await turns(3);
    expect(client.all("ping")).toEqual([]);
    expect(await take(ws, 3)).toEqual(["1", "2", "3"]);
    expect((await peer.frame()).payload.toString()).toBe("later");
  });

  it("over TLS holds as well", async () => {
    const server = await scene.listen({ isSecure: true });
    const { client, ws, peer } = await scene.open({ buffer: 4, tls: { ca: server.ca } }, { server });
    const first = ws.recv();
    sendOnly(peer, ...numbers(0, 99));
    expect(await first).toBe("0");
    await client.event("paused");
    await turns(3);
    expect(ws.stats().messagesWaiting).toBe(4);
    expect(await take(ws, 99)).toEqual(numbers(1, 99));
  });

  it("is reported", async () => {
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
    expect(report.events.map(({ name }) => name)).toEqual(["connecting", "connected", "paused", "resumed", "closing"]);
  });

  it("ends after 30 s in which nobody reads, so that the peer's Close is seen; the newest are kept", async () => {
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

  it("does not end so while a loop is open", async () => {
    const { client, ws, peer } = await openWithReader({ buffer: 3 });
    await send(peer, ...numbers(1, 3));
    const iterator = ws[Symbol.asyncIterator]();
    sendOnly(peer, ...numbers(4, 6));
    scene.clock.advance(10 * 30_000);
    expect(client.all("resumed")).toEqual([]);
    for (const text of numbers(1, 6)) expect((await iterator.next()).value).toBe(text);
    expect(client.all("dropped")).toEqual([]);
  });

  it("does not end so while recv() is called now and then", async () => {
    const { client, ws, peer } = await openWithReader({ buffer: 8 });
    await send(peer, ...numbers(1, 8));
    for (const text of ["1", "2", "3"]) {
      scene.clock.advance(29_000);
      expect(await ws.recv()).toBe(text);
    }
    expect(client.all("resumed")).toEqual([]);
  });
});

describe("until the first reader", () => {
  it("the newest are kept, the oldest go and are told, and nothing is paused", async () => {
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
  ] as const)("%s tells each message that it drops", async (overflow, dropped, kept) => {
    const { client, ws, peer } = await scene.open({ buffer: { capacity: 3, overflow } });
    const first = ws.recv();
    await send(peer, ...numbers(0, 7));
    expect(await first).toBe("0");
    expect(client.all("dropped").map(({ message }) => message)).toEqual(dropped);
    expect(await take(ws, 3)).toEqual(kept);
    expect(client.all("paused")).toEqual([]);
  });
});
