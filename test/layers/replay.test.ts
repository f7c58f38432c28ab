import { describe, expect, it } from "vitest";
import type { Cursors, SetupConnection } from "../../src/index.js";
import { never } from "../support/never.js";
import type { Message, Options, RecordedClient } from "../support/scene.js";
import { closeFrame, textFrame } from "../support/wire.js";
import { LayerScene, numbered, range, sequence, storyOf, streamOf, textsOf } from "./layer-scene.js";

type Replay = NonNullable<Options["replay"]>;
type Connection = SetupConnection<Message, string | Uint8Array>;

const numberOf = (message: Message): number | undefined =>
  String(message).includes(":") ? sequence(message) : undefined;

/** Every way to read messages; each appends the received numbers to `into`. */
const ways: [string, (ws: RecordedClient["ws"], into: number[]) => void][] = [
  ["a handler", (ws, into) => void ws.on("message", ({ data }) => into.push(sequence(data)))],
  [
    "recv()",
    (ws, into) => {
      const next = (): void =>
        void ws.recv().then((data) => {
          into.push(sequence(data));
          next();
        }, ignore);
      next();
    },
  ],
  [
    "for await",
    (ws, into) => {
      void (async () => {
        for await (const data of ws) into.push(sequence(data));
      })().catch(ignore);
    },
  ],
];
const ignore = (): void => undefined;

interface Running {
  readonly scene: LayerScene;
  readonly ws: RecordedClient["ws"];
  readonly client: RecordedClient;
  readonly link: Awaited<ReturnType<LayerScene["openClient"]>>["link"];
  readonly read: number[];
  readonly story: string[];
}

async function start(
  replay: Partial<Replay> = {},
  options: Options = {},
  way = ways[0]![1],
): Promise<Running> {
  const scene = new LayerScene();
  const opened = await scene.openClient({ replay: { sequence: numberOf, ...replay }, ...options });
  const read: number[] = [];
  way(opened.ws, read);
  return { scene, ...opened, read, story: storyOf(opened.ws) };
}

/** The recorded events without those of every reconnect. */
function recorded(story: readonly string[]): string[] {
  return story.filter((line) => !/^(dis|re)connect/.test(line));
}

const array = (from: number, to: number): string[] => range(from, to).map((id) => `default:${id}`);
async function* iterable(from: number, to: number): AsyncGenerator<string> {
  for (const text of array(from, to)) yield await Promise.resolve(text);
}

describe.each(ways)("read by %s", (_, way) => {
  it("removes duplicates after a reconnect", async () => {
    const { scene, ws, link, read, story } = await start({}, {}, way);
    link.send(...numbered(1, 5));
    await scene.pass();
    await scene.cut(link);
    const nextLink = await scene.nextLink();
    nextLink.send(...numbered(2, 8));
    await scene.pass();
    expect(read).toEqual(range(1, 8));
    expect(ws.stats()).toMatchObject({ duplicateCount: 4, gapCount: 0, messagesReceived: 12 });
    expect(recorded(story)).toEqual([]);
    await scene.finish();
  });

  it("emits `gap` and continues, without onReplay", async () => {
    const { scene, link, read, story } = await start({}, {}, way);
    link.send(...numbered(1, 2), ...numbered(5));
    await scene.pass();
    expect(read).toEqual([1, 2, 5]);
    await scene.cut(link);
    const nextLink = await scene.nextLink();
    nextLink.send(...numbered(9), ...numbered(10));
    await scene.pass();
    expect(read).toEqual([1, 2, 5, 9, 10]);
    expect(recorded(story)).toEqual(["gap default 3 5", "gap default 6 9"]);
    await scene.finish();
  });

  it.each([
    ["an array", (from: number, to: number) => array(from, to)],
    ["a promise of an array", (from: number, to: number) => Promise.resolve(array(from, to))],
    ["an async iterable", iterable],
    ["a promise of an async iterable", (from: number, to: number) => Promise.resolve(iterable(from, to))],
  ] as const)(
    "inserts what onReplay returns at its position, on an open connection and after a reconnect: %s",
    async (_, give) => {
      const asked: Cursors[] = [];
      let last = 0;
      const onReplay = (cursors: Cursors): ReturnType<NonNullable<Replay["onReplay"]>> => {
        asked.push(cursors);
        return give(Number(cursors["default"]!.sequence) + 1, last);
      };
      const { scene, ws, link, read, story } = await start({ onReplay }, {}, way);
      last = 5;
      link.send(...numbered(1, 2), ...numbered(5, 6));
      await scene.pass(1);
      expect(read).toEqual(range(1, 6));
      expect(recorded(story)).toEqual(["gap default 3 5", "recovered default 2"]);
      await scene.cut(link);
      last = 9;
      const nextLink = await scene.nextLink();
      nextLink.send(...numbered(10, 11));
      await scene.pass(1);
      expect(read).toEqual(range(1, 11));
      expect(asked).toEqual([{ default: { sequence: 2 } }, { default: { sequence: 6 } }]);
      expect(recorded(story).at(-1)).toBe("recovered default 3");
      expect(ws.stats()).toMatchObject({ recoveredCount: 5, resetCount: 0, messagesHeld: 0 });
      await scene.finish();
    },
  );

  it("accepts messages that the server repeats in band", async () => {
    const onReplay = async (cursors: Cursors, connection: Connection): Promise<void> =>
      connection.send(`from ${cursors["default"]!.sequence}`);
    const { scene, link, read, story } = await start({ onReplay }, {}, way);
    link.send(...numbered(1, 2), ...numbered(5));
    await scene.pass(1);
    expect(textsOf(link)).toEqual(["from 2"]);
    expect(read).toEqual([1, 2]);
    link.send(...numbered(6), ...numbered(3, 4));
    await scene.pass(1);
    expect(read).toEqual(range(1, 6));
    await scene.cut(link);
    const nextLink = await scene.nextLink();
    expect(textsOf(nextLink)).toEqual(["from 6"]);
    // The live message arrives first, then the missed ones.
    nextLink.send(...numbered(9), ...numbered(7, 8), ...numbered(10));
    await scene.pass(1);
    expect(read).toEqual(range(1, 10));
    expect(story).not.toContain("reset default");
    await scene.finish();
  });
});

