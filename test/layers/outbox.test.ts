import { describe, expect, it } from "vitest";
import { cases, steps } from "../support/cases.js";
import type { Message, Options } from "../support/scene.js";
import { backoff, closeOf, inflatedOf, LayerScene, storyOf, textsOf, settled } from "./layer-scene.js";
import { measureCpuTime } from "../support/cpu-time.js";
import { MemoryBlob } from "../support/memory-blob.js";
import { closeFrame, opcodes, pongFrame, textFrame } from "../support/wire.js";

type OutboxOptions = Exclude<Options["outbox"], number | false | undefined>;

const idOf = (sent: string | Uint8Array): string | undefined =>
  typeof sent === "string" ? sent.split(" ")[0] : undefined;
const acknowledges = (received: Message): string[] | undefined => {
  const [word, ...ids] = String(received).split(" ");
  return word === "ack" ? ids : undefined;
};
const atLeastOnce: OutboxOptions = { idOf, acknowledges };

describe("send() without a connection", () => {
  it.each(["idle", "backing off", "connecting again"])("rejects without an outbox: %s", async (when) => {
    const scene = new LayerScene();
    if (when === "idle") {
      const client = scene.watch({});
      expect(await settled(client.ws.send("a"))).toBe("InvalidStateError");
      expect(client.ws.trySend("a")).toBe("dropped");
      return;
    }
    const { ws, client, link } = await scene.openClient();
    await scene.cut(link);
    if (when === "connecting again") await scene.pass(1_000);
    expect(await settled(ws.send("a"))).toBe("InvalidStateError");
    expect(ws.trySend("b")).toBe("dropped");
    expect(client.all("error").at(-1)?.error.message).toMatch(/send/);
    const nextLink = await scene.nextLink();
    expect(textsOf(nextLink)).toEqual([]);
    await scene.finish();
  });

  it.each(["idle", "backing off", "connecting again"])("waits in the outbox: %s", async (when) => {
    const scene = new LayerScene();
    const client = scene.watch({ reconnect: true, backoff, outbox: 10 });
    let link = when === "idle" ? undefined : await scene.dial(client);
    if (link !== undefined) {
      link.answer();
      await scene.pass();
      await scene.cut(link);
      if (when === "connecting again") await scene.pass(1_000);
    }
    const { ws } = client;
    const sends = [ws.send("a"), ws.sendRaw(new Uint8Array([1])), ws.send("b")];
    expect(ws.trySend("c")).toBe("queued");
    expect(await Promise.all(sends.map(settled))).toEqual(["resolved", "resolved", "resolved"]);
    expect(ws.stats()).toMatchObject({ outboxMessages: 4, outboxBytes: 4 });
    if (when === "idle") {
      link = await scene.dial(client);
      link.answer();
      await scene.pass();
    } else {
      link = await scene.nextLink(when === "backing off" ? 1_000 : 0);
    }
    expect(textsOf(link)).toEqual(["a", "\x01", "b", "c"]);
    expect(ws.stats()).toMatchObject({ outboxMessages: 0, outboxBytes: 0 });
    await scene.finish();
  });

  it("reports in linear time that one message displaced many", async () => {
    const scene = new LayerScene();
    const count = 120_000;
    const bounds = { capacity: count, maxBytes: 64 * 1024 * 1024, overflow: "dropOldest" } as const;
    const { ws } = scene.watch({ outbox: bounds });
    let droppedCount = 0;
    ws.on("dropped", () => droppedCount++);
    for (let index = 0; index < count; index++) ws.trySend("x");
    const large = Buffer.alloc(bounds.maxBytes);
    const cpuTime = measureCpuTime();
    expect(ws.trySend(large)).toBe("queued");
    expect(cpuTime()).toBeLessThan(1_000);
    expect(droppedCount).toBe(count);
    await scene.finish();
  });

  it("copies the bytes at the call: the caller may reuse the buffer", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: 10 });
    await scene.cut(link);
    const bytes = Buffer.from("first");
    void ws.sendRaw(bytes, { binary: false });
    bytes.fill("x");
    expect(textsOf(await scene.nextLink())).toEqual(["first"]);
    await scene.finish();
  });

  it("is written after the messages of onConnection and before newer sends", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({
      outbox: 10,
      onConnection: (connection) => connection.send("auth"),
    });
    expect(textsOf(link)).toEqual(["auth"]);
    await scene.cut(link);
    void ws.send("1");
    ws.on("stateChange", ({ to }) => void ws.send(`state ${to}`));
    ws.on("reconnected", () => void ws.send("4"));
    void ws.send("2");
    const nextLink = await scene.nextLink();
    void ws.send("5");
    await scene.pass();
    expect(textsOf(nextLink)).toEqual(["auth", "1", "2", "state reconnecting", "state connected", "4", "5"]);
    await scene.finish();
  });

  it.each(["disconnected", "reconnecting", "reconnected", "connecting"] as const)(
    "is accepted inside a handler of %s, in the order of the calls",
    async (name) => {
      const scene = new LayerScene();
      const { ws, link } = await scene.openClient({ outbox: 10 });
      ws.on(name, () => {
        void ws.send(`${name} 1`);
        ws.trySend(`${name} 2`);
      });
      await scene.cut(link);
      void ws.send("later");
      const recorded = textsOf(await scene.nextLink()).filter((text) => text !== "later");
      expect(recorded).toEqual([`${name} 1`, `${name} 2`]);
      await scene.finish();
    },
  );

  it("inside a handler of `connected` is written after the waiting messages", async () => {
    const scene = new LayerScene();
    const client = scene.watch({ outbox: 10, reconnect: true });
    client.ws.on("connected", () => void client.ws.send("2"));
    void client.ws.send("1");
    const link = await scene.dial(client);
    link.answer();
    await scene.pass();
    expect(textsOf(link)).toEqual(["1", "2"]);
    await scene.finish();
  });

  it("without an outbox works inside a handler of the change to connected", async () => {
    const scene = new LayerScene();
    const client = scene.watch({ reconnect: true });
    client.ws.on("stateChange", ({ to }) => {
      if (to === "connected") void client.ws.send("at once");
    });
    const link = await scene.dial(client);
    link.answer();
    await scene.pass();
    expect(client.all("error")).toEqual([]);
    expect(textsOf(link)).toEqual(["at once"]);
    await scene.finish();
  });
});

