import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import type { BorrowedMessage } from "../../src/index.js";
import { borrow, type ReceivedView, mixed, mixedTexts, textsOf } from "../support/borrowing.js";
import type { Message, Options, RecordedClient } from "../support/scene.js";
import type { VirtualLink } from "../support/virtual-link.js";
import { binaryFrame, deflated, fragments, opcodes, textFrame } from "../support/wire.js";
import { LayerScene, numbered, range, sequence } from "./layer-scene.js";

type Client = RecordedClient["ws"];

/** A client whose only consumer is a borrowed handler. */
async function openBorrowing(options: Options = {}): Promise<{
  scene: LayerScene;
  ws: Client;
  client: RecordedClient;
  link: VirtualLink;
  received: ReceivedView[];
  end: () => void;
}> {
  const scene = new LayerScene();
  const { ws, client, link } = await scene.openClient(options);
  return { scene, ws, client, link, ...borrow(scene, ws) };
}

describe("a borrowed handler as the only consumer", () => {
  it("receives text and binary as views of the read buffer, and nothing enters the inbox", async () => {
    const { scene, ws, link, received } = await openBorrowing();
    link.send(...mixed(1));
    await scene.pass();
    expect(textsOf(received)).toEqual(mixedTexts(1));
    expect(received.map(({ isBinary }) => isBinary)).toEqual([false, false, false, false, true]);
    expect(received.every(({ isView }) => isView)).toBe(true);
    expect(ws.stats()).toMatchObject({ messagesReceived: 5, messagesWaiting: 0, messagesDropped: 0 });
    const size = mixedTexts(1).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    expect(ws.stats().payloadBytesReceived).toBe(size);
    await scene.finish();
  });

  it("receives messages that were fragmented, split over several reads, or compressed", async () => {
    const scene = new LayerScene();
    const client = scene.watch({ reconnect: true });
    const link = await scene.dial(client);
    link.answer({ fields: ["Sec-WebSocket-Extensions: permessage-deflate"] });
    await scene.pass();
    const { received } = borrow(scene, client.ws);
    link.send(...fragments(opcodes.text, ["on", "", "e"]), textFrame(deflated("two"), { rsv1: true }));
    await scene.pass();
    const three = textFrame("three".repeat(1000));
    link.send(three.subarray(0, 2000));
    await scene.pass();
    expect(received.length).toBe(2);
    link.send(three.subarray(2000), binaryFrame(deflated("four"), { rsv1: true }), textFrame(""));
    await scene.pass();
    expect(textsOf(received)).toEqual(["one", "two", "three".repeat(1000), "four", ""]);
    await scene.finish();
  });

  it("never calls the deserializer", async () => {
    let calls = 0;
    const { scene, link, received } = await openBorrowing({ deserializer: (data) => (calls++, data) });
    link.send(...mixed(1));
    await scene.pass();
    expect([received.length, calls]).toEqual([5, 0]);
    await scene.finish();
  });

  it("does not receive text that is not UTF-8: the connection fails with 1007 (RFC 6455 8.1)", async () => {
    const { scene, client, link, received } = await openBorrowing({ reconnect: false });
    link.send(textFrame("good"), textFrame(Buffer.of(0x61, 0xff)), textFrame("behind"));
    await scene.pass();
    expect(textsOf(received)).toEqual(["good"]);
    expect(client.all("closing")).toMatchObject([{ code: 1007, initiatedBy: "us" }]);
    await scene.finish();
  });

  it("may overwrite the borrowed data: later messages arrive unchanged", async () => {
    const { scene, ws, link, received } = await openBorrowing();
    ws.on("rawMessage", ({ data }) => void data.fill(0xff), { borrowed: true });
    link.send(...mixed(1), ...mixed(10));
    await scene.pass();
    expect(textsOf(received)).toEqual([...mixedTexts(1), ...mixedTexts(10)]);
    await scene.finish();
  });

  it("keeps a message with a copy by Buffer.from(data); the view itself is overwritten later", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient();
    const kept: { readonly view: Buffer; readonly copy: Buffer }[] = [];
    ws.on("rawMessage", ({ data }) => void kept.push({ view: data, copy: Buffer.from(data) }), {
      borrowed: true,
    });
    link.send(textFrame("first"));
    await scene.pass();
    link.send(textFrame("other"));
    await scene.pass();
    expect(kept[0]!.view.toString()).not.toBe("first");
    expect(kept.map(({ copy }) => copy.toString())).toEqual(["first", "other"]);
    await scene.finish();
  });

  it("may send the borrowed data back", async () => {
    const { scene, ws, link } = await openBorrowing();
    ws.on("rawMessage", ({ data, isBinary }) => void ws.sendRaw(data, { binary: isBinary }), {
      borrowed: true,
    });
    link.send(...mixed(1));
    await scene.pass();
    link.send(textFrame("overwritten".repeat(10)));
    await scene.pass();
    expect(link.texts.slice(0, 5)).toEqual(mixedTexts(1));
    await scene.finish();
  });

  it("runs in the async context in which it was added, and its errors are reported like those of other listeners", async () => {
    const { scene, ws, client, link } = await openBorrowing();
    const storage = new AsyncLocalStorage<string>();
    const contexts: unknown[] = [];
    storage.run("mine", () => {
      ws.on(
        "rawMessage",
        () => {
          contexts.push(storage.getStore());
          throw new RangeError("thrown");
        },
        { borrowed: true },
      );
    });
    ws.on("rawMessage", () => Promise.reject(new RangeError("rejected")), { borrowed: true });
    link.send(...mixed(1).slice(0, 2));
    await scene.pass();
    expect(contexts).toEqual(["mine", "mine"]);
    const errors = client.all("error").map(({ error }) => error.message);
    expect(errors.sort()).toEqual(["rejected", "rejected", "thrown", "thrown"]);
    expect(ws.state).toBe("connected");
    await scene.finish();
  });

  it("stays registered after a reconnect", async () => {
    const { scene, link, received } = await openBorrowing();
    link.send(...mixed(1));
    await scene.pass();
    await scene.cut(link);
    const nextLink = await scene.nextLink();
    nextLink.send(...mixed(10));
    await scene.pass();
    expect(textsOf(received)).toEqual([...mixedTexts(1), ...mixedTexts(10)]);
    expect(received.every(({ isView }) => isView)).toBe(true);
    await scene.finish();
  });
});

