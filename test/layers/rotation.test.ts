import { describe, expect, it, vi } from "vitest";
import { ProtocolError } from "../../protocol/index.js";
import { LiveConnection } from "../../src/connection/live-connection.js";
import { never } from "../support/never.js";
import { steps } from "../support/cases.js";
import { MemoryBlob } from "../support/memory-blob.js";
import type { Message, Options, RecordedClient } from "../support/scene.js";
import type { VirtualLink } from "../support/virtual-link.js";
import { closeFrame, textFrame } from "../support/wire.js";
import { closeOf, LayerScene, numbered, range, sequence, storyOf, textsOf, settled } from "./layer-scene.js";
import { NumberedFeed } from "./numbered-feed.js";

const replay = { sequence: (message: Message): number | undefined => numberOf(message) };
const numberOf = (message: Message): number | undefined =>
  String(message).startsWith("default:") ? sequence(message) : undefined;

/** A client that rotates with both connections open. */
const overlapping: Options = { replay };

function read(client: RecordedClient): string[] {
  const messages: string[] = [];
  client.ws.on("message", ({ data }) => void messages.push(String(data)));
  return messages;
}

/** The first connection accepts no more bytes, and half of a large message is written. */
async function writeHalf(scene: LayerScene, ws: RecordedClient["ws"], link: VirtualLink): Promise<void> {
  link.peer.takesWrites = false;
  void ws.send("A".repeat(100_000));
  await scene.pass();
  link.peer.take(50_000);
  await scene.pass();
}

async function takeAll(scene: LayerScene, link: VirtualLink): Promise<void> {
  link.peer.takesWrites = true;
  link.peer.take();
  await scene.pass();
}