describe("the limits of the outbox", () => {
  it("drop a message that waits too long, and emit `dropped`", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({ outbox: { ttl: 500 } });
    await scene.cut(link);
    void ws.send("old");
    await scene.pass(300);
    void ws.send("young");
    await scene.pass(200);
    expect(client.all("dropped")).toEqual([{ direction: "out", message: "old", cause: "expired" }]);
    await scene.pass(299);
    expect(client.all("dropped").length).toBe(1);
    await scene.pass(1);
    expect(client.all("dropped").at(-1)).toEqual({ direction: "out", message: "young", cause: "expired" });
    expect(ws.stats()).toMatchObject({ messagesDropped: 2, outboxMessages: 0 });
    expect(textsOf(await scene.nextLink(200))).toEqual([]);
    await scene.finish();
  });

  it.each([
    ["messages", { capacity: 2 }],
    ["bytes", { maxBytes: 2 }],
  ])("reject the newest message when there are too many %s", async (_, bounds) => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({ outbox: bounds });
    await scene.cut(link);
    const sends = ["a", "b", "c"].map((text) => ws.send(text));
    expect(await Promise.all(sends.map(settled))).toEqual(["resolved", "resolved", "BufferOverflowError"]);
    expect(ws.trySend("d")).toBe("dropped");
    expect(client.all("error").map(({ error }) => error.constructor.name)).toEqual(["BufferOverflowError"]);
    expect(client.all("dropped")).toEqual([]);
    expect(textsOf(await scene.nextLink())).toEqual(["a", "b"]);
    await scene.finish();
  });

  it("accept a single message that is larger than maxBytes", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: { maxBytes: 2 } });
    await scene.cut(link);
    expect(await settled(ws.send("large"))).toBe("resolved");
    expect(textsOf(await scene.nextLink())).toEqual(["large"]);
    await scene.finish();
  });

  it("drop the oldest message with dropOldest, and emit `dropped` for each", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({ outbox: { capacity: 2, overflow: "dropOldest" } });
    await scene.cut(link);
    for (const text of "abcd") expect(ws.trySend(text)).toBe("queued");
    expect(client.all("dropped").map(({ message, cause }) => [message, cause])).toEqual([
      ["a", "overflow"],
      ["b", "overflow"],
    ]);
    expect(ws.stats().messagesDropped).toBe(2);
    expect(textsOf(await scene.nextLink())).toEqual(["c", "d"]);
    await scene.finish();
  });

  it("keep the newest message of each key with conflate", async () => {
    const scene = new LayerScene();
    const keyOf = (sent: string | Uint8Array): string => String(sent)[0]!;
    const { ws, client, link } = await scene.openClient({
      outbox: { capacity: 3, overflow: "conflate", keyOf },
    });
    await scene.cut(link);
    for (const text of ["a1", "b1", "a2", "c1", "d1"]) void ws.send(text);
    expect(client.all("dropped").map(({ message }) => message)).toEqual(["a1", "a2"]);
    expect(textsOf(await scene.nextLink())).toEqual(["b1", "c1", "d1"]);
    await scene.finish();
  });

  it.each([
    ["without a connection", {}, false],
    ["on a connection", {}, true],
    ["on a connection, to be acknowledged", atLeastOnce, true],
  ])(
    "count the time to live from send(), however many connections break: sent %s",
    async (_, outbox: OutboxOptions, isConnected) => {
      const scene = new LayerScene();
      const { ws, client, link } = await scene.openClient({
        outbox: { ...outbox, ttl: 2_500 },
        // Fills the socket of a peer that does not read, so that the next message stays unsent.
        onConnection: (connection) => connection.send("filler"),
      });
      const expired = (): unknown[] =>
        client
          .all("dropped")
          .filter(({ cause }) => cause === "expired")
          .map(({ message }) => message);
      link.peer.takesWrites = false;
      if (isConnected) void ws.sendRaw(new Uint8Array(1));
      else await scene.cut(link);
      await scene.pass();
      void ws.send("message");
      if (isConnected) await scene.cut(link);
      for (let count = 0; count < 2; count++) {
        const next = await scene.nextDial(1_000);
        next.peer.takesWrites = false;
        next.answer();
        await scene.pass();
        await scene.cut(next);
      }
      await scene.pass(499);
      expect(expired()).toEqual([]);
      await scene.pass(1);
      expect(expired()).toEqual(["message"]);
      expect(textsOf(await scene.nextLink(500))).toEqual(["filler"]);
      await scene.finish();
    },
  );

  it.each([
    ["overflowing", { capacity: 1 }],
    ["expired", { ttl: 10 }],
  ])("emit an event when the promise of send() is ignored: %s", async (_, outbox) => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({ outbox });
    await scene.cut(link);
    void ws.send("a");
    void ws.send("b");
    await scene.pass(20);
    expect(client.all("error").length + client.all("dropped").length).toBeGreaterThan(0);
    await scene.finish();
  });
});