describe("onReplay that fails", () => {
  const bad: [string, () => unknown][] = [
    ["rejects", () => Promise.reject(new Error("no history"))],
    [
      "throws",
      () => {
        throw new Error("no history");
      },
    ],
    ["returns a number", () => 7],
    ["returns a string", () => "default:3"],
    ["returns an object", () => ({ length: 2 })],
    ["returns a function", () => () => undefined],
    [
      "rejects midway",
      async function* () {
        yield await Promise.resolve("default:3");
        throw new Error("midway");
      },
    ],
  ];

  it.each(bad)("is reported, and the stream continues at once: %s", async (how, onReplay) => {
    const typed = onReplay as NonNullable<Replay["onReplay"]>;
    const { scene, ws, client, link, read, story } = await start({ onReplay: typed });
    link.send(...numbered(1, 2), ...numbered(5, 6));
    await scene.pass(1);
    const isMidway = how === "rejects midway";
    expect(read).toEqual(isMidway ? [1, 2, 3, 5, 6] : [1, 2, 5, 6]);
    expect(recorded(story)[0]).toBe("gap default 3 5");
    expect(story).toContain("reset default");
    expect(client.all("error").length).toBe(1);
    expect(client.all("error")[0]?.isFatal).toBe(false);
    link.send(...numbered(7));
    await scene.pass();
    expect(read.at(-1)).toBe(7);
    expect(ws.state).toBe("connected");
    await scene.finish();
  });

  const empty: [string, () => unknown][] = [
    ["hangs", () => never<string[]>()],
    ["returns nothing, and no message arrives", () => undefined],
    ["returns an empty array", () => []],
    ["returns other messages", () => ["hello", "default:1", "default:2"]],
    ["returns null", () => null],
    [
      "hangs in the middle of its iterable",
      async function* () {
        yield "default:1";
        await never();
      },
    ],
  ];

  it.each(empty)(
    "delays messages at most by recoveryTimeout, then the stream resets and continues: %s",
    async (_, onReplay) => {
      const typed = onReplay as NonNullable<Replay["onReplay"]>;
      const { scene, link, read, story } = await start({ onReplay: typed, recoveryTimeout: 1_000 });
      const numbers = (): number[] => read.filter((id) => !Number.isNaN(id));
      link.send(...numbered(1, 2), ...numbered(5));
      await scene.pass(500);
      link.send(...numbered(6));
      await scene.pass(500);
      expect(numbers()).toEqual([1, 2, 5, 6]);
      expect(recorded(story).filter((line) => !line.startsWith("error"))).toEqual([
        "gap default 3 5",
        "reset default",
      ]);
      link.send(...numbered(7));
      await scene.pass();
      expect(numbers()).toEqual([1, 2, 5, 6, 7]);
      await scene.pass(60_000);
      expect(story.filter((line) => line === "reset default").length).toBe(1);
      await scene.finish();
    },
  );

  it("removes or delivers messages that arrive too late, never twice", async () => {
    let release: (value: string[]) => void = ignore;
    const onReplay = (): Promise<string[]> => new Promise((resolve) => (release = resolve));
    const { scene, link, read, story } = await start({ onReplay, recoveryTimeout: 1_000 });
    link.send(...numbered(1, 2), ...numbered(5));
    await scene.pass(1_000);
    expect(read).toEqual([1, 2, 5]);
    release(array(3, 5));
    await scene.pass();
    link.send(...numbered(6));
    await scene.pass();
    expect(read.filter((id) => id === 5).length).toBe(1);
    expect(read.at(-1)).toBe(6);
    expect(new Set(read).size).toBe(read.length);
    expect(story.filter((line) => line === "reset default").length).toBe(1);
    await scene.finish();
  });

  it("is limited by maxWaiting: the stream resets, and all messages are delivered in order", async () => {
    const { scene, ws, link, read, story } = await start({
      onReplay: () => never<string[]>(),
      maxWaiting: 3,
    });
    link.send(...numbered(1, 2), ...numbered(5, 6));
    await scene.pass();
    expect(ws.stats().messagesHeld).toBe(2);
    link.send(...numbered(7));
    await scene.pass();
    expect(read).toEqual([1, 2, 5, 6, 7]);
    expect(recorded(story)).toEqual(["gap default 3 5", "reset default"]);
    expect(ws.stats().messagesHeld).toBe(0);
    await scene.finish();
  });

  it("does not reset a stream without buffered messages", async () => {
    const { scene, link, read, story } = await start({
      onReplay: () => never<string[]>(),
      recoveryTimeout: 100,
    });
    link.send(...numbered(1, 2));
    await scene.pass();
    await scene.cut(link);
    const nextLink = await scene.nextLink();
    await scene.pass(60_000);
    nextLink.send(...numbered(3));
    await scene.pass(60_000);
    expect(read).toEqual([1, 2, 3]);
    expect(recorded(story)).toEqual([]);
    await scene.finish();
  });

  it("delays neither the outbox nor `reconnected`", async () => {
    const { scene, ws, link, story } = await start({ onReplay: () => never<string[]>() }, { outbox: 10 });
    link.send(...numbered(1));
    await scene.pass();
    await scene.cut(link);
    void ws.send("a");
    const nextLink = await scene.nextLink();
    expect(textsOf(nextLink)).toEqual(["a"]);
    expect(story).toContain("reconnected");
    await scene.finish();
  });
});