describe("overlap", () => {
  it("opens the second, moves the writer, closes the first with the reason, and reads the first until its Close", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient(overlapping);
    const [story, messages] = [storyOf(ws), read(client)];
    link.send(...numbered(1, 3));
    await scene.pass();
    const rotated = ws.rotate("older than a day");
    const second = await scene.second();
    void ws.send("to the second");
    await scene.pass();
    expect([textsOf(link), textsOf(second)]).toEqual([[], ["to the second"]]);
    expect(closeOf(link)).toBeUndefined();
    second.send(...numbered(4, 5));
    await scene.pass();
    expect(closeOf(link)).toBe("1000 older than a day");
    expect(messages).toEqual(["default:1", "default:2", "default:3"]);
    link.send(...numbered(4, 6));
    await scene.pass();
    expect(messages.length).toBe(6);
    expect(await settled(rotated)).toBe("waits");
    await scene.pass(40);
    await scene.answerClose(link);
    expect(await settled(rotated)).toBe("resolved");
    second.send(...numbered(6, 8));
    await scene.pass();
    expect(messages.map(numberOf)).toEqual(range(1, 8));
    expect(story).toEqual(["rotated"]);
    expect(client.story.filter((name) => name.startsWith("to "))).toEqual(["to connecting", "to connected"]);
    expect(ws.stats()).toMatchObject({
      rotationCount: 1,
      connectCount: 2,
      attemptCount: 2,
      reconnectCount: 0,
      duplicateCount: 3,
      gapCount: 0,
      messagesHeld: 0,
    });
    await scene.finish();
  });

  it("reports in `rotated` how long both were open, and the number of duplicates", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient(overlapping);
    const recorded: object[] = [];
    ws.on("rotated", (event) => void recorded.push(event));
    link.send(...numbered(1, 3));
    await scene.pass();
    void ws.rotate();
    const second = await scene.second();
    second.send(...numbered(2, 4));
    await scene.pass(25);
    await scene.answerClose(link);
    expect(recorded).toEqual([{ overlapMs: 25, duplicates: 2 }]);
    await scene.finish();
  });

  it("counts waiting sends and the bytes that the old connection must write against maxBufferedAmount", async () => {
    const scene = new LayerScene();
    const marks = { highWaterMark: 1_000, maxBufferedAmount: 10_000 };
    const { ws, link } = await scene.openClient({ ...overlapping, ...marks });
    link.peer.takesWrites = false;
    void ws.sendRaw(Buffer.alloc(6_000));
    await scene.pass();
    void ws.rotate();
    const second = await scene.second();
    const sends = Array.from({ length: 5 }, (_, index) => ws.sendRaw(Buffer.alloc(1_000, index)));
    expect(await Promise.all(sends.map(settled))).toEqual([
      ...["waits", "waits", "waits"],
      ...["BufferOverflowError", "BufferOverflowError"],
    ]);
    const error: unknown = await sends[4]!.catch((reason: unknown) => reason);
    expect((error as Error).message).toMatch(
      /A message was refused: while the connection is replaced, 3 messages of 3000 bytes wait .* 6008 bytes for the old/,
    );
    link.peer.takesWrites = true;
    link.peer.take();
    await scene.pass();
    expect(await settled(sends[2]!)).toBe("resolved");
    expect(textsOf(second)).toHaveLength(3);
    await scene.answerClose(link);
    await scene.finish();
  });

  it("delivers all messages of the old connection before those of the new one, unnumbered messages too", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({ rotation: { mode: "overlap" } });
    const messages = read(client);
    void ws.rotate();
    const second = await scene.second();
    second.send(textFrame("new 1"), textFrame("new 2"));
    await scene.pass();
    link.send(textFrame("old 1"));
    await scene.pass();
    link.send(textFrame("old 2"));
    await scene.answerClose(link);
    second.send(textFrame("new 3"));
    await scene.pass();
    expect(messages).toEqual(["old 1", "old 2", "new 1", "new 2", "new 3"]);
    await scene.finish();
  });

  it.each([
    ["and close() ends both", (client: RecordedClient) => void client.ws.close()],
    ["and is lost", () => undefined],
  ])(
    "delivers the second's messages after the last messages of the first when the second ends first, %s",
    async (_name, act) => {
      const scene = new LayerScene();
      const { client, ws, link } = await scene.openClient({ rotation: { mode: "overlap" } });
      const messages = read(client);
      ws.rotate().catch(() => undefined);
      const second = await scene.second();
      second.send(textFrame("new 1"), textFrame("new 2"));
      await scene.pass();
      act(client);
      await scene.pass();
      if (ws.state === "connected") second.peer.reset();
      else await scene.answerClose(second);
      await scene.pass();
      link.send(textFrame("old 1"));
      await scene.answerClose(link);
      await scene.pass();
      expect(messages).toEqual(["old 1", "new 1", "new 2"]);
      await scene.finish();
    },
  );

  it("waits at most `overlap` until the first reaches the number with which the second began", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({ ...overlapping, rotation: { overlap: 500 } });
    const [messages, story] = [read(client), storyOf(ws)];
    link.send(...numbered(1, 2));
    await scene.pass();
    void ws.rotate();
    const second = await scene.second();
    second.send(...numbered(6, 7));
    await scene.pass(499);
    expect(closeOf(link)).toBeUndefined();
    link.send(...numbered(3, 4));
    await scene.pass();
    expect(closeOf(link)).toBeUndefined();
    await scene.pass(1);
    expect(closeOf(link)).toBe("1000");
    link.send(...numbered(5));
    await scene.answerClose(link);
    expect(messages.map(numberOf)).toEqual(range(1, 7));
    expect(story).toEqual(["rotated"]);
    await scene.finish();
  });

  it("reports a gap only when the old connection has ended", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({ ...overlapping, rotation: { overlap: 500 } });
    const [messages, story] = [read(client), storyOf(ws)];
    link.send(...numbered(1, 2));
    await scene.pass();
    void ws.rotate();
    const second = await scene.second();
    second.send(...numbered(5));
    await scene.pass(500);
    expect(story).toEqual([]);
    await scene.answerClose(link);
    expect(story).toEqual(["gap default 3 5", "rotated"]);
    expect(messages.map(numberOf)).toEqual([1, 2, 5]);
    await scene.finish();
  });

  it("finishes a half-written message on the old connection, and moves messages that are not started", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ ...overlapping, rotation: { overlap: 500 } });
    await writeHalf(scene, ws, link);
    void ws.send("B");
    void ws.sendRaw(Buffer.from("C"));
    void ws.rotate("age");
    const second = await scene.second();
    const late = ws.send("D");
    expect(ws.trySend("E")).toBe("queued");
    expect(await settled(late)).toBe("resolved");
    await scene.pass(499);
    expect(textsOf(second)).toEqual([]);
    await scene.pass(1);
    expect(textsOf(second)).toEqual(["B", "C", "D", "E"]);
    expect(ws.trySend("F")).toBe("sent");
    await takeAll(scene, link);
    expect(textsOf(link)).toEqual(["A".repeat(100_000)]);
    expect(closeOf(link)).toBe("1000 age");
    await scene.answerClose(link);
    await scene.pass();
    expect(textsOf(second)).toEqual(["B", "C", "D", "E", "F"]);
    expect(ws.stats()).toMatchObject({ messagesSent: 6, messagesDropped: 0 });
    await scene.finish();
  });

  it("moves as soon as the old connection has written its messages", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient(overlapping);
    await writeHalf(scene, ws, link);
    void ws.send("B");
    void ws.rotate();
    const second = await scene.second();
    void ws.send("C");
    await scene.pass(100);
    await takeAll(scene, link);
    expect(textsOf(link)).toEqual(["A".repeat(100_000), "B"]);
    expect(textsOf(second)).toEqual(["C"]);
    await scene.finish();
  });

  it.each([false, 100] as const)("moves a Blob that is still being read: outbox %s", async (outbox) => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({
      ...overlapping,
      outbox,
      rotation: { overlap: 500 },
    });
    await writeHalf(scene, ws, link);
    const blob = new MemoryBlob("blob");
    let release = (): void => undefined;
    const read = blob.arrayBuffer.bind(blob);
    const gate = new Promise<void>((resolve) => (release = resolve));
    blob.arrayBuffer = () => gate.then(read);
    const sent = ws.sendRaw(blob);
    void ws.send("next");
    void ws.rotate();
    const second = await scene.second();
    await scene.pass(500);
    release();
    await scene.pass(10);
    await scene.pass(10);
    expect(textsOf(second)).toEqual(["blob", "next"]);
    expect(await settled(sent)).toBe("resolved");
    expect(client.all("error")).toEqual([]);
    await scene.finish();
  });

  it("newer sends wait above the high-water mark, resolve when they have moved, and can be cancelled", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({
      ...overlapping,
      rotation: { overlap: 500 },
      highWaterMark: 1_000,
      maxBufferedAmount: 200_000,
    });
    await writeHalf(scene, ws, link);
    void ws.rotate();
    const second = await scene.second();
    const sends = [ws.send("B".repeat(990)), ws.send("C".repeat(20)), ws.send("withdrawn", { timeout: 100 })];
    expect(await settled(sends[1]!)).toBe("waits");
    expect(ws.trySend("D".repeat(300_000))).toBe("dropped");
    await scene.pass(100);
    expect(await settled(sends[2]!)).toBe("TimeoutError");
    await scene.pass(400);
    expect(textsOf(second).map((text) => text[0])).toEqual(["B", "C"]);
    expect(await Promise.all(sends.map(settled))).toEqual(["resolved", "resolved", "TimeoutError"]);
    await scene.finish();
  });

  it("a loop of awaited sends lets timers run while the writer moves", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ ...overlapping, rotation: { overlap: 500 } });
    await writeHalf(scene, ws, link);
    void ws.rotate();
    await scene.second();
    let count = 0;
    const loop = (async () => {
      for (; count < 2_000; count++) await ws.send("x".repeat(1_024));
    })();
    await new Promise((resolve) => setImmediate(resolve));
    expect(count).toBeLessThan(500);
    await scene.pass(500);
    for (let round = 0; round < 100 && count < 2_000; round++) await scene.pass(1);
    await loop;
    await scene.finish();
  });

  it.each([false, 100] as const)(
    "flush() waits until the moved messages are written: outbox %s",
    async (outbox) => {
      const scene = new LayerScene();
      const { ws, link } = await scene.openClient({ ...overlapping, outbox, rotation: { overlap: 500 } });
      await writeHalf(scene, ws, link);
      void ws.send("B");
      const flushed = ws.flush();
      void ws.rotate();
      const second = await scene.second();
      second.peer.takesWrites = false;
      await scene.pass(500);
      expect(await settled(flushed)).toBe("waits");
      await takeAll(scene, second);
      expect(textsOf(second)).toEqual(["B"]);
      await takeAll(scene, link);
      expect(await settled(flushed)).toBe("resolved");
      await scene.finish();
    },
  );

  it("closes a first connection that does not answer Close after closeTimeout", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({
      ...overlapping,
      closeTimeout: 300,
      rotation: { overlap: 500 },
    });
    const rotated = ws.rotate();
    const second = await scene.second();
    await scene.pass(500);
    expect(closeOf(link)).toBe("1000");
    await scene.pass(300);
    expect(link.peer.isClosed).toBe(true);
    expect(await settled(rotated)).toBe("resolved");
    void ws.send("goes on");
    await scene.pass();
    expect(textsOf(second)).toEqual(["goes on"]);
    expect(ws.state).toBe("connected");
    await scene.finish();
  });

  it("resolves concurrent calls together; a timeout ends only its own call", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient(overlapping);
    const calls = [ws.rotate("one"), ws.rotate("two"), ws.rotate("three", { timeout: 10 })];
    const second = await scene.second();
    await scene.pass(10);
    expect(await settled(calls[2]!)).toBe("TimeoutError");
    await scene.pass(5_000);
    expect(closeOf(link)).toBe("1000 one");
    await scene.answerClose(link);
    expect(await Promise.all(calls.map(settled))).toEqual(["resolved", "resolved", "TimeoutError"]);
    expect(scene.clock.peers.length).toBe(2);
    expect(second.hasEnded).toBe(false);
    await scene.finish();
  });

  it("can be repeated", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient(overlapping);
    const messages = read(client);
    let first = link;
    let last = 0;
    for (let round = 0; round < 5; round++) {
      first.send(...numbered(last + 1, last + 3));
      await scene.pass();
      const rotated = ws.rotate(`round ${round}`);
      const second = await scene.second();
      second.send(...numbered(last + 2, last + 4));
      await scene.pass();
      expect(closeOf(first)).toBe(`1000 round ${round}`);
      await scene.answerClose(first);
      await rotated;
      last += 4;
      first = second;
    }
    expect(messages.map(numberOf)).toEqual(range(1, last));
    expect(ws.stats()).toMatchObject({ rotationCount: 5, gapCount: 0, duplicateCount: 10 });
    await scene.finish();
  });
});