describe("perSecond", () => {
  it("limits the messages per second, keeps their order, and is ignored by close()", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: { perSecond: 2 } });
    await scene.cut(link);
    for (const text of "abcdef") void ws.send(text);
    const nextLink = await scene.nextLink();
    const atOnce = textsOf(nextLink).length;
    expect(atOnce).toBeGreaterThan(0);
    expect(atOnce).toBeLessThanOrEqual(2);
    void ws.send("g");
    await scene.pass(1_000);
    expect(textsOf(nextLink).length).toBeLessThanOrEqual(atOnce + 2);
    expect(textsOf(nextLink).length).toBeGreaterThan(atOnce);
    void ws.close();
    await scene.pass();
    expect(textsOf(nextLink).join("")).toBe("abcdefg");
    expect(closeOf(nextLink)).toBe("1000");
    await scene.answerClose(nextLink);
    expect(ws.state).toBe("closed");
    await scene.finish();
  });

  it("sends all messages at its rate", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: { perSecond: 2 } });
    await scene.cut(link);
    for (const text of "abcdef") void ws.send(text);
    const nextLink = await scene.nextLink();
    await scene.pass(3_000);
    expect(textsOf(nextLink).join("")).toBe("abcdef");
    await scene.finish();
  });

  it("continues at its rate after a second loss, in order", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: { perSecond: 1 } });
    await scene.cut(link);
    for (const text of "abcd") void ws.send(text);
    const second = await scene.nextLink();
    await scene.pass(500);
    await scene.cut(second);
    const third = await scene.nextLink();
    await scene.pass(5_000);
    expect([...textsOf(second), ...textsOf(third)].join("")).toBe("abcd");
    await scene.finish();
  });
});