describe("from inside a borrowed handler", () => {
  it("close() still delivers the messages that arrive before the peer's Close", async () => {
    const { scene, ws, link, received } = await openBorrowing();
    ws.on("rawMessage", () => void ws.close(), { borrowed: true });
    link.send(...mixed(1));
    await scene.pass();
    link.send(...mixed(10));
    await scene.answerClose(link);
    expect(textsOf(received)).toEqual([...mixedTexts(1), ...mixedTexts(10)]);
    expect(ws.state).toBe("closed");
    await scene.finish();
  });

  it("terminate() discards the rest of the read", async () => {
    const { scene, ws, link, received } = await openBorrowing();
    ws.on("rawMessage", () => ws.terminate(), { borrowed: true });
    link.send(...mixed(1), ...mixed(10));
    await scene.pass();
    expect(textsOf(received)).toEqual(["1"]);
    expect(ws.state).toBe("closed");
    await scene.finish();
  });

  it("off() removes the handler: the rest of the read waits for the next reader", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient();
    const seen: string[] = [];
    const listener = ({ data }: BorrowedMessage): void => {
      seen.push(data.toString());
      ws.off("rawMessage", listener);
    };
    ws.on("rawMessage", listener, { borrowed: true });
    link.send(...mixed(1));
    await scene.pass();
    const rest: string[] = [];
    while (ws.stats().messagesWaiting > 0) rest.push((await ws.recv()).toString());
    expect([seen, rest]).toEqual([["1"], mixedTexts(1).slice(1)]);
    await scene.finish();
  });

  it("recv() receives the next message, and so does the handler", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient();
    const seen: string[] = [];
    const received: Promise<Message>[] = [];
    ws.on(
      "rawMessage",
      ({ data }) => {
        seen.push(data.toString());
        if (seen.length % 2 === 1) received.push(ws.recv());
      },
      { borrowed: true },
    );
    link.send(...mixed(1));
    await scene.pass();
    expect(seen).toEqual(mixedTexts(1));
    expect((await Promise.all(received.slice(0, 2))).map(String)).toEqual(["2", "é4"]);
    await scene.finish();
    await expect(received[2]).rejects.toThrow();
  });

  it("a handler that is added receives the next message as usual", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient();
    const values: Message[] = [];
    const raw: (string | Buffer)[] = [];
    ws.on(
      "rawMessage",
      () => {
        if (values.length + raw.length > 0) return;
        ws.on("message", ({ data }) => void values.push(data));
        ws.on("rawMessage", ({ data }) => void raw.push(data));
      },
      { borrowed: true },
    );
    link.send(textFrame("0"), textFrame("1"), binaryFrame(Buffer.from("2")));
    await scene.pass();
    link.send(textFrame("overwritten"));
    await scene.pass();
    expect(values.slice(0, 2)).toEqual(["1", Buffer.from("2")]);
    expect(raw.slice(0, 2)).toEqual(["1", Buffer.from("2")]);
    await scene.finish();
  });
});

type OtherConsumer = readonly [
  name: string,
  begin: (ws: Client) => { readonly got: () => string[] | Promise<string[]> },
  options: Options,
];