describe("buffered messages of the second connection", () => {
  it("pause it when the buffer is full; reading continues at the end of the first connection", async () => {
    const scene = new LayerScene();
    const rotation = { maxWaiting: 3, overlap: 500 };
    const { ws, client, link } = await scene.openClient({ ...overlapping, rotation });
    const messages = read(client);
    link.send(...numbered(1));
    await scene.pass();
    void ws.rotate();
    const second = await scene.second();
    for (const one of numbered(3, 10)) second.send(one);
    await scene.pass();
    expect(ws.stats().messagesHeld).toBe(3);
    await scene.pass(500);
    link.send(...numbered(2));
    await scene.answerClose(link);
    await scene.pass();
    expect(messages.map(numberOf)).toEqual(range(1, 10));
    expect(ws.stats()).toMatchObject({ gapCount: 0, messagesHeld: 0 });
    await scene.finish();
  });

  it("do not count as a stall or a dead peer while it is paused", async () => {
    const scene = new LayerScene();
    const rotation = { maxWaiting: 1, overlap: 5_000 };
    const heartbeat = { interval: 200, timeout: 200 };
    const { ws, client, link } = await scene.openClient({ ...overlapping, rotation, heartbeat });
    link.send(...numbered(1));
    await scene.pass();
    const answering = answersTo([link]);
    void ws.rotate();
    const second = await scene.second();
    second.send(...numbered(3));
    for (let ms = 0; ms < 4_000; ms += 100) {
      await scene.pass(100);
      answering();
    }
    expect(client.all("error")).toEqual([]);
    expect(ws.state).toBe("connected");
    await scene.finish();
  });

  it("are not lost when the consumer is paused during the whole rotation", async () => {
    const scene = new LayerScene();
    const options: Options = { ...overlapping, buffer: 4, closeTimeout: 100, rotation: { overlap: 200 } };
    const { ws, client, link } = await scene.openClient(options);
    const messages = [await startReading(scene, ws, link)];
    for (const one of numbered(2, 8)) link.send(one);
    await scene.pass();
    expect(client.story).toContain("paused");
    const rotated = ws.rotate();
    const second = await scene.second();
    for (const one of numbered(7, 12)) second.send(one);
    await scene.pass(200);
    expect(closeOf(link)).toBe("1000");
    link.send(closeFrame(1000));
    link.peer.end();
    await scene.pass(5_000);
    expect(ws.state).toBe("connected");
    expect(link.peer.isDestroyed).toBe(false);
    while (messages.length < 12) {
      messages.push(sequence(await ws.recv({ timeout: 100 })));
      await scene.pass();
    }
    expect(messages).toEqual(range(1, 12));
    expect(await settled(rotated)).toBe("resolved");
    expect(ws.stats()).toMatchObject({ gapCount: 0, messagesDropped: 0, duplicateCount: 2 });
    await scene.finish();
  });
});

async function startReading(scene: LayerScene, ws: RecordedClient["ws"], link: VirtualLink): Promise<number> {
  const first = ws.recv();
  link.send(...numbered(1));
  await scene.pass();
  return sequence(await first);
}

function answersTo(links: readonly VirtualLink[]): () => void {
  let count = 0;
  return () => {
    for (const link of links) {
      const pings = link.frames.filter(({ opcode }) => opcode === 9);
      for (const { payload } of pings.slice(count))
        link.send(Buffer.concat([Buffer.from([0x8a, payload.length]), payload]));
      count = pings.length;
    }
  };
}