describe("messages that are unsent when the connection breaks", () => {
  const big = (name: string): string => name.repeat(64 * 1024);

  it.each([
    ["text", false],
    ["binary", true],
  ])("return to the head of the outbox in their order: %s", async (_, binary) => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({ outbox: 10 });
    link.peer.takesWrites = false;
    const bytes = Buffer.from("x".repeat(10));
    const sends = ["0", "1", "2", "3"].map((text) => ws.sendRaw(text + bytes.toString(), { binary }));
    void ws.send(big("4"));
    await scene.pass();
    void ws.send("5");
    await scene.pass();
    await scene.cut(link);
    void ws.send("6");
    expect(await Promise.all(sends.map(settled))).toEqual(Array(4).fill("resolved"));
    const nextLink = await scene.nextLink();
    const firsts = textsOf(nextLink).map((text) => text[0]);
    // The write in flight is uncertain, so it is not sent again.
    expect(firsts.join("")).toBe("56");
    expect(ws.lastReport).toMatchObject({ messagesUnsent: 1, messagesUncertain: 5 });
    expect(client.all("dropped")).toEqual([]);
    await scene.finish();
  });

  it("are kept uncompressed, with bytes copied from the caller", async () => {
    const scene = new LayerScene();
    const extension = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover";
    const options: Options = { reconnect: true, backoff, outbox: 100, compressionThreshold: 0 };
    const { ws, link } = await scene.open(options, { fields: [extension] });
    link.peer.takesWrites = false;
    void ws.send("in flight");
    await scene.pass();
    const bytes = Buffer.from("binary ".repeat(20));
    const expected = ["text ".repeat(50), bytes.toString(), "plain"];
    void ws.send("text ".repeat(50));
    void ws.sendRaw(bytes);
    void ws.send("plain", { compress: false });
    bytes.fill("?");
    await scene.cut(link);
    const nextLink = await scene.nextDial();
    nextLink.answer({ fields: [extension] });
    await scene.pass();
    expect(inflatedOf(nextLink)).toEqual(expected);
    expect(nextLink.frames.map(({ opcode, rsv1 }) => [opcode, rsv1])).toEqual([
      [opcodes.text, true],
      [opcodes.binary, true],
      [opcodes.text, false],
    ]);
    await scene.finish();
  });

  it("resolve a send that waits above the high-water mark, and are sent later", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: 100, highWaterMark: 1_000 });
    link.peer.takesWrites = false;
    void ws.send("x".repeat(1_000));
    await scene.pass();
    const framed = ws.send("y".repeat(1_000));
    const waiting = ws.send("z");
    await scene.pass();
    expect(await settled(waiting)).toBe("waits");
    await scene.cut(link);
    expect(await settled(framed)).toBe("resolved");
    expect(await settled(waiting)).toBe("resolved");
    expect(textsOf(await scene.nextLink()).map((text) => text[0])).toEqual(["y", "z"]);
    await scene.finish();
  });

  it("are dropped with an event without an outbox, and a waiting send rejects", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({ highWaterMark: 1_000 });
    link.peer.takesWrites = false;
    void ws.send("x".repeat(1_000));
    await scene.pass();
    void ws.send("y".repeat(1_000));
    const waiting = ws.send("z");
    await scene.cut(link);
    expect(await settled(waiting)).not.toBe("resolved");
    expect(await settled(waiting)).not.toBe("waits");
    expect(client.all("dropped").map(({ message, cause }) => [String(message)[0], cause])).toEqual([
      ["y", "unsent"],
      ["z", "unsent"],
    ]);
    expect(ws.stats().messagesDropped).toBe(2);
    expect(textsOf(await scene.nextLink())).toEqual([]);
    await scene.finish();
  });

  it("are kept regardless of the limits; only newer sends overflow", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({ outbox: { capacity: 2, overflow: "dropOldest" } });
    link.peer.takesWrites = false;
    void ws.send("in flight");
    await scene.pass();
    for (const text of "abcd") void ws.send(text);
    await scene.cut(link);
    void ws.send("e");
    await scene.pass();
    expect(client.all("dropped").map(({ message }) => message)).toEqual(["e"]);
    expect(textsOf(await scene.nextLink())).toEqual(["a", "b", "c", "d"]);
    await scene.finish();
  });

  it.each(["timeout", "signal"])("are not sent later when they were cancelled by %s", async (how) => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: 100, highWaterMark: 1_000 });
    link.peer.takesWrites = false;
    void ws.send("x".repeat(1_000));
    await scene.pass();
    const abort = new AbortController();
    const options = how === "timeout" ? { timeout: 50 } : { signal: abort.signal };
    void ws.send("y".repeat(1_000));
    const withdrawn = ws.send("withdrawn", options);
    void ws.send("z");
    await scene.pass(50);
    abort.abort(new RangeError("enough"));
    expect(await settled(withdrawn)).toBe(how === "timeout" ? "TimeoutError" : "RangeError");
    await scene.cut(link);
    expect(textsOf(await scene.nextLink()).map((text) => text[0])).toEqual(["y", "z"]);
    await scene.finish();
  });

  it("are reported to a `dropped` handler, which may send", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({
      outbox: 100,
      replay: { sequence: () => undefined, onReplay: () => undefined },
      onConnection: (connection) => void hooks.push(connection),
    });
    link.peer.takesWrites = false;
    void ws.send("in flight");
    await scene.pass();
    void hooks[0]!.send("of the hook").catch(() => undefined);
    ws.once("dropped", () => void ws.send("from the handler"));
    await scene.cut(link);
    expect(client.all("dropped").map(({ cause }) => cause)).toEqual(["unsent"]);
    expect(client.all("error").map(({ error }) => error.name)).not.toContain("TypeError");
    expect(textsOf(await scene.nextLink())).toEqual(["from the handler"]);
    await scene.finish();
  });
  const hooks: { send(text: string): Promise<void> }[] = [];
});

