import { describe, expect, it } from "vitest";
import { never } from "../support/never.js";
import type { Message, Watching } from "../support/scene.js";
import type { VirtualLink } from "../support/virtual-link.js";
import { binaryFrame, closeFrame, pongFrame, textFrame } from "../support/wire.js";
import { LayerScene, numbered, range, sequence, settled, storyOf } from "./layer-scene.js";

const texts = (from: number, to: number): Buffer[] => range(from, to).map((id) => textFrame(String(id)));

/** Reads one message after the other, as often as the test says. */
function reading(client: Watching): { take(count: number): Promise<string[]>; next(): Promise<unknown> } {
  const iterator = client.ws[Symbol.asyncIterator]();
  return {
    next: () => iterator.next(),
    take: async (count) => {
      const taken: string[] = [];
      while (taken.length < count) taken.push(String((await iterator.next()).value));
      return taken;
    },
  };
}

/** Takes messages until the end, and lets the reading go on between them. */
async function takeAll(scene: LayerScene, reader: ReturnType<typeof reading>): Promise<string[]> {
  const taken: string[] = [];
  for (;;) {
    const next = reader.next().then(
      (result) => result as IteratorResult<Message>,
      (error: unknown) => ({ done: true, value: error }) as IteratorResult<Message>,
    );
    await scene.pass();
    const { done, value } = (await next) as {
      readonly done?: boolean;
      readonly value: Message | Error | undefined;
    };
    if (done === true) return value === undefined ? taken : [...taken, `rejected: ${String(value)}`];
    taken.push(String(value));
  }
}

const buffer = 4;

/** A client whose reader is slow, and whose connection is gone while most of one read of 20 messages is not decoded. */
async function dead(
  options: Parameters<LayerScene["up"]>[0] = {},
  ...behind: readonly Buffer[]
): Promise<{ scene: LayerScene; client: Watching; reader: ReturnType<typeof reading>; link: VirtualLink }> {
  const scene = new LayerScene();
  const { client, link } = await scene.up({ buffer, ...options });
  const reader = reading(client);
  const first = reader.take(1);
  link.send(...texts(1, 20), ...behind);
  await scene.pass();
  expect(await first).toEqual(["1"]);
  expect(client.all("paused").length).toBe(1);
  await scene.cutUnread(link, client.ws);
  return { scene, client, reader, link };
}