describe("a second connection that fails", () => {
  const failures: [string, (link: VirtualLink) => void][] = [
    ["is refused", (link) => link.peer.refuse()],
    ["is answered 503", (link) => link.peer.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")],
    ["is answered 401", (link) => link.peer.send("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")],
    ["breaks", (link) => link.peer.reset()],
  ];

  it.each(failures)("leaves the first connection unchanged: it %s", async (_, fail) => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({ ...overlapping, connectTimeout: 500 });
    const [messages, story] = [read(client), storyOf(ws)];
    const rotated = ws.rotate();
    const second = await scene.nextDial(0);
    fail(second);
    await scene.pass();
    expect(["ConnectionError", "HandshakeError"]).toContain(await settled(rotated));
    void ws.send("a");
    link.send(...numbered(1));
    await scene.pass(5_000);
    expect(textsOf(link)).toEqual(["a"]);
    expect(messages).toEqual(["default:1"]);
    expect(story).toEqual([]);
    expect(ws.state).toBe("connected");
    expect(scene.clock.peers.length).toBe(2);
    expect(ws.stats()).toMatchObject({ rotationCount: 0, reconnectCount: 0, connectCount: 1 });
    await scene.finish();
  });

  it("does not make the client forget the credentials of the first, whatever the number of attempts", async () => {
    const scene = new LayerScene();
    let attempts = 0;
    // The client remembers 256 credentials of other attempts.
    const headers = (): [string, string][] => {
      attempts++;
      return range(1, 100).map((index) => [`X-Api-Key-${index}`, `correct horse ${attempts}/${index}.`]);
    };
    const { ws, link } = await scene.openClient({ ...overlapping, headers });
    for (let index = 0; index < 4; index++) {
      const rotated = ws.rotate();
      (await scene.nextDial(0)).peer.refuse();
      await scene.pass();
      expect(await settled(rotated)).toBe("ConnectionError");
    }
    const reasons: string[] = [];
    ws.on("closing", ({ reason }) => reasons.push(reason));
    ws.on("disconnected", ({ report }) => reasons.push(report.reason));
    link.send(closeFrame(4000, "Unknown: correct horse 1/1. and correct horse 5/1."));
    link.peer.end();
    await scene.pass();
    expect(reasons).toEqual(["Unknown: *** and ***", "Unknown: *** and ***"]);
    await scene.finish();
  });

  it.each(["throws", "hangs"])("leaves the first connection unchanged when its setup %s", async (how) => {
    const scene = new LayerScene();
    let isFailing = false;
    const { ws, link } = await scene.openClient({
      ...overlapping,
      setupTimeout: 100,
      onConnection: (): unknown => {
        if (!isFailing) return undefined;
        if (how === "throws") throw new Error("not today");
        return never();
      },
    });
    isFailing = true;
    const rotated = ws.rotate();
    const second = await scene.second();
    await scene.pass(100);
    await scene.answerClose(second);
    expect(await settled(rotated)).toBe(how === "throws" ? "ConnectionError" : "TimeoutError");
    void ws.send("a");
    await scene.pass();
    expect(textsOf(link)).toEqual(["a"]);
    expect(ws.state).toBe("connected");
    await scene.finish();
  });

  it("counts a url function that throws as a failed attempt of the rotation", async () => {
    const scene = new LayerScene();
    let isFailing = false;
    const url = (): string => {
      if (isFailing) throw new Error("no token");
      return "ws://feed.test";
    };
    const client = scene.watch({ ...overlapping, reconnect: true }, url);
    const link = await scene.dial(client);
    link.answer();
    await scene.pass();
    isFailing = true;
    const rotated = client.ws.rotate();
    await scene.pass();
    expect(await settled(rotated)).toBe("ConnectionError");
    expect(client.ws.state).toBe("connected");
    await scene.finish();
  });

  it.each([false, 100] as const)(
    "while the writer waits: the first continues, in order: outbox %s",
    async (outbox) => {
      const scene = new LayerScene();
      const { ws, client, link } = await scene.openClient({ ...overlapping, outbox });
      await writeHalf(scene, ws, link);
      void ws.send("B");
      const rotated = ws.rotate();
      const second = await scene.second();
      void ws.send("C");
      await scene.cut(second);
      expect(await settled(rotated)).not.toBe("resolved");
      void ws.send("D");
      await takeAll(scene, link);
      expect(textsOf(link).map((text) => text[0])).toEqual(["A", "B", "C", "D"]);
      expect(client.all("dropped")).toEqual([]);
      expect(closeOf(link)).toBeUndefined();
      await scene.pass(10_000);
      expect(ws.state).toBe("connected");
      await scene.finish();
    },
  );

  it("while the writer waits: no message is sent twice on the first", async () => {
    const scene = new LayerScene();
    const outbox = { idOf: (sent: string | Uint8Array) => String(sent)[0]!, acknowledges: () => undefined };
    const { ws, link } = await scene.openClient({ ...overlapping, outbox });
    void ws.send("1");
    await scene.pass();
    await writeHalf(scene, ws, link);
    void ws.rotate();
    const second = await scene.second();
    void ws.send("2");
    await scene.cut(second);
    await takeAll(scene, link);
    expect(textsOf(link).map((text) => text[0])).toEqual(["1", "A", "2"]);
    await scene.finish();
  });

  it("with messages in the reorder buffer: they are delivered in order", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({
      ...overlapping,
      replay: { ...replay, onReplay: () => undefined },
    });
    const [messages, story] = [read(client), storyOf(ws)];
    await writeHalf(scene, ws, link);
    link.send(...numbered(1));
    await scene.pass();
    void ws.rotate();
    const second = await scene.second();
    second.send(...numbered(3, 4));
    await scene.cut(second);
    link.send(...numbered(2, 5));
    await scene.pass();
    expect(messages.map(numberOf)).toEqual(range(1, 5));
    expect(story.filter((line) => !line.startsWith("error"))).toEqual([]);
    expect(link.hasEnded).toBe(false);
    await scene.finish();
  });

  it("is retried after a delay when maxConnectionAge started it, and each failure emits an error", async () => {
    const scene = new LayerScene();
    const rotation = { jitter: 0 };
    const { ws, client } = await scene.openClient({ ...overlapping, maxConnectionAge: 60_000, rotation });
    await scene.pass(59_999);
    expect(scene.clock.peers.length).toBe(1);
    for (let round = 1; round <= 3; round++) {
      const failing = await scene.nextDial(round === 1 ? 1 : 1_000);
      expect(scene.clock.peers.length).toBe(round + 1);
      failing.peer.refuse();
      await scene.pass();
      expect(client.all("error").length).toBe(round);
    }
    expect(client.all("error").every(({ isFatal }) => !isFatal)).toBe(true);
    const good = await scene.nextLink();
    await scene.pass(5_000);
    void ws.send("on the young one");
    await scene.pass();
    expect(textsOf(good)).toEqual(["on the young one"]);
    await scene.finish();
  });
});