describe("with acknowledgements", () => {
  it("unacknowledged messages are sent again, first and in their original order", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: atLeastOnce });
    for (const text of ["1 a", "2 b", "3 c", "4 d"]) void ws.send(text);
    await scene.pass();
    link.send(textFrame("ack 1 3"));
    await scene.pass();
    expect(ws.stats().outboxMessages).toBe(2);
    await scene.cut(link);
    void ws.send("5 e");
    const nextLink = await scene.nextLink();
    void ws.send("6 f");
    await scene.pass();
    expect(textsOf(nextLink)).toEqual(["2 b", "4 d", "5 e", "6 f"]);
    nextLink.send(textFrame("ack 2 4 5 6"));
    await scene.pass();
    expect(ws.stats().outboxMessages).toBe(0);
    await scene.cut(nextLink);
    expect(textsOf(await scene.nextLink())).toEqual([]);
    await scene.finish();
  });

  it("uncertain messages are sent before unsent ones, each once", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: atLeastOnce });
    void ws.send("1");
    await scene.pass();
    link.peer.takesWrites = false;
    void ws.send("2");
    await scene.pass();
    for (const text of ["3", "4"]) void ws.send(text);
    await scene.cut(link);
    void ws.send("5");
    expect(ws.stats().outboxMessages).toBe(5);
    const nextLink = await scene.nextLink();
    expect(textsOf(nextLink)).toEqual(["1", "2", "3", "4", "5"]);
    // No message was acknowledged: all are sent again in the same order.
    await scene.cut(nextLink);
    expect(textsOf(await scene.nextLink())).toEqual(["1", "2", "3", "4", "5"]);
    await scene.finish();
  });

  it("an acknowledgement that arrives before its message is sent again is accepted", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: { ...atLeastOnce, perSecond: 1 } });
    void ws.send("1");
    void ws.send("2");
    await scene.pass(3_000);
    await scene.cut(link);
    const nextLink = await scene.nextLink();
    nextLink.send(textFrame("ack 2"));
    await scene.pass(5_000);
    expect(textsOf(nextLink)).toEqual(["1"]);
    await scene.finish();
  });

  it.each([
    ["error", "refused"],
    ["dropOldest", "taken"],
  ] as const)(
    "unacknowledged messages count towards the capacity of the outbox: %s",
    async (overflow, what) => {
      const scene = new LayerScene();
      const { ws, client, link } = await scene.openClient({
        outbox: { ...atLeastOnce, capacity: 2, overflow },
      });
      void ws.send("1");
      void ws.send("2");
      await scene.pass();
      const third = await settled(ws.send("3"));
      await scene.pass();
      expect(third).toBe(what === "refused" ? "BufferOverflowError" : "resolved");
      expect(client.all("dropped").map(({ message }) => message)).toEqual(what === "refused" ? [] : ["1"]);
      link.send(textFrame("ack 1 2 3"));
      await scene.pass();
      expect(await settled(ws.send("4"))).toBe("resolved");
      await scene.pass();
      expect(textsOf(link)).toEqual(what === "refused" ? ["1", "2", "4"] : ["1", "2", "3", "4"]);
      await scene.finish();
    },
  );

  it.each([
    ["our own close", 5, 0],
    ["our own close", 3, 2],
    ["a break of the connection", 5, 0],
    ["a break of the connection", 3, 2],
  ])(
    "messages are uncertain until they are acknowledged: %s, %i of 5 acknowledged",
    async (how, count, uncertain) => {
      const scene = new LayerScene();
      const { ws, link } = await scene.openClient({ outbox: atLeastOnce });
      const texts = ["1", "2", "3", "4", "5"];
      for (const text of texts) void ws.send(text);
      await scene.pass();
      link.send(textFrame(`ack ${texts.slice(0, count).join(" ")}`));
      await scene.pass();
      if (how === "our own close") {
        void ws.close();
        await scene.pass();
        await scene.answerClose(link);
      } else {
        await scene.cut(link);
      }
      expect(ws.lastReport).toMatchObject({ messagesUnsent: 0, messagesUncertain: uncertain });
      await scene.finish();
    },
  );

  it("messages with an id stay uncertain after a pong, which shows only that they were read; others do not", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: atLeastOnce });
    void ws.send("1");
    void ws.sendRaw(new Uint8Array(1));
    const ping = ws.ping();
    await scene.pass();
    link.send(pongFrame(link.frames.find(({ opcode }) => opcode === opcodes.ping)!.payload));
    await scene.pass();
    await ping;
    void ws.send("2");
    void ws.sendRaw(new Uint8Array(1));
    await scene.pass();
    link.send(textFrame("ack 2"));
    await scene.pass();
    await scene.cut(link);
    // "1", and the second message without an id.
    expect(ws.lastReport).toMatchObject({ messagesUnsent: 0, messagesUncertain: 2 });
    await scene.finish();
  });

  it("messages are counted for the connection that sent them last, however often they are sent", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: atLeastOnce });
    for (let count = 1; count <= 200; count++) {
      void ws.send(`${count}`);
      if (count % 100 === 0) await scene.pass();
    }
    link.send(textFrame(`ack ${Array.from({ length: 150 }, (_, index) => index + 1).join(" ")}`));
    await scene.pass();
    await scene.cut(link);
    expect(ws.lastReport?.messagesUncertain).toBe(50);
    const nextLink = await scene.nextLink();
    void ws.send("201");
    await scene.pass();
    nextLink.send(textFrame("ack 151 201"));
    await scene.pass();
    await scene.cut(nextLink);
    expect(ws.lastReport?.messagesUncertain).toBe(49);
    await scene.finish();
  });

  describe.each(["send", "trySend"] as const)("%s() that drops an older message", (method) => {
    const outbox: OutboxOptions = { ...atLeastOnce, capacity: 1, overflow: "dropOldest" };

    it.each(["reconnect", "rotate"] as const)(
      "returns the result of its own message when a listener of `dropped` calls %s()",
      async (name) => {
        const scene = new LayerScene();
        const { ws, client, link } = await scene.openClient({ outbox });
        ws.once("dropped", () => void ws[name]());
        void ws.send("1");
        await scene.pass();
        const answer = method === "send" ? settled(ws.send("2")) : ws.trySend("2");
        expect(await answer).toBe(method === "send" ? "resolved" : "sent");
        await scene.pass();
        expect(closeOf(link)).toBe("1000");
        await scene.answerClose(link);
        const nextLink = await scene.nextLink(0);
        expect([textsOf(link), textsOf(nextLink)]).toEqual([["1", "2"], ["2"]]);
        expect(client.all("dropped").map(({ message }) => message)).toEqual(["1"]);
        expect(client.all("error")).toEqual([]);
        nextLink.send(textFrame("ack 2"));
        await scene.pass();
        await scene.finish();
      },
    );

    it("writes its message before one that a listener of `dropped` sends", async () => {
      const scene = new LayerScene();
      const { ws, client, link } = await scene.openClient({ outbox: { ...outbox, capacity: 2 } });
      ws.once("dropped", () => void ws.send("from the listener"));
      for (const text of ["1", "2", "3"]) {
        if (method === "send") void ws.send(text);
        else expect(ws.trySend(text)).toBe("sent");
      }
      await scene.pass();
      expect(textsOf(link)).toEqual(["1", "2", "3", "from the listener"]);
      expect(client.all("dropped").map(({ message }) => message)).toEqual(["1", "2"]);
      await scene.finish();
    });

    it("accepts its message when a listener of `dropped` closes the client", async () => {
      const scene = new LayerScene();
      const { ws, client, link } = await scene.openClient({ outbox });
      ws.once("dropped", () => void ws.close());
      void ws.send("1");
      await scene.pass();
      const answer = method === "send" ? settled(ws.send("2")) : ws.trySend("2");
      expect(await answer).toBe(method === "send" ? "resolved" : "sent");
      await scene.pass();
      await scene.answerClose(link);
      expect([textsOf(link), ws.state]).toEqual([["1", "2"], "closed"]);
      expect(client.all("error")).toEqual([]);
    });
  });

  describe.each(["send", "trySend"] as const)("%s() during which the client ends", (method) => {
    const fail = (): never => {
      throw new Error("This function fails.");
    };
    /** Functions that end the client. In the other cases a listener of the error ends it. */
    const fatalOptions: Readonly<Record<string, (close: () => void) => Options>> = {
      "in idOf": (close) => ({ outbox: { ...atLeastOnce, idOf: close as () => undefined } }),
      "in keyOf": (close) => ({ outbox: { overflow: "conflate", keyOf: close } }),
      "in the serializer": (close) => ({ outbox: 10, serializer: (value) => (close(), value) }),
      "after an error of idOf": () => ({ outbox: { ...atLeastOnce, idOf: fail } }),
      "after an error of keyOf": () => ({ outbox: { overflow: "conflate", keyOf: fail } }),
      "after a duplicate id": () => ({ outbox: { ...atLeastOnce, idOf: () => "1" } }),
    };

    it.each(Object.keys(fatalOptions))("rejects its message: %s", async (name) => {
      const scene = new LayerScene();
      let mayClose = false;
      const close = (): void => {
        if (mayClose) void client.ws.close();
      };
      const client = scene.watch(fatalOptions[name]!(close));
      const { ws } = client;
      ws.on("error", close);
      void ws.send("first");
      mayClose = true;
      const answer = method === "send" ? settled(ws.send("second")) : ws.trySend("second");
      expect(ws.state).toBe("closed");
      expect(await answer).toBe(method === "send" ? "InvalidStateError" : "dropped");
      expect(client.all("dropped").map(({ message }) => message)).toEqual(["first"]);
      expect(ws.stats().outboxMessages).toBe(0);
      await scene.finish();
    });
  });

  it("messages that were never acknowledged are dropped at the end", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({ outbox: atLeastOnce });
    void ws.send("1");
    void ws.send("2");
    await scene.pass();
    void ws.close();
    await scene.pass();
    await scene.answerClose(link);
    expect(client.all("dropped").map(({ message, cause }) => [message, cause])).toEqual([
      ["1", "closed"],
      ["2", "closed"],
    ]);
    expect(ws.stats().outboxMessages).toBe(0);
    await scene.finish();
  });

  it("acknowledgements are accepted after the client's Close, until the peer's Close", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({ outbox: atLeastOnce });
    void ws.send("1");
    await scene.pass();
    void ws.close();
    await scene.pass();
    link.send(textFrame("ack 1"));
    await scene.answerClose(link);
    expect(client.all("dropped")).toEqual([]);
    await scene.finish();
  });

  it.each([
    [
      "idOf",
      {
        ...atLeastOnce,
        idOf: () => {
          throw new Error("idOf");
        },
      },
    ],
    [
      "acknowledges",
      {
        ...atLeastOnce,
        acknowledges: () => {
          throw new Error("acknowledges");
        },
      },
    ],
    ["an invalid id", { ...atLeastOnce, idOf: () => ({}) as string }],
  ])("a function that fails is reported, and the client stays connected: %s", async (_, outbox) => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({ outbox });
    void ws.send("1");
    await scene.pass();
    link.send(textFrame("hello"));
    await scene.pass();
    expect(textsOf(link)).toEqual(["1"]);
    expect(client.all("error").length).toBeGreaterThan(0);
    expect(await settled(ws.recv())).toBe("resolved");
    expect(ws.state).toBe("connected");
    await scene.finish();
  });
});