describe("live messages after replayed ones", () => {
  it("wait while an async iterable runs, and are delivered in order", async () => {
    const gates: (() => void)[] = [];
    const onReplay = async function* (): AsyncGenerator<string> {
      for (const text of array(3, 5)) {
        await new Promise<void>((resolve) => gates.push(resolve));
        yield text;
      }
    };
    const { scene, link, read, story } = await start({ onReplay });
    link.send(...numbered(1, 2));
    await scene.pass();
    await scene.cut(link);
    const nextLink = await scene.nextLink();
    for (const id of [6, 7, 8]) {
      nextLink.send(...numbered(id));
      await scene.pass();
      expect(read).toEqual(range(1, id - 4));
      gates.shift()!();
      await scene.pass(1);
    }
    expect(read).toEqual(range(1, 8));
    expect(recorded(story)).toEqual(["gap default 3 6", "recovered default 3"]);
    await scene.finish();
  });

  it("after a lost connection: the next one requests again, and a late answer delivers no duplicates", async () => {
    const answers: ((value: string[]) => void)[] = [];
    const asked: Cursors[] = [];
    const onReplay = (cursors: Cursors): Promise<string[]> => {
      asked.push(cursors);
      return new Promise((resolve) => answers.push(resolve));
    };
    const { scene, link, read, story } = await start({ onReplay });
    link.send(...numbered(1, 2));
    await scene.pass();
    await scene.cut(link);
    const second = await scene.nextLink();
    second.send(...numbered(6));
    await scene.pass();
    await scene.cut(second);
    const third = await scene.nextLink();
    third.send(...numbered(8));
    await scene.pass();
    answers[0]!(array(3, 5));
    await scene.pass();
    answers[1]!(array(3, 7));
    await scene.pass();
    expect(read).toEqual(range(1, 8));
    expect(asked.map((cursors) => cursors["default"]!.sequence)).toEqual([2, 2]);
    expect(story).not.toContain("reset default");
    await scene.finish();
  });

  it("an iterable whose connection is lost is closed", async () => {
    let isClosed = false;
    const gates: (() => void)[] = [];
    const onReplay = async function* (): AsyncGenerator<string> {
      try {
        for (let id = 3; ; id++) {
          await new Promise<void>((resolve) => gates.push(resolve));
          yield `default:${id}`;
        }
      } finally {
        isClosed = true;
      }
    };
    const { scene, link } = await start({ onReplay });
    link.send(...numbered(1, 2));
    await scene.pass();
    await scene.cut(link);
    const nextLink = await scene.nextLink();
    await scene.cut(nextLink);
    gates.shift()!();
    await scene.pass();
    expect(isClosed).toBe(true);
    await scene.finish();
  });

  it("an endless iterable does not outrun a slow consumer", async () => {
    let given = 2;
    const onReplay = async function* (): AsyncGenerator<string> {
      for (;;) yield await Promise.resolve(`default:${++given}`);
    };
    const scene = new LayerScene();
    const options = { replay: { sequence: numberOf, onReplay }, buffer: 10 };
    const { ws, link } = await scene.openClient(options);
    const first = ws.recv();
    link.send(...numbered(1, 2));
    await scene.pass();
    expect(sequence(await first)).toBe(1);
    await scene.cut(link);
    await scene.nextLink();
    await scene.pass(100);
    expect(given).toBeLessThan(50);
    const read = [];
    for (let count = 0; count < 40; count++) {
      read.push(sequence(await ws.recv({ timeout: 50 })));
      await scene.pass();
    }
    expect(read).toEqual(range(2, 41));
    await scene.finish();
  });
});

