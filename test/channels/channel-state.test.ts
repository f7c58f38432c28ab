// One handle: listeners, loops, the buffer and the end.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ChannelBounds } from "../../src/channels/channel-buffer.js";
import { ChannelState } from "../../src/channels/channel-state.js";
import { BufferOverflowError, InvalidStateError } from "../../src/index.js";
import { outcome } from "./exchange.js";

let state: ChannelState;
const created: ChannelState[] = [];
let story: unknown[];

function create(bounds: Partial<ChannelBounds> = {}): void {
  story = [];
  state = new ChannelState(
    "a",
    { capacity: 3, maxBytes: 4_194_304, overflow: "dropOldest", keyOf: undefined, ...bounds },
    { onClosed: () => story.push("removed"), reportFunctionError: (what) => story.push(what) },
  );
  created.push(state);
}

beforeEach(() => create());
afterEach(() => {
  for (const one of created.splice(0)) one.end(undefined);
});

const deliver = (...messages: readonly unknown[]): void => messages.forEach((one) => state.deliver(one, 1));
const listen = (name = ""): void =>
  state.listeners.add("message", ({ data }) => story.push(`${name}${String(data)}`), false);
const tick = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe("a loop", () => {
  it("receives buffered and new messages in order, and only one can be open", async () => {
    deliver(1, 2);
    const loop = state.iterate();
    expect([await loop.next(), await loop.next()]).toEqual([1, 2].map((value) => ({ done: false, value })));
    const [third, fourth] = [loop.next(), loop.next()];
    deliver(3, 4);
    expect([(await third).value, (await fourth).value]).toEqual([3, 4]);
    await expect(state.iterate().next()).rejects.toThrow(InvalidStateError);
    await loop.return?.();
    expect((await loop.next()).done).toBe(true);
    deliver(5);
    expect((await state.iterate().next()).value).toBe(5);
  });

  it("that is left settles its pending calls and keeps later messages", async () => {
    const loop = state.iterate();
    const next = loop.next();
    await loop.return?.();
    expect((await next).done).toBe(true);
    deliver(1);
    expect(state.bufferedCount).toBe(1);
  });

  it("receives the buffered messages before the end, and the error once", async () => {
    deliver(1);
    state.close(new Error("the end"));
    const loop = state.iterate();
    expect((await loop.next()).value).toBe(1);
    await expect(loop.next()).rejects.toThrow("the end");
    expect((await loop.next()).done).toBe(true);
  });

  it("ends all pending calls when the handle is closed", async () => {
    const loop = state.iterate();
    const calls = [loop.next(), loop.next()];
    state.close();
    state.close();
    expect(await Promise.all(calls)).toEqual([1, 2].map(() => ({ done: true, value: undefined })));
    expect(story).toEqual(["removed"]);
    deliver(1);
    expect(state.bufferedCount).toBe(0);
  });
});