describe("a first connection that ends early", () => {
  it("before the second is open: the second becomes the reconnect, without another dial", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({ ...overlapping, outbox: 10 });
    const [story, messages] = [storyOf(ws), read(client)];
    const rotated = ws.rotate();
    const second = await scene.nextDial(0);
    await scene.cut(link);
    expect(story).toEqual(["disconnected"]);
    expect(ws.state).toBe("reconnecting");
    void ws.send("waits");
    second.answer();
    await scene.pass();
    expect(story).toEqual(["disconnected", "reconnected"]);
    expect(ws.state).toBe("connected");
    expect(textsOf(second)).toEqual(["waits"]);
    expect(await settled(rotated)).toBe("resolved");
    second.send(...numbered(1));
    await scene.pass(10_000);
    expect(messages).toEqual(["default:1"]);
    expect(scene.clock.peers.length).toBe(2);
    await scene.finish();
  });

  it("before the second is open, which fails too: an ordinary retry follows", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient(overlapping);
    const story = storyOf(ws);
    const rotated = ws.rotate();
    const second = await scene.nextDial(0);
    await scene.cut(link);
    await scene.cut(second);
    const third = await scene.nextLink();
    expect(story.filter((line) => line !== "error")).toEqual(["disconnected", "reconnecting", "reconnected"]);
    void ws.send("a");
    await scene.pass();
    expect(textsOf(third)).toEqual(["a"]);
    expect(await settled(rotated)).not.toBe("waits");
    await scene.finish();
  });

  it.each(["reset", "Close"])(
    "after the second is open: the second replaces it without `disconnected`: %s",
    async (how) => {
      const scene = new LayerScene();
      const { ws, client, link } = await scene.openClient({ ...overlapping, outbox: 10 });
      const [story, messages] = [storyOf(ws), read(client)];
      await writeHalf(scene, ws, link);
      void ws.send("B");
      link.send(...numbered(1, 2));
      await scene.pass();
      const rotated = ws.rotate();
      const second = await scene.second();
      void ws.send("C");
      second.send(...numbered(2, 4));
      await scene.pass();
      if (how === "reset") {
        await scene.cut(link);
      } else {
        link.send(closeFrame(1001));
        await scene.pass();
        void ws.send("D");
        link.peer.reset();
        await scene.pass();
      }
      expect(story).toEqual(["rotated"]);
      expect(await settled(rotated)).toBe("resolved");
      expect(ws.state).toBe("connected");
      expect(textsOf(second)).toEqual(how === "reset" ? ["B", "C"] : ["B", "C", "D"]);
      expect(messages.map(numberOf)).toEqual(range(1, 4));
      await scene.finish();
    },
  );

  it("while it closes the second opens: the client is connected by the second", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ ...overlapping, outbox: 10 });
    void ws.rotate();
    const second = await scene.nextDial(0);
    link.send(closeFrame(1012));
    await scene.pass();
    second.answer();
    await scene.pass();
    void ws.send("a");
    link.peer.end();
    await scene.pass(1_000);
    expect(ws.state).toBe("connected");
    expect(textsOf(second)).toEqual(["a"]);
    await scene.pass(30_000);
    void ws.send("b");
    await scene.pass();
    expect(textsOf(second)).toEqual(["a", "b"]);
    await scene.finish();
  });

  it("breaks during its Close: only `rotated` is emitted", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient(overlapping);
    const [story, messages] = [storyOf(ws), read(client)];
    link.send(...numbered(1));
    await scene.pass();
    void ws.rotate();
    const second = await scene.second();
    second.send(...numbered(2, 3));
    await scene.pass();
    await scene.cut(link);
    expect(story).toEqual(["rotated"]);
    expect(messages.map(numberOf)).toEqual([1, 2, 3]);
    await scene.finish();
  });
});

describe("a second connection that ends after the move", () => {
  it("is a loss, and the client reconnects; messages that the first still receives are delivered", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({ ...overlapping, outbox: 10 });
    const [story, messages] = [storyOf(ws), read(client)];
    link.send(...numbered(1));
    await scene.pass();
    void ws.rotate();
    const second = await scene.second();
    await scene.pass();
    await scene.cut(second);
    expect(story).toEqual(["disconnected", "reconnecting"]);
    void ws.send("a");
    link.send(...numbered(2, 3));
    await scene.pass();
    expect(messages.map(numberOf)).toEqual([1, 2, 3]);
    expect(closeOf(link)).toBe("1000");
    await scene.answerClose(link);
    const third = await scene.nextLink();
    expect(textsOf(third)).toEqual(["a"]);
    third.send(...numbered(3, 4));
    await scene.pass();
    expect(messages.map(numberOf)).toEqual([1, 2, 3, 4]);
    expect(ws.state).toBe("connected");
    await scene.finish();
  });

  it("is retried without `disconnected` when it fails while it waits for the end of the first", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ ...overlapping, rotation: { mode: "overlap" } });
    const rotated = ws.rotate().catch((error: unknown) => error);
    link.send(closeFrame(1001));
    // The second connection waits, paused, because the first one is closing.
    const pause = vi.spyOn(LiveConnection.prototype, "pause");
    const second = await scene.second();
    const [waiting] = pause.mock.contexts as LiveConnection[];
    pause.mockRestore();
    const details = { code: "INBOX_OVERFLOW", closeCode: 1008 };
    waiting!.fail(new ProtocolError("The inbox is full.", details));
    const story = storyOf(ws);
    link.peer.end();
    await scene.pass();
    expect(ws.state).toBe("reconnecting");
    await scene.answerClose(second, 1008);
    expect(ws.state).toBe("backingOff");
    await scene.nextLink(1_000);
    expect(ws.state).toBe("connected");
    expect(story.filter((entry) => entry === "disconnected")).toHaveLength(1);
    await rotated;
    await scene.finish();
  });

  it("receives no replay request when it closes while the first still closes: the next one does", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({
      replay: {
        ...replay,
        onReplay: async (cursors, connection) => {
          await connection.send(`from ${cursors["default"]!.sequence}`);
        },
      },
    });
    const [story, messages] = [storyOf(ws), read(client)];
    link.send(...numbered(1));
    await scene.pass();
    void ws.rotate();
    const second = await scene.second();
    second.send(...numbered(2, 3), ...numbered(6));
    await scene.pass();
    expect(closeOf(link)).toBe("1000");
    second.send(closeFrame(1012));
    await scene.pass();
    await scene.answerClose(link);
    await scene.pass(10);
    second.peer.end();
    await scene.pass();
    const third = await scene.nextLink(2_000);
    third.send(...numbered(4, 7));
    await scene.pass(10);
    expect(textsOf(third)).toEqual(["from 3"]);
    expect(messages.map(numberOf)).toEqual(range(1, 7));
    expect(story).not.toContain("reset default");
    await scene.finish();
  });

  it("is followed by a connection whose end is noticed while the first still closes", async () => {
    const scene = new LayerScene();
    const { ws, client } = await scene.openClient({ ...overlapping, outbox: 10, closeTimeout: 30_000 });
    void ws.rotate();
    const second = await scene.second();
    await scene.cut(second);
    const third = await scene.nextLink();
    expect(ws.state).toBe("connected");
    third.send(closeFrame(1012));
    await scene.pass();
    expect(ws.state).toBe("disconnecting");
    expect(client.all("closing").length).toBe(1);
    void ws.send("a");
    third.peer.end();
    await scene.pass();
    const fourth = await scene.nextLink(5_000);
    expect(textsOf(fourth)).toEqual(["a"]);
    expect(client.all("error").filter(({ error }) => error.name === "TypeError")).toEqual([]);
    await scene.finish();
  });

  it("is followed by another rotation while the first still closes", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ ...overlapping, closeTimeout: 3_000 });
    void ws.rotate();
    const second = await scene.second();
    await scene.cut(second);
    const third = await scene.nextLink();
    const rotated = ws.rotate();
    const fourth = await scene.second();
    expect(scene.clock.peers.length).toBe(4);
    void ws.send("a");
    await scene.pass();
    expect(textsOf(fourth)).toEqual(["a"]);
    await scene.pass(5_000);
    await scene.answerClose(third);
    await scene.pass(10_000);
    expect([link.peer.isClosed, third.peer.isClosed]).toEqual([true, true]);
    expect(await settled(rotated)).toBe("resolved");
    expect(ws.state).toBe("connected");
    await scene.finish();
  });

  it("drops sends that wait above the high-water mark without an outbox", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({
      ...overlapping,
      rotation: { overlap: 500 },
      highWaterMark: 1_000,
    });
    await writeHalf(scene, ws, link);
    void ws.send("B".repeat(2_000));
    void ws.rotate();
    const second = await scene.second();
    second.peer.takesWrites = false;
    for (const letter of "CDE") void ws.send(letter.repeat(2_000));
    await scene.pass(500);
    await takeAll(scene, link);
    await scene.answerClose(link);
    await scene.cut(second);
    expect(await settled(ws.send("offline"))).toBe("InvalidStateError");
    expect(ws.trySend("offline")).toBe("dropped");
    const dropped = client.all("dropped").map(({ message }) => String(message)[0]);
    // B is part of the write in flight, so it is uncertain.
    expect(dropped).toEqual(["C", "D", "E"]);
    const third = await scene.nextLink();
    expect(textsOf(third)).toEqual([]);
    expect(ws.stats().outboxMessages).toBe(0);
    await scene.finish();
  });
});