describe("unexpected numbers", () => {
  it.each([
    ["on a live link", false],
    ["after a reconnect", true],
  ])("that go back beyond the window reset the stream, and are delivered: %s", async (_, isCut) => {
    const { scene, ws, link, read, story } = await start({ window: 10 });
    link.send(...numbered(100, 110));
    await scene.pass();
    let now = link;
    if (isCut) {
      await scene.cut(link);
      now = await scene.nextLink();
    }
    now.send(...numbered(1, 3));
    await scene.pass();
    expect(read).toEqual([...range(100, 110), 1, 2, 3]);
    expect(recorded(story)).toEqual(["reset default"]);
    expect(ws.stats()).toMatchObject({ resetCount: 1, duplicateCount: 0 });
    await scene.finish();
  });

  it.each([
    ["hangs", () => never<string[]>()],
    ["in band", () => undefined],
    ["array", () => []],
    ["rejects", () => Promise.reject(new Error("no"))],
  ] as [string, NonNullable<Replay["onReplay"]>][])(
    "that restart at 1 after a reconnect, beyond the window, are delivered while onReplay %s",
    async (_, onReplay) => {
      const { scene, link, read, story } = await start({ window: 10, onReplay, recoveryTimeout: 1_000 });
      link.send(...numbered(100, 110));
      await scene.pass();
      await scene.cut(link);
      const nextLink = await scene.nextLink();
      nextLink.send(...numbered(1, 3));
      await scene.pass(1_000);
      nextLink.send(...numbered(4));
      await scene.pass();
      expect(read).toEqual([...range(100, 110), 1, 2, 3, 4]);
      expect(story.filter((line) => line === "reset default")).toEqual(["reset default"]);
      await scene.finish();
    },
  );

  it("that restart at 1 within the window reset the stream after as many duplicates as the window", async () => {
    const { scene, ws, link, read, story } = await start({ window: 5 });
    link.send(...numbered(1, 5));
    await scene.pass();
    await scene.cut(link);
    const nextLink = await scene.nextLink();
    for (let round = 0; round < 20; round++) nextLink.send(...numbered(1));
    await scene.pass();
    expect(read.length).toBeGreaterThan(5);
    expect(read.length + ws.stats().duplicateCount).toBe(25);
    expect(story).toContain("reset default");
    await scene.finish();
  });

  it("with a new epoch restart the stream, however close the numbers are", async () => {
    const epochOf = (message: Message): string => String(message).split(":")[2] ?? "first";
    const { scene, ws, link, read, story } = await start({ epochOf });
    link.send(...numbered(1, 3));
    await scene.pass();
    await scene.cut(link);
    const nextLink = await scene.nextLink();
    nextLink.send(
      textFrame("default:1:second"),
      textFrame("default:2:second"),
      textFrame("default:2:second"),
    );
    await scene.pass();
    expect(read).toEqual([1, 2, 3, 1, 2]);
    expect(recorded(story)).toEqual(["reset default"]);
    expect(ws.cursors()).toEqual({ default: { sequence: 2, epoch: "second" } });
    await scene.finish();
  });

  it("with an epoch from the connection count restart the stream after a reconnect", async () => {
    const epochOf = (_: Message, connectionCount: number): number => connectionCount;
    const { scene, ws, link, read, story } = await start({ epochOf });
    link.send(...numbered(1, 3));
    await scene.pass();
    expect(ws.cursors()).toEqual({ default: { sequence: 3, epoch: 1 } });
    await scene.cut(link);
    const nextLink = await scene.nextLink();
    nextLink.send(...numbered(1, 2));
    await scene.pass();
    expect(read).toEqual([1, 2, 3, 1, 2]);
    expect(recorded(story)).toEqual(["reset default"]);
    await scene.finish();
  });

  it.each(["sequence", "streamOf", "epochOf", "isNext"] as const)(
    "with %s that throws are reported, and the message is delivered",
    async (name) => {
      let isBroken = false;
      const functions = {
        sequence: numberOf,
        streamOf: () => "default",
        epochOf: () => 1,
        isNext: (a: number | string, b: number | string) => Number(b) === Number(a) + 1,
      };
      const inner = functions[name] as (...values: unknown[]) => unknown;
      const breaking = (...values: unknown[]): unknown => {
        if (isBroken) throw new Error(`${name} is broken`);
        return inner(...values);
      };
      const { scene, client, ws, link, read } = await start({ ...functions, [name]: breaking });
      link.send(...numbered(1, 2));
      await scene.pass();
      isBroken = true;
      link.send(...numbered(3, 4));
      await scene.pass();
      expect(read).toEqual([1, 2, 3, 4]);
      expect(client.all("error").length).toBeGreaterThan(0);
      isBroken = false;
      link.send(...numbered(5));
      await scene.pass(20_000);
      expect(read).toEqual([1, 2, 3, 4, 5]);
      expect(ws.state).toBe("connected");
      await scene.finish();
    },
  );

  it.each([NaN, 1.5, Infinity, {}, true, Symbol("id")])(
    "that are invalid are reported, and the message is delivered: %s",
    async (id) => {
      const { scene, client, link, read } = await start({ sequence: () => id as number });
      link.send(...numbered(1, 3));
      await scene.pass(20_000);
      expect(read).toEqual([1, 2, 3]);
      expect(client.all("error").length).toBeGreaterThan(0);
      await scene.finish();
    },
  );

  it.each(["gap", "recovered", "reset", "message"] as const)(
    "a handler of %s that throws or sends does not disturb the stream",
    async (name) => {
      const { scene, ws, client, link, read } = await start({ onReplay: () => array(3, 4), window: 1 });
      ws.on(name, () => {
        void ws.send(name);
        throw new Error(`thrown by ${name}`);
      });
      link.send(...numbered(1, 2), ...numbered(5, 7));
      await scene.pass(1);
      link.send(...numbered(1, 2));
      await scene.pass(1);
      expect(read).toEqual([1, 2, 3, 4, 5, 6, 7, 1, 2]);
      expect(textsOf(link)).toContain(name);
      expect(client.all("error").length).toBeGreaterThan(0);
      await scene.finish();
    },
  );

  it.each(["gap", "recovered", "reset"] as const)(
    "terminate() inside a handler of %s: no event follows `closed`",
    async (name) => {
      const { scene, ws, link, story } = await start({ onReplay: () => array(3, 4), window: 1 });
      ws.on(name, () => ws.terminate());
      link.send(...numbered(1, 2), ...numbered(5, 7));
      await scene.pass(1);
      link.send(...numbered(1, 2));
      await scene.pass(1);
      expect(ws.state).toBe("closed");
      expect(story.at(-1)).toBe("closed");
      await scene.finish();
    },
  );
});