describe("a paused connection that dies", () => {
  it("is reported at once, and leaves the rest of its last read undecoded", async () => {
    const { scene, client } = await dead();
    expect(client.ws.state).toBe("backingOff");
    expect(client.all("disconnected").length).toBe(1);
    expect(client.ws.stats()).toMatchObject({ messagesWaiting: 4, messagesReceived: 5, messagesDropped: 0 });
    await scene.finish();
  });

  it("gives all its messages as the reader makes room, before those of the next connection", async () => {
    const { scene, client, reader } = await dead();
    const second = await scene.again();
    expect(client.ws.state).toBe("connected");
    second.send(...texts(21, 40));
    await scene.pass();
    const taken: string[] = [];
    while (taken.length < 39) {
      const [one] = await reader.take(1);
      taken.push(one!);
      await scene.pass();
      expect(client.ws.stats().messagesWaiting).toBeLessThanOrEqual(buffer);
    }
    expect(taken.map(Number)).toEqual(range(2, 40));
    second.send(...texts(41, 42));
    await scene.pass();
    expect(await reader.take(2)).toEqual(["41", "42"]);
    await scene.finish();
  });

  it("is judged by the peer's Close that lies among what is not decoded", async () => {
    const { scene, client, reader } = await dead(
      { reconnect: false },
      closeFrame(1001, "bye"),
      textFrame("late"),
    );
    expect(client.all("closed")[0]!.report).toMatchObject({
      ...{ verdict: "going-away", initiatedBy: "peer", codeReceived: 1001, reason: "bye" },
    });
    expect(client.all("closing")).toEqual([{ code: 1001, reason: "bye", initiatedBy: "peer" }]);
    const taken = await takeAll(scene, reader);
    expect(taken.slice(0, 19).map(Number)).toEqual(range(2, 20));
    // Our answer to the Close has never left.
    expect(taken.slice(19)).toEqual([expect.stringContaining("rejected")]);
    await scene.finish();
  });

  it("is judged by a frame that breaks the protocol among what is not decoded", async () => {
    const wrong = Buffer.of(0x83, 0);
    const { scene, client, reader } = await dead({ reconnect: false }, wrong, textFrame("late"));
    expect(client.all("closed")[0]!.report.verdict).toBe("protocol-error");
    const taken = await takeAll(scene, reader);
    expect(taken.slice(0, 19).map(Number)).toEqual(range(2, 20));
    expect(taken.slice(19)).toEqual([expect.stringContaining("rejected")]);
    await scene.finish();
  });

  it("answers a ping whose pong lies among what is not decoded", async () => {
    const scene = new LayerScene();
    const { client, link } = await scene.up({ buffer });
    const reader = reading(client);
    const pong = client.ws.ping({ payload: Buffer.from("p") });
    link.send(...texts(1, 20), pongFrame("p"));
    await scene.pass();
    await reader.take(1);
    await scene.cutUnread(link, client.ws);
    expect(await settled(pong)).toBe("resolved");
    await scene.finish();
  });

  it("tells of a message that turns out to be wrong when it is decoded, and goes on with the next connection", async () => {
    const { scene, client, reader } = await dead({}, textFrame(Buffer.of(0xff, 0xfe)), textFrame("late"));
    const second = await scene.again();
    second.send(...texts(21, 22));
    await scene.pass();
    const taken: string[] = [];
    while (taken.length < 21) {
      taken.push(...(await reader.take(1)));
      await scene.pass();
    }
    expect(taken.map(Number)).toEqual([...range(2, 20), 21, 22]);
    expect(client.all("error").map(({ error }) => error.message)).toEqual(
      expect.arrayContaining([expect.stringContaining("not valid UTF-8")]),
    );
    await scene.finish();
  });

  it("does not wait for its reader where `send()` and the reader wait for each other", async () => {
    const scene = new LayerScene();
    const { client, link } = await scene.up({
      ...{ buffer, highWaterMark: 10, heartbeat: { interval: 1_000, timeout: 2_000 } },
    });
    const echoed: string[] = [];
    const failures: unknown[] = [];
    const loop = (async () => {
      for await (const message of client.ws) {
        echoed.push(String(message));
        await client.ws.send("a longer answer").catch((error: unknown) => failures.push(error));
      }
    })();
    link.peer.takesWrites = false;
    link.send(...texts(1, 20));
    await scene.pass(5_000);
    expect(client.all("disconnected")[0]!.report.verdict).toBe("local-stall");
    await scene.pass(1_000);
    expect(echoed.map(Number)).toEqual(range(1, 20));
    expect(failures.length).toBeGreaterThan(0);
    client.ws.terminate();
    await scene.pass();
    await loop;
    await scene.finish();
  });
});