describe("ending the client during a rotation", () => {
  type Phase = "dialling" | "setting up" | "moving" | "draining";
  const phases: Phase[] = ["dialling", "setting up", "moving", "draining"];
  const ends = ["close", "terminate", "abort"] as const;
  const rows = phases.flatMap((phase) => ends.map((end) => [end, phase] as const));

  async function enter(phase: Phase, options: Options) {
    const scene = new LayerScene();
    let isHanging = false;
    const { ws, client, link } = await scene.openClient({
      ...overlapping,
      ...options,
      closeTimeout: 1_000,
      onConnection: (connection): unknown => (isHanging ? connection.recv() : undefined),
    });
    const messages = read(client);
    link.send(...numbered(1, 2));
    await scene.pass();
    if (phase === "moving") await writeHalf(scene, ws, link);
    isHanging = phase === "setting up";
    const rotated = ws.rotate("age");
    const second = await scene.nextDial(0);
    if (phase !== "dialling") second.answer();
    await scene.pass();
    if (phase === "moving" || phase === "draining") {
      second.send(...numbered(4, 5));
      await scene.pass();
    }
    return { scene, ws, client, link, second, rotated, messages };
  }

  it.each(rows)("%s() while %s closes both connections and leaves no timer", async (end, phase) => {
    const abort = new AbortController();
    const { scene, ws, client, link, second, rotated } = await enter(phase, { signal: abort.signal });
    const story = storyOf(ws);
    if (end === "close") void ws.close();
    else if (end === "terminate") ws.terminate();
    else abort.abort(new RangeError("stop"));
    await scene.pass();
    if (end !== "terminate") {
      await takeAll(scene, link);
      if (!link.peer.isClosed) await scene.answerClose(link);
      if (!second.peer.isClosed && phase !== "dialling") await scene.answerClose(second);
    }
    await scene.pass();
    expect(ws.state).toBe("closed");
    expect(client.all("error").filter(({ isFatal }) => isFatal)).toEqual([]);
    expect(story.filter((line) => line === "closed")).toEqual(["closed"]);
    expect(await settled(rotated)).not.toBe("waits");
    expect([link.peer.isClosed, second.peer.isClosed]).toEqual([true, true]);
    expect(scene.clock.isHeld).toBe(false);
    await scene.finish();
  });

  it.each(rows)("%s() while %s ends the client when the peers answer nothing", async (end, phase) => {
    const abort = new AbortController();
    const { scene, ws, rotated } = await enter(phase, { signal: abort.signal });
    if (end === "close") void ws.close();
    else if (end === "terminate") ws.terminate();
    else abort.abort(new RangeError("stop"));
    await scene.pass(20_000);
    expect(ws.state).toBe("closed");
    expect(await settled(rotated)).not.toBe("waits");
    expect(scene.clock.isHeld).toBe(false);
    await scene.finish();
  });

  it.each(["terminate", "abort"] as const)(
    "%s() while moving does not complete the rotation",
    async (end) => {
      const abort = new AbortController();
      const { scene, ws, rotated } = await enter("moving", { signal: abort.signal });
      const story = storyOf(ws);
      if (end === "terminate") ws.terminate();
      else abort.abort(new RangeError("stop"));
      await scene.pass(20_000);
      if (end === "terminate") expect(await settled(rotated)).not.toBe("resolved");
      expect(story.filter((line) => line === "disconnected").length).toBeLessThanOrEqual(1);
      await scene.finish();
    },
  );

  it.each(["moving", "draining"] as const)(
    "close() delivers the second's messages after those of the old connection: %s",
    async (phase) => {
      const { scene, ws, link, second, messages } = await enter(phase, {});
      void ws.close(1000, "done");
      void ws.send("late").catch(() => undefined);
      await takeAll(scene, link);
      link.send(...numbered(3));
      await scene.pass();
      expect([closeOf(link)?.slice(0, 4), closeOf(second)]).toEqual(["1000", "1000 done"]);
      await scene.answerClose(second);
      await scene.answerClose(link);
      await scene.pass();
      expect(messages.map(numberOf)).toEqual(range(1, 5));
      expect(ws.state).toBe("closed");
      await scene.finish();
    },
  );

  it("close() while moving sends waiting messages before the Close frames", async () => {
    const { scene, ws, client, link, second } = await enter("moving", {});
    void ws.send("C");
    void ws.close();
    await scene.pass();
    await takeAll(scene, link);
    expect(textsOf(link).map((text) => text[0])).toEqual(["A"]);
    expect(textsOf(second)).toEqual(["C"]);
    expect(closeOf(second)).toBe("1000");
    await scene.answerClose(second);
    await scene.answerClose(link);
    expect(client.all("dropped")).toEqual([]);
    expect(ws.state).toBe("closed");
    await scene.finish();
  });
});