describe("several streams", () => {
  it("a gap delays only its own stream", async () => {
    const releases: ((value: string[]) => void)[] = [];
    const onReplay = (cursors: Cursors): Promise<string[]> => {
      asked.push(cursors);
      return new Promise((resolve) => releases.push(resolve));
    };
    const asked: Cursors[] = [];
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ replay: { sequence: numberOf, streamOf, onReplay } });
    const read: string[] = [];
    ws.on("message", ({ data }) => void read.push(String(data)));
    const story = storyOf(ws);
    link.send(...numbered(1, 2, "a"), ...numbered(7, 8, "b"), ...numbered(4, 4, "a"), ...numbered(9, 9, "b"));
    await scene.pass(1);
    expect(read).toEqual(["a:1", "a:2", "b:7", "b:8", "b:9"]);
    expect(asked).toEqual([{ a: { sequence: 2 } }]);
    link.send(...numbered(11, 11, "b"));
    await scene.pass(1);
    releases[1]!(["b:10"]);
    link.send(...numbered(3, 3, "a"));
    await scene.pass(1);
    expect(read.filter((text) => text.startsWith("a"))).toEqual(["a:1", "a:2", "a:3", "a:4"]);
    expect(read.filter((text) => text.startsWith("b"))).toEqual(["b:7", "b:8", "b:9", "b:10", "b:11"]);
    expect(story).not.toContain("reset a");
    expect(story).not.toContain("reset b");
    releases[0]!([]);
    await scene.finish();
  });

  it("a reconnect requests all of them at once; unnumbered messages pass", async () => {
    const asked: Cursors[] = [];
    const onReplay = (cursors: Cursors): string[] => {
      asked.push(cursors);
      return ["a:3", "b:9"];
    };
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ replay: { sequence: numberOf, streamOf, onReplay } });
    const read: string[] = [];
    ws.on("message", ({ data }) => void read.push(String(data)));
    const story = storyOf(ws);
    link.send(...numbered(1, 2, "a"), textFrame("hello"), ...numbered(7, 8, "b"));
    await scene.pass();
    await scene.cut(link);
    const nextLink = await scene.nextLink();
    nextLink.send(
      ...numbered(4, 4, "a"),
      textFrame("world"),
      ...numbered(10, 10, "b"),
      ...numbered(1, 1, "c"),
    );
    await scene.pass();
    expect(asked).toEqual([{ a: { sequence: 2 }, b: { sequence: 8 } }]);
    expect(read.slice(0, 5)).toEqual(["a:1", "a:2", "hello", "b:7", "b:8"]);
    expect(read.slice(5).sort()).toEqual(["a:3", "a:4", "b:10", "b:9", "c:1", "world"].sort());
    expect(
      story.filter((line) => /^(recovered|reset)/.test(line)).filter((line) => !line.startsWith("recovered")),
    ).toEqual([]);
    await scene.finish();
  });
});

