// What follows a refusal of a channel: give up, retry with a wait, or ask the application.
import { afterEach, describe, expect, it } from "vitest";
import type { ChannelsOptions, Refusal } from "../../src/channels/index.js";
import { type Channel } from "../../src/channels/index.js";
import { connectScene, namesIn, outcome, type Scene, type Wire } from "./exchange.js";
import { never } from "../support/never.js";

let scene: Scene;
let channel: Channel<Wire>;
let errors: string[];

afterEach(async () => {
  scene.ws.terminate();
  await scene.exchange.pass(1_000_000);
  expect(scene.exchange.runtime.isHeld).toBe(false);
  await scene.exchange.server.close();
});

/** Opens a channel that the server refuses. */
async function refused(feed: Partial<ChannelsOptions<Wire, Wire>>): Promise<Scene> {
  scene = await connectScene({ feed });
  errors = [];
  scene.feed.on("error", ({ error }) =>
    errors.push((error as { readonly code?: string }).code ?? error.message),
  );
  scene.exchange.answer = (name, { wire }) => wire.send({ ack: name, refused: "full" });
  channel = scene.feed.open("a");
  await scene.exchange.pass();
  return scene;
}

const subscribes = (): number => namesIn(scene.exchange.peer, "sub").length;

describe("a refusal", () => {
  it("ends the channel by default, with the reason of the server", async () => {
    const { exchange, feed } = await refused({});
    await expect(channel.ready).rejects.toMatchObject({ code: "REFUSED", channel: "a", reason: "full" });
    await expect(channel[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "REFUSED" });
    await exchange.pass(100_000);
    expect([subscribes(), feed.stats().channelCount, namesIn(exchange.peer, "unsub")]).toEqual([1, 0, []]);
    exchange.answer = (name, peer) => exchange.accept(name, peer);
    const again = feed.open("a");
    await exchange.pass();
    expect(again.isReady).toBe(true);
  });

  it("is retried with waits that double up to the cap, and start again after an acceptance", async () => {
    const { exchange } = await refused({ onRefused: "retry", backoff: { base: 1_000, cap: 3_000 } });
    await exchange.pass(499);
    expect(subscribes()).toBe(1);
    await exchange.pass(501);
    expect(subscribes()).toBe(2);
    await exchange.pass(2_000);
    expect(subscribes()).toBe(3);
    await exchange.pass(30_000);
    expect(subscribes()).toBeGreaterThanOrEqual(3 + 10);
    expect(subscribes()).toBeLessThanOrEqual(3 + 20);
    exchange.answer = (name, peer) => exchange.accept(name, peer);
    await exchange.pass(3_000);
    expect(await outcome(channel.ready)).toBe("done");
  });

  it("is not retried after the channel was closed", async () => {
    const { exchange } = await refused({ onRefused: "retry" });
    void channel.close();
    await exchange.pass(100_000);
    expect([subscribes(), namesIn(exchange.peer, "unsub")]).toEqual([1, []]);
  });

  it("is passed to the function onRefused, which may return a wait", async () => {
    const refusals: Refusal[] = [];
    const { exchange } = await refused({
      onRefused: (refusal) => {
        refusals.push(refusal);
        return refusal.attempt < 3 ? 50 : "giveUp";
      },
    });
    await exchange.pass(1_000);
    expect(refusals.map(({ channel: name, attempt, error }) => [name, attempt, error.reason])).toEqual([
      ["a", 1, "full"],
      ["a", 2, "full"],
      ["a", 3, "full"],
    ]);
    expect([await outcome(channel.ready), subscribes()]).toEqual(["REFUSED", 3]);
  });

  it("has the number 1 again after the channel was accepted", async () => {
    const attempts: number[] = [];
    const { exchange } = await refused({
      onRefused: ({ attempt }) => {
        attempts.push(attempt);
        return 100;
      },
    });
    await exchange.pass(100);
    exchange.answer = (name, peer) => exchange.accept(name, peer);
    await exchange.pass(100);
    expect(channel.isReady).toBe(true);
    exchange.peer.wire.send({ ack: "a", refused: "expired" });
    await exchange.pass();
    expect(attempts).toEqual([1, 2, 1]);
  });

  it("has no effect any more if the server accepts the channel before the decision", async () => {
    let decide!: (decision: "giveUp") => void;
    scene = await connectScene({
      feed: { ackTimeout: 1_000, onRefused: () => new Promise((resolve) => (decide = resolve)) },
    });
    const { exchange, feed } = scene;
    exchange.answer = () => undefined;
    const late = feed.open("a");
    await exchange.pass(1_000);
    exchange.accept("a", exchange.peer);
    await exchange.pass();
    decide("giveUp");
    await exchange.pass(10_000);
    expect([late.isReady, exchange.peer.received.length]).toEqual([true, 1]);
  });

  it("may be decided later by a promise, and the channel may be closed before", async () => {
    let decide!: (decision: "retry") => void;
    const { exchange } = await refused({ onRefused: () => new Promise((resolve) => (decide = resolve)) });
    await exchange.pass(5_000);
    expect([await outcome(channel.ready), subscribes()]).toEqual(["pending", 1]);
    void channel.close();
    decide("retry");
    await exchange.pass(100_000);
    expect([subscribes(), errors]).toEqual([1, []]);
  });

  it.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    ["rejects", () => Promise.reject(new Error("broken"))],
    ["returns nothing", () => undefined],
    ["returns another text", () => "later"],
    ["returns a negative wait", () => -1],
    ["returns an endless wait", () => Infinity],
    ["returns a promise that never settles", () => never()],
  ])("is given up and reported if onRefused %s", async (_, onRefused) => {
    const { exchange } = await refused({ onRefused: onRefused as never, ackTimeout: 2_000 });
    await exchange.pass(2_000);
    expect([await outcome(channel.ready), errors]).toEqual(["REFUSED", ["CHANNEL_FUNCTION_FAILED"]]);
  });
});