describe("a paused connection that dies for good", () => {
  it("gives `for await` all its messages, then the end, with `reconnect: false`", async () => {
    const { scene, client, reader } = await dead({ reconnect: false });
    expect(client.ws.state).toBe("failed");
    const story = client.story.length;
    const taken = await takeAll(scene, reader);
    expect(taken.slice(0, 19).map(Number)).toEqual(range(2, 20));
    expect(taken.slice(19)).toEqual([expect.stringContaining("rejected")]);
    expect(client.story.slice(story)).toEqual([]);
    await scene.finish();
  });

  it("gives `recv()` all its messages, then rejects, where the client fails", async () => {
    const scene = new LayerScene();
    const { client, link } = await scene.up({ buffer, shouldReconnect: () => false });
    const first = client.ws.recv();
    link.send(...texts(1, 20));
    await scene.pass();
    await first;
    await scene.cutUnread(link, client.ws);
    expect(client.ws.state).toBe("failed");
    const taken: string[] = [];
    for (let count = 2; count <= 20; count++) {
      const next = client.ws.recv();
      await scene.pass();
      taken.push(String(await next));
    }
    expect(taken.map(Number)).toEqual(range(2, 20));
    expect(await settled(client.ws.recv())).toBe("ConnectionError");
    await scene.finish();
  });

  it("gives all its messages before those of the next life", async () => {
    const { scene, client, reader } = await dead({ shouldReconnect: () => false });
    expect(client.ws.state).toBe("failed");
    const second = await scene.dial(client);
    second.answer();
    await scene.pass();
    second.send(...texts(21, 30));
    const taken: string[] = [];
    while (taken.length < 29) {
      await scene.pass();
      taken.push(...(await reader.take(1)));
    }
    expect(taken.map(Number)).toEqual(range(2, 30));
    await scene.finish();
  });

  it("tells handlers nothing after `closed`: they get the rest before, and the inbox takes its bound once more", async () => {
    const scene = new LayerScene();
    const { client, link } = await scene.up({ buffer, reconnect: false });
    const heard: string[] = [];
    client.ws.on("message", ({ data }) => {
      expect(client.ws.state).not.toBe("closed");
      heard.push(String(data));
    });
    const reader = reading(client);
    link.send(...texts(1, 20));
    await scene.pass();
    await scene.cutUnread(link, client.ws);
    expect(heard.map(Number)).toEqual(range(1, 20));
    expect((await takeAll(scene, reader)).slice(0, 8).map(Number)).toEqual(range(1, 8));
    expect(client.all("dropped").map(({ message, cause }) => [Number(message), cause])).toEqual(
      range(9, 20).map((id) => [id, "overflow"]),
    );
    await scene.finish();
  });

  it("leaves no timer where nobody reads any more", async () => {
    const { scene, client } = await dead({ reconnect: false });
    await scene.pass(3_600_000);
    expect(client.ws.stats().messagesWaiting).toBe(4);
    scene.counting.assertIdle();
  });

  it("tells no gap or reset after `closed`, and gives what was held", async () => {
    const replay = { sequence: (message: Message) => Number(message), onReplay: () => undefined };
    const scene = new LayerScene();
    const { client, link } = await scene.up({ buffer, replay, reconnect: false });
    const story = storyOf(client.ws);
    const reader = reading(client);
    link.send(...texts(1, 10), ...texts(12, 14));
    await scene.pass();
    await scene.cutUnread(link, client.ws);
    expect(story.at(-1)).toBe("closed");
    const before = story.length;
    expect((await takeAll(scene, reader)).slice(0, 13).map(Number)).toEqual([
      ...range(1, 10),
      ...range(12, 14),
    ]);
    await scene.pass(60_000);
    expect(story.slice(before)).toEqual([]);
    await scene.finish();
  });
});