describe("a message listener", () => {
  it("receives buffered messages first, in a later microtask, and new messages in order after them", async () => {
    deliver(1, 2);
    listen();
    state.onListenerAdded();
    state.onListenerAdded();
    deliver(3);
    expect(story).toEqual([]);
    await tick();
    deliver(4);
    expect([story, state.bufferedCount]).toEqual([["1", "2", "3", "4"], 0]);
  });

  it("shares messages with an open loop", async () => {
    deliver(1);
    const loop = state.iterate();
    listen();
    state.onListenerAdded();
    await tick();
    deliver(2);
    expect(story).toEqual(["1", "2"]);
    expect([(await loop.next()).value, (await loop.next()).value]).toEqual([1, 2]);
  });

  it("that opens a loop or removes itself while it receives buffered messages leaves the rest in the buffer", async () => {
    deliver(1, 2, 3);
    state.listeners.add("message", () => void state.iterate(), true);
    state.onListenerAdded();
    await tick();
    expect(state.bufferedCount).toBe(2);
  });

  it("that is added before the end of the channel receives the buffered messages before closed", async () => {
    deliver(1, 2);
    listen();
    state.onListenerAdded();
    state.listeners.add("closed", () => story.push("closed"), false);
    state.end(new Error("refused"));
    await tick();
    expect(story).toEqual(["1", "2", "closed"]);
  });

  it("receives nothing after closed, whether the handle closes before, between or after the buffered messages", async () => {
    for (const closeAt of [0, 1, 2])
      for (const hasLoop of [false, true]) {
        create();
        deliver(1, 2);
        if (hasLoop) state.iterate();
        state.listeners.add("closed", () => story.push("closed"), false);
        state.listeners.add(
          "message",
          ({ data }) => {
            story.push(data);
            if (data === closeAt) state.close();
          },
          false,
        );
        state.onListenerAdded();
        if (closeAt === 0) state.close();
        await tick();
        expect(story.slice(0, closeAt + 1)).toEqual([...[1, 2].slice(0, closeAt), "closed"]);
        expect(story.slice(closeAt + 1)).toEqual(["removed"]);
      }
  });

  it("that closes the handle causes no event dropped after closed, and the loop keeps its messages", async () => {
    create({ capacity: 1 });
    const loop = state.iterate();
    for (const name of ["dropped", "closed"] as const)
      state.listeners.add(name, () => story.push(name), false);
    state.listeners.add("message", ({ data }) => data === 2 && state.close(), false);
    deliver(1, 2);
    expect(story).toEqual(["closed", "removed"]);
    expect([await loop.next(), await loop.next()]).toMatchObject([{ value: 1 }, { done: true }]);
  });

  it("receives the buffered messages also if a loop reads them in the same tick", async () => {
    deliver(1);
    const loop = state.iterate();
    listen();
    state.onListenerAdded();
    const results = [loop.next(), loop.next()];
    deliver(2);
    deliver(3);
    expect((await Promise.all([...results, loop.next()])).map(({ value }) => value as unknown)).toEqual([
      1, 2, 3,
    ]);
    expect(story).toEqual(["1", "2", "3"]);
  });

  it("that closes the handle receives no further message", () => {
    state.listeners.add(
      "message",
      ({ data }) => {
        story.push(data);
        state.close();
      },
      false,
    );
    deliver(1, 2);
    expect(story).toEqual([1, "removed"]);
  });
});

describe("a full buffer", () => {
  it.each<[Partial<ChannelBounds>, readonly unknown[], readonly unknown[]]>([
    [{ overflow: "dropOldest" }, [3, 4, 5], [1, 2]],
    [{ overflow: "dropNewest" }, [1, 2, 3], [4, 5]],
    [{ overflow: "conflate", keyOf: (message) => Number(message) % 2 }, [5, 4], [1, 2, 3]],
  ])("with %o keeps %j and drops %j, counted", async (bounds, kept, dropped) => {
    create(bounds);
    const seen: unknown[] = [];
    state.listeners.add("dropped", ({ message }) => seen.push(message), false);
    deliver(1, 2, 3, 4, 5);
    expect([state.bufferedCount, state.droppedCount, seen]).toEqual([kept.length, dropped.length, dropped]);
    const loop = state.iterate();
    for (const value of kept) expect(await loop.next()).toEqual({ done: false, value });
  });

  it("with error ends the handle with a BufferOverflowError after the buffered messages", async () => {
    create({ overflow: "error", capacity: 1 });
    deliver(1, 2, 3);
    expect([state.isClosed, state.droppedCount, story]).toEqual([true, 1, ["removed"]]);
    const loop = state.iterate();
    expect((await loop.next()).value).toBe(1);
    await expect(loop.next()).rejects.toThrow(BufferOverflowError);
  });

  it("drops and reports a message for which keyOf throws", () => {
    create({
      overflow: "conflate",
      keyOf: () => {
        throw new Error("broken");
      },
    });
    deliver(1);
    expect([story, state.droppedCount, state.bufferedCount]).toEqual([["The option buffer.keyOf"], 1, 0]);
  });
});

describe("ready", () => {
  it("is a new promise after a loss, and rejects at the end", async () => {
    const first = state.ready;
    state.setReady(true);
    state.setReady(true);
    expect([await outcome(first), state.isReady]).toEqual(["done", true]);
    const lost: unknown[] = [];
    state.listeners.add("interrupted", (event) => lost.push(event, state.isReady), false);
    state.setReady(false);
    state.setReady(false);
    expect(lost).toEqual([{ report: undefined }, false]);
    const second = state.ready;
    expect([second === first, await outcome(second), state.isReady]).toEqual([false, "pending", false]);
    state.close();
    state.setReady(true);
    expect([await outcome(second), state.isReady]).toEqual(["CLOSED", false]);
  });
});