describe("flush()", () => {
  it("costs the same CPU time when many calls are pending", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient();
    link.peer.takesWrites = false;
    void ws.send("in flight");
    await scene.pass();
    const callMany = (count: number): void => {
      for (let left = count; left > 0; left--) void ws.flush();
    };
    /** The CPU time of some calls: the minimum of several measurements, which contains no garbage collection. */
    const measure = (): number => {
      const times = Array.from({ length: 5 }, () => {
        const elapsed = measureCpuTime();
        callMany(steps(200));
        return elapsed();
      });
      return Math.min(...times);
    };
    measure();
    const few = measure();
    callMany(cases(20_000));
    expect(measure()).toBeLessThan(5 * few);
    await scene.finish();
  });

  it("waits across a reconnect for all accepted messages", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: 100 });
    link.peer.takesWrites = false;
    void ws.send("in flight");
    await scene.pass();
    void ws.send("unsent");
    const flushed = ws.flush();
    await scene.pass();
    await scene.cut(link);
    expect(await settled(flushed)).toBe("waits");
    const nextLink = await scene.nextLink();
    expect(textsOf(nextLink)).toEqual(["unsent"]);
    expect(await settled(flushed)).toBe("resolved");
    await scene.finish();
  });

  it("waits while offline, resolves at once when no message waits, and times out", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: 100 });
    expect(await settled(ws.flush())).toBe("resolved");
    await scene.cut(link);
    void ws.send("a");
    const [flushed, late] = [ws.flush(), ws.flush({ timeout: 100 })];
    await scene.pass(100);
    expect(await settled(late)).toBe("TimeoutError");
    expect(await settled(flushed)).toBe("waits");
    await scene.nextLink();
    expect(await settled(flushed)).toBe("resolved");
    await scene.finish();
  });

  it("rejects when the client ends first", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: 100 });
    await scene.cut(link);
    void ws.send("a");
    const flushed = ws.flush();
    void ws.close();
    await scene.pass();
    expect(ws.state).toBe("closed");
    expect(await settled(flushed)).toBe("CloseError");
    await scene.finish();
  });

  it("rejects with InvalidStateError without an outbox and without a connection", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient();
    await scene.cut(link);
    expect(await settled(ws.flush())).toBe("InvalidStateError");
    await scene.finish();
    expect(await settled(ws.flush())).toBe("InvalidStateError");
  });

  it("rejects after the end with an outbox too", async () => {
    const scene = new LayerScene();
    const { ws } = await scene.openClient({ outbox: 100 });
    await scene.finish();
    expect(await settled(ws.flush({ timeout: 1_000 }))).toBe("InvalidStateError");
    scene.counting.assertIdle();
  });
});