/** Other consumers and options that need the whole message. `got` returns the texts that the consumer received. */
const otherConsumers: readonly OtherConsumer[] = [
  ["a message handler", (ws) => listen(ws, "message"), {}],
  ["a plain rawMessage handler", (ws) => listen(ws, "rawMessage"), {}],
  [
    "a loop",
    (ws) => {
      const got: string[] = [];
      const loop = (async () => {
        for await (const data of ws) got.push(data.toString());
      })();
      loop.catch(() => undefined);
      return { got: () => got };
    },
    {},
  ],
  [
    "batches()",
    (ws) => {
      const got: string[] = [];
      const loop = (async () => {
        for await (const batch of ws.batches()) got.push(...batch.map(String));
      })();
      loop.catch(() => undefined);
      return { got: () => got };
    },
    {},
  ],
  [
    "repeated recv()",
    (ws) => {
      const waiting = range(1, 5).map(async () => String(await ws.recv()));
      return { got: () => Promise.all(waiting) };
    },
    {},
  ],
  ["replay", () => ({ got: () => mixedTexts(1) }), { replay: { sequence: () => undefined } }],
  [
    "an isPong",
    () => ({ got: () => mixedTexts(1) }),
    { heartbeat: { ping: () => "?", isPong: () => false } },
  ],
  [
    "acknowledgements",
    () => ({ got: () => mixedTexts(1) }),
    { outbox: { idOf: () => 1, acknowledges: () => undefined } },
  ],
];

function listen(ws: Client, name: "message" | "rawMessage"): { readonly got: () => string[] } {
  const kept: (string | Buffer)[] = [];
  ws.on(name, ({ data }) => void kept.push(data));
  return { got: () => kept.map(String) };
}

describe.each(otherConsumers)("a borrowed handler together with %s", (_, begin, options) => {
  it("every consumer receives each message once, complete and in order", async () => {
    const { scene, ws, link, received } = await openBorrowing(options);
    const { got } = begin(ws);
    link.send(...mixed(1));
    await scene.pass();
    expect(textsOf(received)).toEqual(mixedTexts(1));
    expect(await got()).toEqual(mixedTexts(1));
    expect(received.map(({ isBinary }) => isBinary)).toEqual([false, false, false, false, true]);
    expect(received.some(({ isView }) => isView)).toBe(false);
    expect(ws.stats()).toMatchObject({ messagesReceived: 5, messagesWaiting: 0, messagesDropped: 0 });
    await scene.finish();
  });
});

describe("a borrowed handler with hooks, replay and rotation", () => {
  it("onConnection consumes the message it waits for; the handler receives the others once each", async () => {
    const scene = new LayerScene();
    const taken: string[] = [];
    const client = scene.watch({
      reconnect: true,
      onConnection: async (connection) =>
        void taken.push(String(await connection.recv({ match: (data) => String(data) === "2" }))),
    });
    const { received } = borrow(scene, client.ws);
    const link = await scene.dial(client);
    link.answer({ followedBy: mixed(1) });
    await scene.pass();
    link.send(...mixed(10));
    await scene.pass();
    expect(taken).toEqual(["2"]);
    const rest = mixedTexts(1).filter((text) => text !== "2");
    expect(textsOf(received)).toEqual([...rest, ...mixedTexts(10)]);
    expect(received.slice(-5).every(({ isView }) => isView)).toBe(true);
    await scene.finish();
  });

  it("replay removes duplicates before the handler is called", async () => {
    const { scene, link, received } = await openBorrowing({ replay: { sequence } });
    link.send(...numbered(1, 3), ...numbered(2, 4));
    await scene.pass();
    expect(textsOf(received)).toEqual(range(1, 4).map((id) => `default:${id}`));
    await scene.finish();
  });

  it("messages keep their order when two connections overlap", async () => {
    const { scene, ws, link, received } = await openBorrowing({
      rotation: { mode: "overlap", overlap: 1_000 },
    });
    const rotated = ws.rotate();
    const second = await scene.second();
    second.send(...mixed(10));
    link.send(...mixed(1));
    await scene.pass(1_000);
    await scene.answerClose(link);
    await scene.pass(1_000);
    await rotated;
    second.send(...mixed(20));
    await scene.pass();
    expect(textsOf(received)).toEqual([1, 10, 20].flatMap(mixedTexts));
    expect(received.slice(-5).every(({ isView }) => isView)).toBe(true);
    await scene.finish();
  });
});