describe("replace", () => {
  it("writes pending messages, closes, and dials at once; new sends wait in the outbox", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: 10 });
    const story = storyOf(ws);
    await writeHalf(scene, ws, link);
    void ws.send("B");
    const rotated = ws.rotate("age");
    void ws.send("C");
    await takeAll(scene, link);
    expect(textsOf(link).map((text) => text[0])).toEqual(["A", "B"]);
    expect(closeOf(link)).toBe("1000 age");
    expect(scene.clock.peers.length).toBe(1);
    await scene.answerClose(link);
    const second = await scene.second();
    expect(scene.clock.peers.length).toBe(2);
    expect(textsOf(second)).toEqual(["C"]);
    expect(await settled(rotated)).toBe("resolved");
    expect(ws.lastReport?.verdict).toBe("rotated");
    expect(story.filter((line) => line !== "reconnecting")).toEqual([
      "disconnected",
      "reconnected",
      "rotated",
    ]);
    expect(ws.stats()).toMatchObject({ rotationCount: 1, reconnectCount: 1, messagesDropped: 0 });
    await scene.finish();
  });

  it("also happens when reconnect() is called on an open connection, with replay too", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient(overlapping);
    const back = ws.reconnect();
    await scene.pass();
    expect(closeOf(link)).toBe("1000");
    await scene.answerClose(link);
    await scene.second();
    expect(await settled(back)).toBe("resolved");
    await scene.finish();
  });

  it("is followed by an ordinary delay when the dial fails, and no message is lost", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({ outbox: 10 });
    const story = storyOf(ws);
    const rotated = ws.rotate();
    await scene.pass();
    void ws.send("a");
    await scene.answerClose(link);
    const failing = await scene.nextDial(0);
    failing.peer.refuse();
    await scene.pass();
    expect(ws.state).toBe("backingOff");
    const good = await scene.nextLink();
    expect(textsOf(good)).toEqual(["a"]);
    expect(story.filter((line) => line !== "error")).toEqual([
      "disconnected",
      "reconnecting",
      "reconnected",
      "rotated",
    ]);
    expect(await settled(rotated)).toBe("resolved");
    expect(client.all("error").every(({ isFatal }) => !isFatal)).toBe(true);
    await scene.finish();
  });

  it("closes the connection after closeTimeout when the peer does not answer Close", async () => {
    const scene = new LayerScene();
    const { ws } = await scene.openClient({ closeTimeout: 300 });
    const rotated = ws.rotate();
    await scene.pass(299);
    expect(scene.clock.peers.length).toBe(1);
    await scene.pass(1);
    await scene.second();
    expect(scene.clock.peers.length).toBe(2);
    expect(await settled(rotated)).toBe("resolved");
    await scene.finish();
  });

  it.each(["close", "terminate"] as const)("is cancelled by %s(): the client does not dial", async (end) => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: 10 });
    const rotated = ws.rotate();
    await scene.pass();
    if (end === "close") void ws.close();
    else ws.terminate();
    await scene.answerClose(link);
    await scene.pass(60_000);
    expect(ws.state).toBe("closed");
    expect(scene.clock.peers.length).toBe(1);
    expect(await settled(rotated)).not.toBe("resolved");
    expect(await settled(rotated)).not.toBe("waits");
    await scene.finish();
  });

  it("dials once when the peer closes at the same moment", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient();
    link.send(closeFrame(1000));
    const rotated = ws.rotate();
    link.peer.end();
    await scene.pass();
    await scene.second();
    await scene.pass(10_000);
    expect(scene.clock.peers.length).toBe(2);
    expect(ws.state).toBe("connected");
    expect(await settled(rotated)).toBe("resolved");
    await scene.finish();
  });

  it("measures maxConnectionAge again after a replacement and after a loss", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ maxConnectionAge: 10_000, rotation: { jitter: 0 } });
    await scene.pass(10_000);
    await scene.answerClose(link);
    const second = await scene.second();
    await scene.pass(5_000);
    await scene.cut(second);
    const third = await scene.nextLink();
    await scene.pass(9_999);
    expect(closeOf(third)).toBeUndefined();
    await scene.pass(1);
    expect(closeOf(third)).toBe("1000 age");
    await scene.answerClose(third);
    await scene.second();
    expect(ws.stats()).toMatchObject({ rotationCount: 2, reconnectCount: 3 });
    await scene.finish();
  });
});

