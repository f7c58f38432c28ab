import { describe, expect, it } from "vitest";
import { never } from "../support/never.js";
import type { Message, RecordedClient } from "../support/scene.js";
import type { VirtualLink } from "../support/virtual-link.js";
import { binaryFrame, closeFrame, pongFrame, textFrame } from "../support/wire.js";
import { LayerScene, numbered, range, sequence, settled, storyOf } from "./layer-scene.js";

const texts = (from: number, to: number): Buffer[] => range(from, to).map((id) => textFrame(String(id)));

/** Reads messages one by one, as many as the test requests. */
function reading(client: RecordedClient): {
  take(count: number): Promise<string[]>;
  next(): Promise<unknown>;
} {
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

/** Reads messages until the end. The client may read from the socket between them. */
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

/** A client with a slow reader. Its connection is lost while most of a read of 20 messages is not yet decoded. */
async function openAndLose(
  options: Parameters<LayerScene["openClient"]>[0] = {},
  ...followedBy: readonly Buffer[]
): Promise<{
  scene: LayerScene;
  client: RecordedClient;
  reader: ReturnType<typeof reading>;
  link: VirtualLink;
}> {
  const scene = new LayerScene();
  const { client, link } = await scene.openClient({ buffer, ...options });
  const reader = reading(client);
  const first = reader.take(1);
  link.send(...texts(1, 20), ...followedBy);
  await scene.pass();
  expect(await first).toEqual(["1"]);
  expect(client.all("paused").length).toBe(1);
  await scene.cutUnread(link, client.ws);
  return { scene, client, reader, link };
}

describe("a paused connection that is lost", () => {
  it("is reported at once, and the rest of its last read stays undecoded", async () => {
    const { scene, client } = await openAndLose();
    expect(client.ws.state).toBe("backingOff");
    expect(client.all("disconnected").length).toBe(1);
    expect(client.ws.stats()).toMatchObject({ messagesWaiting: 4, messagesReceived: 5, messagesDropped: 0 });
    await scene.finish();
  });

  it("delivers all its messages as the reader makes room, before those of the next connection", async () => {
    const { scene, client, reader } = await openAndLose();
    const second = await scene.nextLink();
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

  it("is classified by the peer's Close when that is among the undecoded data", async () => {
    const { scene, client, reader } = await openAndLose(
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
    // The reader is rejected: the client could not send its answer to the Close.
    expect(taken.slice(19)).toEqual([expect.stringContaining("rejected")]);
    await scene.finish();
  });

  it("is classified by a frame that violates the protocol when that is among the undecoded data", async () => {
    const wrong = Buffer.of(0x83, 0);
    const { scene, client, reader } = await openAndLose({ reconnect: false }, wrong, textFrame("late"));
    expect(client.all("closed")[0]!.report.verdict).toBe("protocol-error");
    const taken = await takeAll(scene, reader);
    expect(taken.slice(0, 19).map(Number)).toEqual(range(2, 20));
    expect(taken.slice(19)).toEqual([expect.stringContaining("rejected")]);
    await scene.finish();
  });

  it("resolves a ping whose pong is among the undecoded data", async () => {
    const scene = new LayerScene();
    const { client, link } = await scene.openClient({ buffer });
    const reader = reading(client);
    const pong = client.ws.ping({ payload: Buffer.from("p") });
    link.send(...texts(1, 20), pongFrame("p"));
    await scene.pass();
    await reader.take(1);
    await scene.cutUnread(link, client.ws);
    expect(await settled(pong)).toBe("resolved");
    await scene.finish();
  });

  it("reports an invalid message when it is decoded, and continues with the next connection", async () => {
    const { scene, client, reader } = await openAndLose(
      {},
      textFrame(Buffer.of(0xff, 0xfe)),
      textFrame("late"),
    );
    const second = await scene.nextLink();
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

  it("is closed as a local stall when `send()` and the reader wait for each other", async () => {
    const scene = new LayerScene();
    const { client, link } = await scene.openClient({
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

describe("a paused connection that is lost for good", () => {
  it("delivers all its messages to `for await`, then ends it, with `reconnect: false`", async () => {
    const { scene, client, reader } = await openAndLose({ reconnect: false });
    expect(client.ws.state).toBe("failed");
    const story = client.story.length;
    const taken = await takeAll(scene, reader);
    expect(taken.slice(0, 19).map(Number)).toEqual(range(2, 20));
    expect(taken.slice(19)).toEqual([expect.stringContaining("rejected")]);
    expect(client.story.slice(story)).toEqual([]);
    await scene.finish();
  });

  it("delivers all its messages to `recv()`, then rejects, when the client fails", async () => {
    const scene = new LayerScene();
    const { client, link } = await scene.openClient({ buffer, shouldReconnect: () => false });
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

  it("delivers all its messages before those after the next connect()", async () => {
    const { scene, client, reader } = await openAndLose({ shouldReconnect: () => false });
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

  it("delivers the rest to handlers before `closed`, and the inbox accepts its capacity once more", async () => {
    const scene = new LayerScene();
    const { client, link } = await scene.openClient({ buffer, reconnect: false });
    const received: string[] = [];
    client.ws.on("message", ({ data }) => {
      expect(client.ws.state).not.toBe("closed");
      received.push(String(data));
    });
    const reader = reading(client);
    link.send(...texts(1, 20));
    await scene.pass();
    await scene.cutUnread(link, client.ws);
    expect(received.map(Number)).toEqual(range(1, 20));
    expect((await takeAll(scene, reader)).slice(0, 8).map(Number)).toEqual(range(1, 8));
    expect(client.all("dropped").map(({ message, cause }) => [Number(message), cause])).toEqual(
      range(9, 20).map((id) => [id, "overflow"]),
    );
    await scene.finish();
  });

  it("leaves no timer when there is no reader", async () => {
    const { scene, client } = await openAndLose({ reconnect: false });
    await scene.pass(3_600_000);
    expect(client.ws.stats().messagesWaiting).toBe(4);
    scene.counting.assertIdle();
  });

  it("emits no `gap` or `reset` after `closed`, and delivers the reorder buffer", async () => {
    const replay = { sequence: (message: Message) => Number(message), onReplay: () => undefined };
    const scene = new LayerScene();
    const { client, link } = await scene.openClient({ buffer, replay, reconnect: false });
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

describe("ending a client whose paused connection was lost", () => {
  it("with `close()` lets the inbox accept its capacity once more; the rest is dropped and counted", async () => {
    const { scene, client, reader } = await openAndLose();
    const closed = client.ws.close();
    expect(await settled(closed)).toBe("resolved");
    expect(client.story.at(-1)).toBe("closed");
    expect(client.ws.stats()).toMatchObject({ messagesWaiting: 8, messagesDropped: 11 });
    expect(client.all("dropped").map(({ message }) => Number(message))).toEqual(range(10, 20));
    expect((await takeAll(scene, reader)).map(Number)).toEqual(range(2, 9));
    await scene.finish();
  });

  it("with `close()` does the same when the next connection is open", async () => {
    const { scene, client, reader } = await openAndLose();
    const second = await scene.nextLink();
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

  it("with `terminate()` delivers nothing more", async () => {
    const { scene, client, reader } = await openAndLose();
    client.ws.terminate();
    expect(client.story.at(-1)).toBe("closed");
    expect(await takeAll(scene, reader)).toEqual([]);
    expect(client.ws.stats().messagesReceived).toBe(5);
    await scene.finish();
  });

  it("with an abort delivers nothing more", async () => {
    const controller = new AbortController();
    const { scene, client, reader } = await openAndLose({ signal: controller.signal });
    controller.abort(new Error("stop"));
    await scene.pass();
    expect(client.story.at(-1)).toBe("closed");
    expect(await takeAll(scene, reader)).toEqual(["rejected: Error: stop"]);
    await scene.finish();
  });

  it("emits nothing after `closed` when a handler closes the client during the delivery of the rest", async () => {
    const { scene, client, reader } = await openAndLose();
    const received: string[] = [];
    client.ws.on("message", ({ data }) => {
      received.push(`${String(data)} in ${client.ws.state}`);
      if (String(data) === "12") void client.ws.close();
    });
    await takeAll(scene, reader);
    expect(client.story.at(-1)).toBe("closed");
    expect(received.filter((entry) => entry.endsWith("closed"))).toEqual([]);
    await scene.finish();
  });
});

describe("the next connection while messages of the last one are pending", () => {
  it("serves its hook first; the reader receives the remaining messages after the pending ones", async () => {
    let isSecond = false;
    const { scene, client, reader } = await openAndLose({
      onConnection: async (connection) => {
        if (isSecond) await connection.recv({ match: (message: Message) => String(message) === "hello" });
        isSecond = true;
      },
    });
    const second = await scene.nextLink();
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

  it("may be lost too: all messages are delivered in order", async () => {
    const { scene, client, reader, link } = await openAndLose({ onConnection: () => undefined });
    expect(link).toBeDefined();
    for (const from of [21, 31]) {
      const next = await scene.nextLink();
      next.send(...texts(from, from + 9));
      await scene.pass();
      await scene.cutUnread(next, client.ws);
    }
    const third = await scene.nextLink();
    third.send(...texts(41, 45));
    const taken: string[] = [];
    // Nothing that the two connections sent arrives: the paused client never read their sockets.
    while (taken.length < 24) {
      await scene.pass();
      taken.push(...(await reader.take(1)));
    }
    expect(taken.map(Number)).toEqual([...range(2, 20), ...range(41, 45)]);
    await scene.finish();
  });

  it("requests missing messages once the pending ones are delivered, with the cursors of that time", async () => {
    const asked: unknown[] = [];
    const replay = {
      sequence,
      onReplay: (cursors: unknown): undefined => void asked.push(cursors),
    };
    const scene = new LayerScene();
    const { client, link } = await scene.openClient({ buffer, replay });
    const reader = reading(client);
    link.send(...numbered(1, 20));
    await scene.pass();
    await reader.take(1);
    await scene.cutUnread(link, client.ws);
    const second = await scene.nextLink();
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
    "continues at once when the first connection is lost, and delivers its messages before the second's (numbered: %s)",
    async (isNumbered) => {
      const scene = new LayerScene();
      const rotation = { mode: "overlap" } as const;
      const { client, link } = await scene.openClient({
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

  it("keeps the messages of a second connection that is lost while its buffer is full", async () => {
    const scene = new LayerScene();
    const rotation = { mode: "overlap", maxWaiting: 3, overlap: 60_000 } as const;
    const { client, link } = await scene.openClient({ buffer: 100, rotation, replay: { sequence } });
    const received: number[] = [];
    client.ws.on("message", ({ data }) => void received.push(sequence(data)));
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
    expect(received.toSorted((left, right) => left - right)).toEqual(range(1, 20));
    await scene.finish();
  });
});

describe("a connection that is lost during `onConnection`", () => {
  it("drops the undecoded messages that exceeded the hook's limit, one by one", async () => {
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

describe("two connections of a rotation when the reader makes room", () => {
  it("stop reading again when the first one has refilled the inbox", async () => {
    const scene = new LayerScene();
    const { client, link } = await scene.openClient({
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