describe("after the end", () => {
  it.each(["closed", "failed"])("a send rejects and emits an error: %s", async (how) => {
    const scene = new LayerScene();
    const shouldReconnect = (): boolean => false;
    const { ws, client, link } = await scene.openClient({ outbox: 100, shouldReconnect });
    if (how === "closed") {
      void ws.close();
      await scene.pass();
      await scene.answerClose(link);
    } else {
      await scene.cut(link);
    }
    expect(ws.state).toBe(how);
    const before = client.all("error").length;
    void ws.send("a");
    void ws.sendRaw(new Blob(["b"]));
    expect(ws.trySend("c")).toBe("dropped");
    await scene.pass();
    expect(client.all("error").length).toBe(before + 2);
    expect(ws.stats().outboxMessages).toBe(0);
    await scene.finish();
  });

  it("waiting messages are dropped with an event when no retry is left", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({
      outbox: 100,
      backoff: { base: 10, maxAttempts: 1 },
    });
    await scene.cut(link);
    const story = storyOf(ws);
    void ws.send("a");
    await scene.pass(100);
    const peer = scene.clock.peers.at(-1)!;
    peer.refuse();
    await scene.pass(100);
    if (ws.state !== "failed") return;
    expect(story.length + client.all("dropped").length).toBeGreaterThan(0);
    await scene.finish();
  });

  it.each(["dropped", "error"] as const)(
    "a send inside a handler of %s during the end rejects or emits `dropped`",
    async (name) => {
      const scene = new LayerScene();
      let isFailing = false;
      const { ws, client, link } = await scene.openClient({ outbox: 100, shouldReconnect: () => !isFailing });
      await scene.cut(link);
      void ws.send("a");
      const nextLink = await scene.nextDial();
      isFailing = true;
      let late: Promise<void> | undefined;
      ws.on(name, () => (late ??= ws.send("late")));
      nextLink.peer.reset();
      await scene.pass();
      expect(ws.state).toBe("failed");
      expect(late).toBeDefined();
      const outcome = await settled(late!);
      const dropped = client.all("dropped").map(({ message }) => message);
      expect(dropped).toContain("a");
      expect(outcome !== "resolved" || dropped.includes("late")).toBe(true);
      expect(ws.stats().outboxMessages).toBe(0);
      await scene.finish();
    },
  );

  it("close() while offline drops the waiting messages with an event", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({ outbox: 100 });
    await scene.cut(link);
    void ws.send("a");
    void ws.close();
    void ws.send("b");
    await scene.pass();
    expect(client.all("dropped")).toEqual([{ direction: "out", message: "a", cause: "closed" }]);
    expect(client.all("error").at(-1)?.error.constructor.name).toBe("InvalidStateError");
    expect(ws.stats().messagesDropped).toBe(1);
    await scene.finish();
  });
});