describe("our own end of a client whose paused connection has died", () => {
  it("lets the inbox take its bound once more with `close()`; the rest is dropped and counted", async () => {
    const { scene, client, reader } = await dead();
    const closed = client.ws.close();
    expect(await settled(closed)).toBe("resolved");
    expect(client.story.at(-1)).toBe("closed");
    expect(client.ws.stats()).toMatchObject({ messagesWaiting: 8, messagesDropped: 11 });
    expect(client.all("dropped").map(({ message }) => Number(message))).toEqual(range(10, 20));
    expect((await takeAll(scene, reader)).map(Number)).toEqual(range(2, 9));
    await scene.finish();
  });

  it("does so too where the next connection is open", async () => {
    const { scene, client, reader } = await dead();
    const second = await scene.again();
    second.send(...texts(21, 25));
    await scene.pass();
    const closed = client.ws.close();
    await scene.pass();
    await scene.answerClose(second);
    expect(await settled(closed)).toBe("resolved");
    expect(client.story.at(-1)).toBe("closed");
    expect((await takeAll(scene, reader)).map(Number)).toEqual(range(2, 9));
    expect(client.all("dropped").length).toBe(16);
    await scene.finish();
  });

  it("gives nothing more with `terminate()`", async () => {
    const { scene, client, reader } = await dead();
    client.ws.terminate();
    expect(client.story.at(-1)).toBe("closed");
    expect(await takeAll(scene, reader)).toEqual([]);
    expect(client.ws.stats().messagesReceived).toBe(5);
    await scene.finish();
  });

  it("gives nothing more with an abort", async () => {
    const controller = new AbortController();
    const { scene, client, reader } = await dead({ signal: controller.signal });
    controller.abort(new Error("stop"));
    await scene.pass();
    expect(client.story.at(-1)).toBe("closed");
    expect(await takeAll(scene, reader)).toEqual(["rejected: Error: stop"]);
    await scene.finish();
  });

  it("tells nothing after `closed` where a handler closes the client inside the delivery of the rest", async () => {
    const { scene, client, reader } = await dead();
    const heard: string[] = [];
    client.ws.on("message", ({ data }) => {
      heard.push(`${String(data)} in ${client.ws.state}`);
      if (String(data) === "12") void client.ws.close();
    });
    await takeAll(scene, reader);
    expect(client.story.at(-1)).toBe("closed");
    expect(heard.filter((entry) => entry.endsWith("closed"))).toEqual([]);
    await scene.finish();
  });
});

describe("the next connection while the rest of the last one waits", () => {
  it("gives its hook what it waits for, and the reader what the hook has left after the rest", async () => {
    let isSecond = false;
    const { scene, client, reader } = await dead({
      onConnection: async (connection) => {
        if (isSecond) await connection.recv({ match: (message: Message) => String(message) === "hello" });
        isSecond = true;
      },
    });
    const second = await scene.again();
    second.send(...texts(21, 22), textFrame("hello"), ...texts(23, 24));
    await scene.pass();
    expect(client.ws.state).toBe("connected");
    const taken: string[] = [];
    while (taken.length < 23) {
      taken.push(...(await reader.take(1)));
      await scene.pass();
    }
    expect(taken.map(Number)).toEqual(range(2, 24));
    await scene.finish();
  });

  it("may die too: all is given in order", async () => {
    const { scene, client, reader, link } = await dead({ onConnection: () => undefined });
    expect(link).toBeDefined();
    for (const from of [21, 31]) {
      const next = await scene.again();
      next.send(...texts(from, from + 9));
      await scene.pass();
      await scene.cutUnread(next, client.ws);
    }
    const third = await scene.again();
    third.send(...texts(41, 45));
    const taken: string[] = [];
    // What the two had sent was never read: their sockets were not either.
    while (taken.length < 24) {
      await scene.pass();
      taken.push(...(await reader.take(1)));
    }
    expect(taken.map(Number)).toEqual([...range(2, 20), ...range(41, 45)]);
    await scene.finish();
  });

  it("is asked for what is missing once the rest is delivered, with the cursors of then", async () => {
    const asked: unknown[] = [];
    const replay = {
      sequence,
      onReplay: (cursors: unknown): undefined => void asked.push(cursors),
    };
    const scene = new LayerScene();
    const { client, link } = await scene.up({ buffer, replay });
    const reader = reading(client);
    link.send(...numbered(1, 20));
    await scene.pass();
    await reader.take(1);
    await scene.cutUnread(link, client.ws);
    const second = await scene.again();
    second.send(...numbered(18, 25));
    expect(asked).toEqual([]);
    const taken: string[] = [];
    while (taken.length < 24) {
      await scene.pass();
      taken.push(...(await reader.take(1)));
    }
    expect(taken.map(sequence)).toEqual(range(2, 25));
    expect(asked).toEqual([{ default: { sequence: 20 } }]);
    expect(client.ws.stats()).toMatchObject({ duplicateCount: 3, gapCount: 0, resetCount: 0 });
    await scene.finish();
  });
});