describe("cursors()", () => {
  it("exclude messages that wait in the inbox, so that a later client can continue from there", async () => {
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({ replay: { sequence: numberOf, streamOf } });
    expect(ws.cursors()).toEqual({});
    const first = ws.recv();
    link.send(...numbered(1, 4, "a"), ...numbered(7, 8, "b"));
    await scene.pass();
    expect(String(await first)).toBe("a:1");
    // No message of `b` is consumed, so its cursor is before the first waiting one.
    expect(ws.cursors()).toEqual({ a: { sequence: 1 }, b: { sequence: 6 } });
    await ws.recv();
    const cursors = JSON.parse(JSON.stringify(ws.cursors())) as Cursors;
    expect(cursors).toEqual({ a: { sequence: 2 }, b: { sequence: 6 } });
    await scene.finish();

    const later = new LayerScene();
    const asked: Cursors[] = [];
    const onReplay = (given: Cursors): string[] => {
      asked.push(given);
      return ["a:3", "a:4"];
    };
    const second = await later.openClient({ replay: { sequence: numberOf, streamOf, cursors, onReplay } });
    const read: string[] = [];
    second.ws.on("message", ({ data }) => void read.push(String(data)));
    second.link.send(...numbered(2, 2, "a"), ...numbered(5, 5, "a"), ...numbered(7, 7, "b"));
    await later.pass();
    expect(asked).toEqual([cursors]);
    expect(read.filter((text) => text.startsWith("a"))).toEqual(["a:3", "a:4", "a:5"]);
    expect(read).toContain("b:7");
    await later.finish();
  });

  it("without onReplay report what is missing since then", async () => {
    const scene = new LayerScene();
    const client = scene.watch({ replay: { sequence: numberOf, cursors: { default: { sequence: 4 } } } });
    const story = storyOf(client.ws);
    const link = await scene.dial(client);
    link.answer({ followedBy: numbered(7) });
    await scene.pass();
    expect(story).toContain("gap default 5 7");
    await scene.finish();
  });

  it("throw a TypeError in the constructor when they are invalid", () => {
    const scene = new LayerScene();
    for (const cursors of [{ a: 1 }, { a: {} }, { a: { sequence: NaN } }, { a: null }]) {
      expect(() => scene.watch({ replay: { sequence: numberOf, cursors: cursors as never } })).toThrow(
        TypeError,
      );
    }
  });

  it("exclude messages in the reorder buffer", async () => {
    const { scene, ws, link } = await start({ onReplay: () => never<string[]>() });
    link.send(...numbered(1, 2), ...numbered(5, 6));
    await scene.pass();
    expect(ws.cursors()).toEqual({ default: { sequence: 2 } });
    await scene.finish();
  });

  it("survive a failure, and the next run requests from them", async () => {
    const asked: Cursors[] = [];
    const onReplay = (cursors: Cursors): string[] => {
      asked.push(cursors);
      return [];
    };
    const { scene, ws, link, read } = await start({ onReplay }, { shouldReconnect: () => false });
    link.send(...numbered(1, 3));
    await scene.pass();
    await scene.cut(link);
    expect(ws.state).toBe("failed");
    expect(ws.cursors()).toEqual({ default: { sequence: 3 } });
    void ws.connect();
    const nextLink = await scene.nextLink(0);
    nextLink.send(...numbered(2, 4));
    await scene.pass();
    expect(asked).toEqual([{ default: { sequence: 3 } }]);
    expect(read).toEqual([1, 2, 3, 4]);
    await scene.finish();
  });
});