describe("a loop of awaited sends", () => {
  it.each([
    ["offline", { capacity: 100_000, maxBytes: 100_000_000 }],
    ["offline, dropping the oldest", { capacity: 10, overflow: "dropOldest" }],
    ["offline, refused", { capacity: 10 }],
  ] as const)("lets timers run: %s", async (_, outbox) => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox });
    await scene.cut(link);
    const text = "x".repeat(1_024);
    const all = steps(10_000);
    let count = 0;
    const loop = (async () => {
      for (; count < all; count++) await ws.send(text).catch(() => undefined);
    })();
    // Promises alone must not finish the loop: virtual time does not advance here.
    await new Promise((resolve) => setImmediate(resolve));
    expect(count).toBeLessThan(1_000);
    while (count < all) await scene.pass(0);
    await loop;
    await scene.finish();
  });
});

describe("a Blob", () => {
  it("waits in the outbox at its position, and is sent", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: 100 });
    await scene.cut(link);
    void ws.send("1");
    void ws.sendRaw(new MemoryBlob("2"));
    void ws.send("3");
    const nextLink = await scene.nextLink();
    await scene.pass();
    void ws.send("4");
    await scene.pass();
    expect(textsOf(nextLink)).toEqual(["1", "2", "3", "4"]);
    await scene.finish();
  });

  it("returns to the head of the outbox when it was not sent", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: 100 });
    link.peer.takesWrites = false;
    void ws.send("0");
    await scene.pass();
    void ws.send("1");
    void ws.sendRaw(new MemoryBlob("2"));
    void ws.send("3");
    link.peer.reset();
    await scene.pass();
    const nextLink = await scene.nextLink();
    expect(textsOf(nextLink)).toEqual(["1", "2", "3"]);
    await scene.finish();
  });

  it("that cannot be read is reported, and does not block later messages", async () => {
    const scene = new LayerScene();
    const { ws, client, link } = await scene.openClient({ outbox: 100 });
    await scene.cut(link);
    const blob = new MemoryBlob("never");
    blob.arrayBuffer = () => Promise.reject(new RangeError("unreadable"));
    void ws.sendRaw(blob);
    void ws.send("next");
    const nextLink = await scene.nextLink();
    expect(textsOf(nextLink)).toEqual(["next"]);
    expect(client.all("error").map(({ error }) => error.message)).toEqual(["unreadable"]);
    expect(ws.stats().outboxMessages).toBe(0);
    await scene.finish();
  });

  it("that cannot be read is removed from the unacknowledged messages too", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: { ...atLeastOnce, idOf: () => "blob" } });
    const blob = new MemoryBlob("never");
    blob.arrayBuffer = () => Promise.reject(new RangeError("unreadable"));
    void ws.sendRaw(blob);
    await scene.pass();
    expect(ws.stats().outboxMessages).toBe(0);
    await scene.cut(link);
    expect(textsOf(await scene.nextLink())).toEqual([]);
    await scene.finish();
  });
});

describe("keeping the process running", () => {
  it("an offline client with a time to live does, but not after unref() or after the end", async () => {
    const scene = new LayerScene();
    const client = scene.watch({ outbox: { ttl: 1_000 } });
    void client.ws.send("a");
    expect(scene.clock.isHeld).toBe(true);
    client.ws.unref();
    expect(scene.clock.isHeld).toBe(false);
    client.ws.ref();
    expect(scene.clock.isHeld).toBe(true);
    await scene.pass(1_000);
    expect(client.all("dropped").map(({ cause }) => cause)).toEqual(["expired"]);
    expect(scene.clock.isHeld).toBe(false);
  });

  it("unref() applies to messages that are sent later", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: { ttl: 1_000, perSecond: 1 } });
    ws.unref();
    expect(scene.clock.isHeld).toBe(false);
    await scene.cut(link);
    for (const text of "abc") void ws.send(text);
    expect(scene.clock.isHeld).toBe(false);
    await scene.nextLink();
    expect(scene.clock.isHeld).toBe(false);
    await scene.finish();
    expect(scene.clock.isHeld).toBe(false);
  });
});

describe("a peer that closes", () => {
  it("newer sends wait for the next connection, and nothing is written after its Close", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: 100 });
    link.send(closeFrame(1012));
    await scene.pass();
    void ws.send("late");
    expect(ws.trySend("later")).toBe("queued");
    link.peer.end();
    await scene.pass();
    expect(textsOf(link)).toEqual([]);
    expect(textsOf(await scene.nextLink(5_000))).toEqual(["late", "later"]);
    await scene.finish();
  });

  it("messages before an answered ping are not uncertain", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: 100 });
    void ws.send("a");
    const ping = ws.ping();
    await scene.pass();
    link.send(pongFrame(link.frames.find(({ opcode }) => opcode === opcodes.ping)!.payload));
    await scene.pass();
    await ping;
    void ws.send("b");
    await scene.pass();
    await scene.cut(link);
    expect(ws.lastReport).toMatchObject({ messagesUnsent: 0, messagesUncertain: 1 });
    await scene.finish();
  });

  it("counts each sent message once, even if it waited in the outbox", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ outbox: 100 });
    for (const text of "abc") void ws.send(text);
    await scene.pass();
    await scene.cut(link);
    for (const text of "de") void ws.send(text);
    await scene.nextLink();
    expect(ws.stats()).toMatchObject({ messagesSent: 5, messagesDropped: 0, reconnectCount: 1 });
    await scene.finish();
  });
});
