import { describe, expect, it } from "vitest";
import type { Message } from "../support/scene.js";
import { textFrame } from "../support/wire.js";
import { LayerScene, range, sequence, settled } from "./layer-scene.js";

/** Messages of 100 bytes each. */
const numbered = (from: number, to: number): Buffer[] =>
  range(from, to).map((id) => textFrame(`default:${id}:`.padEnd(100, "x")));

const never = (): Promise<undefined> => new Promise(() => undefined);
const buffer = { capacity: 1_000, maxBytes: 1_000 };

describe("a full reorder buffer of replay", () => {
  it("is flushed into a full inbox: in order, within both limits, and reading pauses", async () => {
    const scene = new LayerScene();
    const { client, ws, link } = await scene.openClient({ buffer, replay: { sequence, onReplay: never } });
    const iterator = ws[Symbol.asyncIterator]();
    const first = iterator.next();
    link.send(...numbered(1, 10), ...numbered(12, 100));
    await scene.pass();
    await first;
    expect(ws.stats()).toMatchObject({ messagesHeld: 0, messagesWaiting: 19, resetCount: 1, gapCount: 1 });
    expect(client.all("paused").length).toBe(1);
    const taken: number[] = [];
    while (taken.length < 98) {
      taken.push(sequence((await iterator.next()).value as Message));
      await scene.pass();
      expect(ws.stats().messagesWaiting).toBeLessThanOrEqual(19);
    }
    expect(taken).toEqual([...range(2, 10), ...range(12, 100)]);
    await scene.finish();
  });

  it("counts the size of a message twice when the deserializer creates a new value from it", async () => {
    const scene = new LayerScene();
    const deserializer = (data: Message): Message => `${String(data)} `;
    const { ws, link } = await scene.openClient({
      buffer,
      deserializer,
      replay: { sequence, onReplay: never },
    });
    ws.on("message", () => undefined);
    link.send(...numbered(1, 1), ...numbered(3, 6));
    await scene.pass();
    expect(ws.stats()).toMatchObject({ messagesHeld: 4, resetCount: 0 });
    link.send(...numbered(7, 7));
    await scene.pass();
    expect(ws.stats()).toMatchObject({ messagesHeld: 0, resetCount: 1, messagesReceived: 6 });
    await scene.finish();
  });
});

describe("a full buffer of a rotation", () => {
  it.each([true, false])(
    "pauses the second connection, and no message is lost (numbered: %s)",
    async (isNumbered) => {
      const scene = new LayerScene();
      const rotation = { mode: "overlap", overlap: 5_000 } as const;
      const { ws, link } = await scene.openClient({
        buffer,
        rotation,
        ...(isNumbered ? { replay: { sequence } } : {}),
      });
      const received: number[] = [];
      ws.on("message", ({ data }) => void received.push(sequence(data)));
      link.send(...numbered(1, 2));
      const rotated = ws.rotate();
      const second = await scene.second();
      second.send(...numbered(4, 60));
      await scene.pass();
      expect(ws.stats().messagesHeld).toBe(10);
      link.send(...numbered(3, 3));
      await scene.pass(5_000);
      await scene.answerClose(link);
      expect(await settled(rotated)).toBe("resolved");
      expect(received).toEqual(range(1, 60));
      await scene.finish();
    },
  );
});

describe("the limit of buffered messages during `onConnection`", () => {
  it("stops decoding at the next message of the same read", async () => {
    const scene = new LayerScene();
    const seen: number[] = [];
    let release = (): void => undefined;
    const client = scene.watch({
      maxMessageSize: 1_000,
      deserializer: (data) => (seen.push(sequence(data)), data),
      onConnection: async (connection) => {
        await connection
          .recv({ match: (message) => String(message) === "none", timeout: 1 })
          .catch(() => undefined);
        await new Promise<void>((resolve) => (release = resolve));
      },
    });
    const link = await scene.dial(client);
    link.answer();
    await scene.pass();
    link.send(...numbered(1, 60));
    await scene.pass(10);
    // The pending `recv()` checked each message until the limit was reached.
    expect(seen).toEqual(range(1, 11));
    const received: number[] = [];
    client.ws.on("message", ({ data }) => void received.push(sequence(data)));
    release();
    await scene.pass();
    expect(received).toEqual(range(1, 60));
    await scene.finish();
  });
});