describe("a connection that is closing", () => {
  it("does not reset the stream when a request on it fails: the next connection requests again", async () => {
    const gates: (() => void)[] = [];
    const onReplay = async (cursors: Cursors, connection: Connection): Promise<string[]> => {
      await new Promise<void>((resolve) => gates.push(resolve));
      await connection.send(`history ${cursors["default"]!.sequence}`);
      return array(3, 4);
    };
    const { scene, client, link, read, story } = await start({ onReplay });
    link.send(...numbered(1, 2), ...numbered(5));
    await scene.pass(1);
    link.send(closeFrame(1001));
    await scene.pass();
    gates.shift()!();
    await scene.pass(10);
    link.peer.end();
    await scene.pass();
    const nextLink = await scene.nextLink();
    gates.shift()!();
    await scene.pass(1);
    expect(textsOf(nextLink)).toEqual(["history 2"]);
    expect(read).toEqual(range(1, 5));
    // The send of the hook happens in the wrong state and is reported like every such call.
    expect(recorded(story)).toEqual(["gap default 3 5", "error", "recovered default 2"]);
    expect(client.all("error").map(({ error }) => error.name)).toEqual(["InvalidStateError"]);
    await scene.finish();
  });

  it("is not used to request messages that are found missing on it", async () => {
    const asked: Cursors[] = [];
    const onReplay = async (cursors: Cursors, connection: Connection): Promise<string[]> => {
      asked.push(cursors);
      await connection.send("history");
      return array(3, 4);
    };
    const { scene, ws, link, read, story } = await start({ onReplay });
    link.send(...numbered(1, 2));
    await scene.pass();
    void ws.reconnect();
    await scene.pass();
    link.send(...numbered(5));
    await scene.pass(10);
    await scene.answerClose(link);
    const nextLink = await scene.second();
    await scene.pass(1);
    expect(asked).toEqual([{ default: { sequence: 2 } }]);
    expect(textsOf(nextLink)).toEqual(["history"]);
    expect(read).toEqual(range(1, 5));
    expect(story).not.toContain("reset default");
    await scene.finish();
  });
});

describe("the connection of onReplay", () => {
  it("send() and recv({ match }): only the hook receives the answer; other messages keep their order", async () => {
    const onReplay = async (cursors: Cursors, connection: Connection): Promise<string[]> => {
      await connection.send(`history ${cursors["default"]!.sequence}`);
      const answer = await connection.recv({ match: (message) => String(message).startsWith("history ") });
      return String(answer).slice(8).split(" ");
    };
    const { scene, ws, link, read, story } = await start({ onReplay });
    link.send(...numbered(1, 2), ...numbered(5));
    await scene.pass(1);
    expect(textsOf(link)).toEqual(["history 2"]);
    link.send(...numbered(6), textFrame("history default:3 default:4"), ...numbered(7));
    await scene.pass(1);
    expect(read).toEqual(range(1, 7));
    expect(story).toContain("recovered default 2");
    expect(ws.stats().messagesHeld).toBe(0);
    await scene.finish();
  });

  it("a pending recv() rejects when the connection breaks: no error event, and the next connection requests again", async () => {
    const ends: unknown[] = [];
    const onReplay = async (_: Cursors, connection: Connection): Promise<string[]> => {
      try {
        return String(await connection.recv({ match: (message) => String(message).startsWith("h ") }))
          .slice(2)
          .split(" ");
      } catch (error) {
        ends.push(error);
        throw error;
      }
    };
    const { scene, client, link, read, story } = await start({ onReplay });
    link.send(...numbered(1, 2), ...numbered(5));
    await scene.pass(1);
    await scene.cut(link);
    expect(ends.length).toBe(1);
    const nextLink = await scene.nextLink();
    nextLink.send(textFrame("h default:3 default:4"));
    await scene.pass(1);
    expect(read).toEqual(range(1, 5));
    expect(story).not.toContain("reset default");
    expect(client.all("error")).toEqual([]);
    await scene.finish();
  });

  it("onReplay runs after onConnection, on the same connection", async () => {
    const order: string[] = [];
    const options: Options = {
      onConnection: async (connection) => {
        order.push("onConnection");
        await connection.recv();
        order.push("subscribed");
      },
    };
    const onReplay = (): string[] => {
      order.push("onReplay");
      return [];
    };
    const scene = new LayerScene();
    const { ws, link } = await scene.openClient({
      replay: { sequence: numberOf, onReplay, cursors: { default: { sequence: 2 } } },
      ...options,
    });
    ws.on("connected", () => void order.push("connected"));
    link.send(textFrame("welcome"), ...numbered(3));
    await scene.pass(1);
    expect(order).toEqual(["onConnection", "subscribed", "connected", "onReplay"]);
    expect(sequence(await ws.recv())).toBe(3);
    await scene.finish();
  });

  it("rawMessage reports messages from the wire in the order of delivery, without duplicates", async () => {
    const { scene, ws, link, read } = await start({ onReplay: () => array(3, 4) });
    const raw: string[] = [];
    ws.on("rawMessage", ({ data }) => void raw.push(String(data)));
    link.send(...numbered(1, 2), ...numbered(5), ...numbered(2), ...numbered(6));
    await scene.pass(1);
    expect(read).toEqual(range(1, 6));
    expect(raw).toEqual(array(1, 2).concat(array(5, 6)));
    await scene.finish();
  });
});