describe("a borrowed handler that is added late", () => {
  it("receives the buffered messages first, then the new ones", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient();
    link.send(...mixed(1));
    await scene.pass();
    const { received } = borrow(scene, ws);
    expect(received).toEqual([]);
    link.send(...mixed(10));
    await scene.pass();
    expect(textsOf(received)).toEqual([...mixedTexts(1), ...mixedTexts(10)]);
    expect(received.map(({ isBinary }) => isBinary).filter(Boolean).length).toBe(2);
    expect(ws.stats().messagesWaiting).toBe(0);
    await scene.finish();
  });

  it("next to an open loop receives the buffered messages of the loop too, once each", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient();
    link.send(...mixed(1));
    await scene.pass();
    const iterator = ws[Symbol.asyncIterator]();
    const { received } = borrow(scene, ws);
    await scene.pass();
    link.send(...mixed(10));
    await scene.pass();
    await iterator.return!();
    link.send(...mixed(20));
    await scene.pass();
    expect(textsOf(received)).toEqual([1, 10, 20].flatMap(mixedTexts));
    await scene.finish();
  });
});

describe("consumers that are added and removed at random", () => {
  it("receive no message twice, keep the order, and lose none", async () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
      return (seed >> 8) % below;
    };
    for (let round = 0; round < 20; round++) {
      const scene = new LayerScene();
      const { ws, link } = await scene.openClient();
      const borrowed = new Set<() => void>();
      const handlers = new Set<() => void>();
      const read: string[] = [];
      const receivedLists: string[][] = [];
      let sent = 0;
      for (let step = 0; step < 40; step++) {
        const kind = random(6);
        if (kind === 0) {
          const { received, end } = borrow(scene, ws);
          const mine: string[] = [];
          receivedLists.push(mine);
          borrowed.add(() => (end(), mine.push(...textsOf(received))));
        } else if (kind === 1 && borrowed.size > 0) {
          const [end] = borrowed;
          borrowed.delete(end!);
          end!();
        } else if (kind === 2 && handlers.size === 0) {
          const listener = ({ data }: { data: Message }): void => void read.push(data.toString());
          ws.on("message", listener);
          handlers.add(() => void ws.off("message", listener));
        } else if (kind === 3) {
          for (const end of handlers) end();
          handlers.clear();
        } else {
          link.send(...range(sent + 1, sent + 4).map((id) => textFrame(String(id))));
          sent += 4;
        }
        await scene.pass();
      }
      for (const end of borrowed) end();
      for (const end of handlers) end();
      const waiting: string[] = [];
      while (ws.stats().messagesWaiting > 0) waiting.push(String(await ws.recv()));
      const all = [...receivedLists, read, waiting];
      for (const one of all) {
        const ids = one.map(Number);
        expect(ids).toEqual([...new Set(ids)].sort((first, second) => first - second));
      }
      expect([...new Set(all.flat().map(Number))].sort((first, second) => first - second)).toEqual(
        range(1, sent),
      );
      await scene.finish();
    }
  });
});

describe("on(), once() and off()", () => {
  const listener = (): void => undefined;

  it("reject unknown options", async () => {
    const scene = new LayerScene();
    const { ws } = await scene.openClient();
    const on = ws.on.bind(ws) as (...given: unknown[]) => unknown;
    const once = ws.once.bind(ws) as (...given: unknown[]) => unknown;
    expect(() => on("rawMessage", listener, { borowed: true })).toThrow(TypeError);
    expect(() => on("rawMessage", listener, { borowed: true })).toThrow(/"borowed".*borrowed/);
    expect(() => on("rawMessage", listener, { borrowed: 1 })).toThrow(TypeError);
    expect(() => on("rawMessage", listener, true)).toThrow(TypeError);
    expect(() => on("rawMessage", 5, { borrowed: true })).toThrow(/"rawMessage" must be a function/);
    expect(() => on("message", listener, { borrowed: true })).toThrow(/"rawMessage".*"message"/);
    expect(() => once("rawMessage", listener, { borrowed: true })).toThrow(/on\(\), and off\(\)/);
    expect(() => once("message", listener, { other: 1 })).toThrow(TypeError);
    on("rawMessage", listener, { borrowed: false });
    on("message", listener, {});
    once("rawMessage", listener, { borrowed: undefined });
    await scene.finish();
  });

  it("off() removes the last registration of the listener, borrowed or not", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient();
    const seen: string[] = [];
    const look = ({ data }: { readonly data: string | Buffer }): void => void seen.push(typeof data);
    ws.on("rawMessage", look).on("rawMessage", look, { borrowed: true }).on("rawMessage", look);
    const sendOne = async (): Promise<string[]> => {
      link.send(textFrame("a"));
      await scene.pass();
      return seen.splice(0);
    };
    expect(await sendOne()).toEqual(["string", "string", "object"]);
    ws.off("rawMessage", look);
    expect(await sendOne()).toEqual(["string", "object"]);
    ws.off("rawMessage", look);
    expect(await sendOne()).toEqual(["string"]);
    ws.off("rawMessage", look).off("rawMessage", look);
    expect(await sendOne()).toEqual([]);
    expect(ws.stats().messagesWaiting).toBe(1);
    await scene.finish();
  });
});