describe("ws.rotate()", () => {
  it.each(["idle", "connecting", "backingOff", "disconnecting", "closed"])(
    "rejects with InvalidStateError while %s",
    async (state) => {
      const scene = new LayerScene();
      const client = scene.watch({ reconnect: true });
      const { ws } = client;
      if (state !== "idle") {
        const link = await scene.dial(client);
        if (state !== "connecting") link.answer();
        await scene.pass();
        if (state === "backingOff") await scene.cut(link);
        if (state === "disconnecting" || state === "closed") void ws.close();
        await scene.pass();
        if (state === "closed") await scene.answerClose(link);
      }
      expect(ws.state).toBe(state);
      expect(await settled(ws.rotate())).toBe("InvalidStateError");
      if (state !== "idle") await scene.finish();
    },
  );

  it("rejects with RangeError for a reason that is too long, and changes nothing", async () => {
    const scene = new LayerScene();
    const { ws } = await scene.openClient();
    expect(await settled(ws.rotate("x".repeat(124)))).toBe("RangeError");
    await scene.pass();
    expect(ws.state).toBe("connected");
    await scene.finish();
  });

  it("rejects with a signal that is already aborted, and dials nothing", async () => {
    const scene = new LayerScene();
    const { ws } = await scene.openClient(overlapping);
    expect(await settled(ws.rotate("", { signal: AbortSignal.abort(new RangeError("no")) }))).toBe(
      "RangeError",
    );
    await scene.pass();
    expect(scene.clock.peers.length).toBe(1);
    await scene.finish();
  });

  it("rotates with reconnect: false too", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.open({ ...overlapping });
    const rotated = ws.rotate();
    const second = await scene.second();
    await scene.pass(5_000);
    await scene.answerClose(link);
    expect(await settled(rotated)).toBe("resolved");
    void ws.send("a");
    await scene.pass();
    expect(textsOf(second)).toEqual(["a"]);
    await scene.finish();
  });
});

describe("maxConnectionAge", () => {
  it("is shortened by a random part of at most `jitter`", async () => {
    const scene = new LayerScene();
    const { link } = await scene.openClient({ maxConnectionAge: 100_000, rotation: { jitter: 0.2 } });
    await scene.pass(79_999);
    expect(closeOf(link)).toBeUndefined();
    await scene.pass(20_001);
    expect(closeOf(link)).toBe("1000 age");
    await scene.finish();
  });

  it("does not keep the process running, nor does a rotation after unref()", async () => {
    const scene = new LayerScene();
    const { ws } = await scene.openClient({
      ...overlapping,
      maxConnectionAge: 1_000,
      rotation: { jitter: 0 },
    });
    ws.unref();
    expect(scene.clock.isHeld).toBe(false);
    const second = await scene.nextDial(1_000);
    expect(scene.clock.isHeld).toBe(false);
    second.answer();
    await scene.pass();
    expect(scene.clock.isHeld).toBe(false);
    ws.ref();
    expect(scene.clock.isHeld).toBe(true);
    await scene.finish();
  });
});

describe("acknowledgements during a rotation", () => {
  it("sends unacknowledged messages first on the second connection, in order, then unsent ones, then newer ones", async () => {
    const scene = new LayerScene();
    const outbox = {
      idOf: (sent: string | Uint8Array) => String(sent)[0]!,
      acknowledges: (received: Message) =>
        String(received).startsWith("ack ") ? String(received).slice(4).split(" ") : undefined,
    };
    const { ws, link } = await scene.openClient({ ...overlapping, outbox, rotation: { overlap: 500 } });
    for (const text of "123") void ws.send(text);
    await scene.pass();
    link.send(textFrame("ack 2"));
    await writeHalf(scene, ws, link);
    void ws.send("B");
    void ws.rotate();
    const second = await scene.second();
    void ws.send("C");
    await scene.pass(500);
    expect(textsOf(second).map((text) => text[0])).toEqual(["1", "3", "A", "B", "C"]);
    link.send(textFrame("ack 1"));
    second.send(textFrame("ack 3 A B C"));
    await scene.pass();
    expect(ws.stats().outboxMessages).toBe(0);
    await takeAll(scene, link);
    await scene.answerClose(link);
    await scene.finish();
  });
});

describe("numbered streams in both directions", () => {
  const seen = (client: RecordedClient): number[] => {
    const ids: number[] = [];
    client.ws.on("message", ({ data }) => {
      if (numberOf(data) !== undefined) ids.push(numberOf(data)!);
    });
    return ids;
  };

  it.each([
    ["without acknowledgements", { outbox: 1_000 }],
    [
      "with acknowledgements",
      {
        outbox: {
          idOf: (sent: string | Uint8Array) => String(sent).split(" ")[1],
          acknowledges: (received: Message) =>
            String(received).startsWith("ack ") ? String(received).slice(4) : undefined,
        },
      },
    ],
    ["without an outbox", {}],
  ] as const)("lose, duplicate and reorder no message: %s", async (_, options) => {
    const feed = new NumberedFeed();
    const client = feed.watch({ replay, ...options });
    const ids = seen(client);
    void client.ws.connect();
    await feed.clock.advanceAsync(0);
    const rotations = steps(10);
    for (let round = 0; round < rotations; round++) {
      const rotated = client.ws.rotate();
      for (let step = 0; step < 100; step++) await feed.step(client);
      expect(await settled(rotated)).toBe("resolved");
    }
    await feed.clock.advanceAsync(10);
    expect(ids).toEqual(range(ids[0]!, feed.last));
    expect(feed.ids).toEqual(range(1, feed.sent));
    if (!("outbox" in options) || options.outbox === 1_000) expect(feed.received.length).toBe(feed.sent);
    expect(client.ws.stats()).toMatchObject({
      gapCount: 0,
      rotationCount: rotations,
      messagesDropped: 0,
      messagesHeld: 0,
    });
    expect(client.all("error")).toEqual([]);
    expect(client.all("dropped")).toEqual([]);
    void client.ws.close();
    await feed.clock.advanceAsync(10);
    client.checkEnd();
    feed.counting.assertIdle();
  });

  it("lose no message when the second connection is far behind or far ahead of the first", async () => {
    const feed = new NumberedFeed(7);
    const client = feed.watch({
      replay: {
        ...replay,
        onReplay: (cursors, connection) => connection.send(`from ${cursors["default"]!.sequence}`),
      },
      rotation: { overlap: 30 },
      outbox: 1_000,
    });
    const ids = seen(client);
    void client.ws.connect();
    await feed.clock.advanceAsync(0);
    const rotations = steps(6);
    for (let round = 0; round < rotations; round++) {
      void client.ws.rotate();
      for (let step = 0; step < 60; step++) await feed.step(client);
    }
    await feed.clock.advanceAsync(100);
    expect(ids).toEqual(range(ids[0]!, feed.last));
    expect(feed.received.map(({ id }) => id)).toEqual(range(1, feed.sent));
    expect(client.ws.stats()).toMatchObject({ gapCount: 0, resetCount: 0, rotationCount: rotations });
    client.ws.terminate();
    await feed.clock.advanceAsync(10);
    feed.counting.assertIdle();
  });
});