describe("an end while messages are in the reorder buffer", () => {
  it("close(): they are delivered before the end, and a reset is emitted", async () => {
    const { scene, ws, link, read, story } = await start({ onReplay: () => never<string[]>() });
    link.send(...numbered(1, 2), ...numbered(5, 6));
    await scene.pass();
    void ws.close();
    await scene.pass();
    link.send(...numbered(7));
    await scene.answerClose(link);
    expect(read).toEqual([1, 2, 5, 6, 7]);
    expect(recorded(story)).toEqual(["gap default 3 5", "reset default", "closed"]);
    await scene.finish();
  });

  it("a failure: recv() receives them before it rejects", async () => {
    const { scene, ws, link } = await start(
      { onReplay: () => never<string[]>() },
      { shouldReconnect: () => false },
      ignore,
    );
    link.send(...numbered(1, 2), ...numbered(5, 6));
    await scene.pass();
    await scene.cut(link);
    expect(ws.state).toBe("failed");
    const read = [];
    for (let count = 0; count < 4; count++) read.push(sequence(await ws.recv()));
    expect(read).toEqual([1, 2, 5, 6]);
    await expect(ws.recv()).rejects.toThrow();
    await scene.finish();
  });

  it("terminate(): none is delivered, and each is reported as dropped", async () => {
    const { scene, ws, client, link, read } = await start({ onReplay: () => never<string[]>() });
    link.send(...numbered(1, 2), ...numbered(5, 6));
    await scene.pass();
    ws.terminate();
    await scene.pass();
    expect(read).toEqual([1, 2]);
    expect(client.all("dropped").map(({ message, cause }) => [String(message), cause])).toEqual([
      ["default:5", "closed"],
      ["default:6", "closed"],
    ]);
    await scene.finish();
  });

  it("a loss: they wait for the next connection, and are delivered in order", async () => {
    let isAnswering = false;
    const onReplay = (): Promise<string[]> =>
      isAnswering ? Promise.resolve(array(3, 4)) : never<string[]>();
    const { scene, link, read, story } = await start({ onReplay });
    link.send(...numbered(1, 2), ...numbered(5, 6));
    await scene.pass();
    await scene.cut(link);
    isAnswering = true;
    const nextLink = await scene.nextLink();
    nextLink.send(...numbered(6, 7));
    await scene.pass();
    expect(read).toEqual(range(1, 7));
    expect(recorded(story)).toEqual(["gap default 3 5", "recovered default 2"]);
    await scene.finish();
  });

  it("the reorder buffer does not keep the process running after unref()", async () => {
    const { scene, ws, link } = await start({ onReplay: () => never<string[]>() });
    link.send(...numbered(1, 2), ...numbered(5));
    await scene.pass();
    ws.unref();
    expect(scene.clock.isHeld).toBe(false);
    await scene.finish();
  });

  it("recoveryTimeout does not run while there is no connection", async () => {
    let isAnswering = false;
    const onReplay = (): Promise<string[]> =>
      isAnswering ? Promise.resolve(array(3, 4)) : never<string[]>();
    const { scene, link, read, story } = await start({ onReplay, recoveryTimeout: 500 });
    link.send(...numbered(1, 2), ...numbered(5));
    await scene.pass();
    await scene.cut(link);
    isAnswering = true;
    await scene.pass(900);
    await scene.nextLink(100);
    expect(read).toEqual(range(1, 5));
    expect(recorded(story)).toEqual(["gap default 3 5", "recovered default 2"]);
    await scene.finish();
  });

  it("recoveryTimeout runs after a reconnect whose replay hangs", async () => {
    const { scene, link, read, story } = await start({
      onReplay: () => never<string[]>(),
      recoveryTimeout: 500,
    });
    link.send(...numbered(1, 2), ...numbered(5));
    await scene.pass();
    await scene.cut(link);
    await scene.nextLink();
    await scene.pass(500);
    expect(read).toEqual([1, 2, 5]);
    expect(recorded(story)).toEqual(["gap default 3 5", "reset default"]);
    await scene.finish();
  });
});