describe("a rotation with a slow reader", () => {
  it.each([true, false])(
    "goes on at once where the first connection dies, and delivers its rest before the second's (numbered: %s)",
    async (isNumbered) => {
      const scene = new LayerScene();
      const rotation = { mode: "overlap" } as const;
      const { client, link } = await scene.up({
        buffer,
        rotation,
        ...(isNumbered ? { replay: { sequence } } : {}),
      });
      const reader = reading(client);
      link.send(...numbered(1, 20));
      await scene.pass();
      await reader.take(1);
      const rotated = client.ws.rotate();
      link.peer.reset();
      const second = await scene.second();
      second.send(...numbered(21, 30));
      await scene.pass(10_000);
      expect(await settled(rotated)).toBe("resolved");
      const taken: string[] = [];
      while (taken.length < 29) {
        await scene.pass();
        taken.push(...(await reader.take(1)));
      }
      expect(taken.map(sequence)).toEqual(range(2, 30));
      expect(client.ws.stats().rotationCount).toBe(1);
      await scene.finish();
    },
  );

  it("keeps the rest of a second connection that dies while its hold is full", async () => {
    const scene = new LayerScene();
    const rotation = { mode: "overlap", maxWaiting: 3, overlap: 60_000 } as const;
    const { client, link } = await scene.up({ buffer: 100, rotation, replay: { sequence } });
    const heard: number[] = [];
    client.ws.on("message", ({ data }) => void heard.push(sequence(data)));
    link.send(...numbered(1, 2));
    void client.ws.rotate().catch(() => undefined);
    const second = await scene.second();
    second.send(...numbered(4, 20));
    await scene.pass();
    expect(client.ws.stats().messagesHeld).toBe(3);
    await scene.cutUnread(second, client.ws);
    link.send(...numbered(3));
    await scene.answerClose(link);
    await scene.pass(60_000);
    expect(heard.toSorted((left, right) => left - right)).toEqual(range(1, 20));
    await scene.finish();
  });
});

describe("a connection that dies during `onConnection`", () => {
  it("drops what the hook's bound has kept undecoded, one message after the other", async () => {
    const scene = new LayerScene();
    const client = scene.watch({
      ...{ maxMessageSize: 100, buffer },
      onConnection: () => never(),
    });
    const link = await scene.dial(client);
    link.answer();
    await scene.pass();
    link.send(...range(1, 20).map((id) => binaryFrame(Buffer.alloc(50, id))));
    await scene.pass();
    link.peer.reset();
    await scene.pass(20_000);
    const dropped = client.all("dropped");
    expect(dropped.map(({ message }) => (message as Buffer)[0])).toEqual(range(1, 20));
    await scene.finish();
  });
});

describe("two connections of a rotation whose reader makes room", () => {
  it("do not read on behind the inbox that the first of them has filled again", async () => {
    const scene = new LayerScene();
    const { client, link } = await scene.up({
      buffer,
      rotation: { mode: "overlap", overlap: 60_000 },
      replay: { sequence },
    });
    const reader = reading(client);
    void client.ws.rotate().catch(() => undefined);
    const second = await scene.second();
    link.send(...numbered(1, 20));
    await scene.pass();
    for (let count = 1; count <= 10; count++) {
      await reader.take(1);
      await scene.pass();
      second.send(...numbered(100 + count));
      await scene.pass();
      expect(client.ws.stats().messagesWaiting).toBeLessThanOrEqual(buffer);
    }
    await scene.finish();
  });
});
