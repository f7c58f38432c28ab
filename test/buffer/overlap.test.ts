import { describe, expect, it } from "vitest";
import { MessageStream } from "../../src/buffer/message-stream.js";
import { NumberWindow } from "../../src/buffer/number-window.js";
import { Overlap } from "../../src/buffer/overlap.js";
import type { Sequence } from "../../src/buffer/sequence-window.js";
import { measureCpuTime } from "../support/cpu-time.js";
import { type Numbered, type Policy, ReplayScene } from "./replay-scene.js";

const streamOf = ({ stream }: Numbered): string | number | undefined => stream;
const a = (id: number): Numbered => ({ id, stream: "a" });
const b = (id: number): Numbered => ({ id, stream: "b" });

/** A scene in which connection 2 has just opened while connection 1 is in use. */
function overlapping(policy: Policy = {}, ...before: readonly (Sequence | Numbered)[]): ReplayScene {
  const scene = new ReplayScene(policy);
  scene.replay.onConnection(1, 0);
  scene.receive(...before);
  scene.replay.beginOverlap(2, 1_000, 0);
  scene.takeLog();
  return scene;
}

describe("Replay in an overlap of two connections", () => {
  it("delivers the messages of the new connection after those of the old one, and removes duplicates", () => {
    const scene = overlapping({}, 1, 2);
    scene.receiveOn(2, 2, 3, 4, 5).receiveOn(1, 3, 4);
    expect(scene.takeLog()).toEqual(["caught up", "3", "4"]);
    expect(scene.replay.heldCount).toBe(3);
    expect(scene.replay.endOverlap(0)).toBe(3);
    expect(scene.takeLog()).toEqual(["5"]);
    expect(scene.receiveOn(2, 6).takeLog()).toEqual(["6"]);
    expect(scene.replay.heldCount).toBe(0);
  });

  it("keeps the order of the new connection, also for messages without an id", () => {
    const scene = overlapping({}, 1);
    scene.receiveOn(2, 2, { id: null }, 3).receiveOn(1, { id: undefined }, 2);
    scene.replay.endOverlap(0);
    expect(scene.takeLog()).toEqual(["caught up", "undefined", "2", "null", "3"]);
  });

  it.each([false, true])(
    "reports no gap that one of the connections fills (with a replay: %s)",
    (hasReplay) => {
      const scene = overlapping({ hasReplay }, 1);
      scene.receiveOn(1, 3).receiveOn(2, 2, 3, 4);
      expect(scene.takeLog()).toEqual(["caught up", "2", "3"]);
      expect(scene.replay.endOverlap(0)).toBe(1);
      expect(scene.receiveOn(2, 5).takeLog()).toEqual(["4", "5"]);
    },
  );

  it.each([false, true])("fills a gap with messages that already wait (with a replay: %s)", (hasReplay) => {
    const scene = overlapping({ hasReplay }, 1);
    scene.receiveOn(2, 2, 3, 4, 5).receiveOn(1, 3, 4);
    expect(scene.takeLog()).toEqual(["caught up", "2", "3", "4", "5"]);
    expect(scene.replay.endOverlap(0)).toBe(2);
    expect(scene.takeLog()).toEqual([]);
  });

  it("keeps the order if a reorder buffer is given up while the old connection may still deliver messages", () => {
    const scene = overlapping({ hasReplay: true, maxWaiting: 4 }, 1);
    scene.receiveOn(1, 3, 4).receiveOn(2, 7, 8);
    expect(scene.takeLog()).toEqual(["gap 2..3", "reset", "3", "4"]);
    scene.receiveOn(1, 5, 6);
    expect(scene.takeLog()).toEqual(["5", "6", "caught up"]);
    scene.replay.endOverlap(0);
    expect(scene.takeLog()).toEqual(["7", "8"]);
    expect(scene.replay.heldCount).toBe(0);
  });

  it("reports a gap and delivers when the old connection has ended", () => {
    const scene = overlapping({}, 1);
    scene.receiveOn(1, 3, 4).receiveOn(2, 3, 4, 5).wait(3_600_000);
    expect(scene.takeLog()).toEqual([]);
    scene.replay.endOverlap(0);
    expect(scene.takeLog()).toEqual(["gap 2..3", "3", "4", "5"]);
  });

  it("reports a gap and requests a replay on the new connection when the old one has ended", () => {
    const scene = overlapping({ hasReplay: true }, 1);
    scene.returned(scene.lastRequest).receiveOn(1, 3).receiveOn(2, 4).wait(60_000);
    expect(scene.takeLog()).toEqual([]);
    scene.replay.endOverlap(scene.now);
    expect(scene.wait(0).takeLog()).toEqual(["gap 2..3", "request 1 on 2"]);
    expect(scene.returned(scene.lastRequest, 2).takeLog()).toEqual(["2", "recovered 1", "3", "4"]);
  });

  it("starts the time limit of a gap when the old connection has ended", () => {
    const scene = overlapping({ hasReplay: true }, 1).receiveOn(1, 3).wait(60_000);
    scene.replay.endOverlap(scene.now);
    expect(scene.wait(9_999).takeLog()).toEqual(["gap 2..3", "request 1 on 2"]);
    expect(scene.wait(1).takeLog()).toEqual(["reset", "3"]);
  });

  it("reports the messages that neither connection has delivered", () => {
    const scene = overlapping({}, 1).receiveOn(2, 5, 6).receiveOn(1, 2);
    scene.replay.endOverlap(0);
    expect(scene.takeLog()).toEqual(["2", "gap 3..5", "5", "6"]);
  });

  it("requests a replay of what may be missed on the new connection", () => {
    const scene = new ReplayScene({ hasReplay: true });
    scene.replay.onConnection(1, 0);
    scene.receive(1).replay.beginOverlap(2, 10, 0);
    expect(scene.takeLog()).toEqual(["1", "request 1 on 2"]);
    scene.returned(scene.lastRequest, { id: null }, 2, 3);
    expect(scene.takeLog()).toEqual(["null", "2", "3", "recovered 2"]);
    scene.receiveOn(1, 2, 3, 4);
    expect(scene.replay.endOverlap(0)).toBe(2);
    expect(scene.takeLog()).toEqual(["4"]);
  });

  it("reports no gap when the replay for the new connection is rejected", () => {
    const scene = overlapping({ hasReplay: true }, 1).receiveOn(1, 3);
    scene.replay.onReplayFailed(scene.lastRequest, new Error("no history"));
    expect(scene.receiveOn(2, 2).takeLog()).toEqual(["error no history", "caught up", "2", "3"]);
  });

  it("allows the full time limit for each waiting gap, also for a gap after another one", () => {
    const scene = overlapping({ hasReplay: true }, 1);
    scene.returned(scene.lastRequest).receiveOn(2, 3, 5).wait(60_000);
    scene.replay.endOverlap(scene.now);
    scene.wait(0).returned(scene.lastRequest, 2).wait(0);
    expect(scene.takeLog()).toEqual([
      "gap 2..3",
      "request 1 on 2",
      "2",
      "recovered 1",
      "3",
      "gap 4..5",
      "request 3 on 2",
    ]);
    expect(scene.returned(scene.lastRequest, 4).takeLog()).toEqual(["4", "recovered 1", "5"]);
  });

  it("delivers a restarted stream of the old connection at once, even during a replay on the new one", () => {
    const scene = overlapping({ hasReplay: true, window: 2, streamOf }, a(100)).receiveOn(1, a(7), b(1));
    expect(scene.takeLog()).toEqual(["a:reset", "a:7", "b:1"]);
  });

  it("accepts no more messages of a replay on the old connection after that connection has ended", () => {
    const scene = new ReplayScene({ hasReplay: true });
    scene.replay.onConnection(1, 0);
    scene.receive(1, 3).wait(0);
    const onOld = scene.lastRequest;
    scene.replay.beginOverlap(2, 10, 0);
    const onNewConnectionMessage = scene.lastRequest;
    expect(scene.give(onOld, { id: null })).toBe(true);
    scene.replay.endOverlap(0);
    expect(scene.give(onOld, { id: null })).toBe(false);
    expect(scene.give(onNewConnectionMessage, { id: null })).toBe(true);
    scene.replay.finish(0);
    expect(scene.give(onNewConnectionMessage, { id: null })).toBe(false);
  });

  it("recognizes a duplicate that is older than the window", () => {
    for (const isNext of [
      undefined,
      (previous: Sequence, current: Sequence) => Number(current) === Number(previous) + 1,
    ]) {
      const scene = overlapping({ window: 3, isNext }, 1, 2, 3, 4, 5);
      for (let id = 6; id < 60; id++) scene.receiveOn(1, id).receiveOn(2, id);
      for (let id = 4; id < 60; id++) scene.receiveOn(2, id);
      expect(scene.replay.endOverlap(0)).toBe(54 + 56);
      expect(scene.takeLog()).not.toContain("reset");
      expect(scene.receiveOn(2, 60).takeLog()).toEqual(["60"]);
      expect(scene.receiveOn(2, 57).takeLog()).toEqual(["reset", "57"]);
    }
  });

  it("counts only the duplicates of the overlap", () => {
    const scene = overlapping({}, 1, 1, 2, 2).receiveOn(2, 2);
    expect(scene.replay.endOverlap(0)).toBe(1);
    expect(scene.replay.duplicateCount).toBe(3);
  });

  it("delivers a restarted stream of the new connection after all messages of the old one", () => {
    const scene = overlapping({ window: 5 }, 100).receiveOn(2, 1, 2).receiveOn(1, 101);
    expect(scene.takeLog()).toEqual(["caught up", "101"]);
    scene.replay.endOverlap(0);
    expect(scene.takeLog()).toEqual(["reset", "1", "2"]);
  });

  it("applies the limit of a reorder buffer", () => {
    const scene = overlapping({ hasReplay: true, maxWaiting: 3 }, 1).receiveOn(1, 3, 4, 5, 6);
    expect(scene.takeLog()).toEqual(["gap 2..3", "reset", "3", "4", "5", "6"]);
  });

  it("delivers a message unchanged if a function of the application throws", () => {
    const isNext = (_previous: Sequence, current: Sequence): boolean => {
      if (current === 9) throw new Error("broken");
      return true;
    };
    const scene = overlapping({ isNext }, 1).receiveOn(2, 9, 2);
    expect(scene.takeLog()).toEqual(["caught up", "error broken"]);
    scene.replay.endOverlap(0);
    expect(scene.takeLog()).toEqual(["9", "2"]);
  });

  it("delivers the messages of the new connection after those of the old one when the client ends", () => {
    const scene = overlapping({ hasReplay: true }, 1).receiveOn(2, 2, 3, 5).receiveOn(1, 2);
    scene.replay.finish(0);
    expect(scene.takeLog()).toEqual(["caught up", "2", "3", "gap 4..5", "reset", "5"]);
    expect(scene.replay.heldCount).toBe(0);
  });

  it("returns 0 if no overlap has begun", () => {
    const scene = new ReplayScene().receive(1);
    expect(scene.replay.endOverlap(0)).toBe(0);
    expect(scene.replay.cancelOverlap(0)).toBe(0);
    expect(scene.receive(2).takeLog()).toEqual(["1", "2"]);
  });

  it("ends the overlap when the next one begins", () => {
    const scene = overlapping({}, 1).receiveOn(2, 2, 4);
    scene.replay.beginOverlap(3, 10, 0);
    expect(scene.takeLog()).toEqual(["caught up", "2", "gap 3..4", "4"]);
    scene.receiveOn(3, 5).replay.endOverlap(0);
    expect(scene.takeLog()).toEqual(["caught up", "5"]);
  });

  it("allows one overlap after another", () => {
    const scene = overlapping({}, 1).receiveOn(2, 2).receiveOn(1, 2);
    scene.replay.endOverlap(0);
    scene.replay.beginOverlap(3, 10, 0);
    scene.receiveOn(3, 3, 4).receiveOn(2, 3);
    expect(scene.replay.endOverlap(0)).toBe(1);
    expect(scene.receiveOn(3, 5).takeLog()).toEqual(["caught up", "2", "caught up", "3", "4", "5"]);
  });
});

describe("ReplayPort.onOverlapCaughtUp()", () => {
  it.each<[string, readonly number[], readonly number[], boolean]>([
    ["is called if the new connection begins with a message that the old one has delivered", [10], [], true],
    ["is called if the new connection begins with an older message", [4], [], true],
    ["is called if the new connection begins with the next message", [11], [], true],
    ["is not called if the new connection begins after the next message", [12], [], false],
    ["is called when the old connection has delivered the messages before", [12], [11], true],
    ["is not called while the old connection has not delivered them", [13, 14], [11], false],
  ])("%s", (_, onNewConnectionMessage, onOld, isJoined) => {
    const scene = overlapping({}, 10)
      .receiveOn(2, ...onNewConnectionMessage)
      .receiveOn(1, ...onOld);
    expect(scene.takeLog().filter((entry) => entry === "caught up")).toEqual(isJoined ? ["caught up"] : []);
  });

  it("is called when all streams of the new connection have caught up", () => {
    const scene = overlapping({ streamOf }, a(1), b(1)).receiveOn(2, a(3), b(3));
    expect(scene.receiveOn(1, a(2), a(3)).takeLog()).toEqual(["a:2", "a:3"]);
    expect(scene.receiveOn(1, b(2), b(3), b(4)).takeLog()).toEqual(["b:2", "caught up", "b:3", "b:4"]);
  });

  it("is not called because of a stream in which the old connection has delivered nothing", () => {
    const scene = overlapping({ streamOf }, a(1)).receiveOn(2, b(1));
    expect(scene.takeLog()).toEqual([]);
    expect(scene.receiveOn(1, b(1)).receiveOn(2, b(2)).takeLog()).toEqual(["b:1", "caught up"]);
  });

  it("is called once", () => {
    const scene = overlapping({ streamOf }, a(1), b(5))
      .receiveOn(2, a(2), b(7), b(8))
      .receiveOn(1, b(6), a(2));
    expect(scene.takeLog()).toEqual(["caught up", "b:6", "a:2"]);
  });

  it("is not called if the new connection is in another epoch", () => {
    const epochOf = ({ epoch }: Numbered): Sequence | undefined => epoch;
    const scene = overlapping({ epochOf }, { id: 5, epoch: "x" }).receiveOn(2, { id: 1, epoch: "y" });
    scene.receiveOn(1, { id: 6, epoch: "x" });
    expect(scene.takeLog()).toEqual(["6"]);
    scene.replay.endOverlap(0);
    expect(scene.takeLog()).toEqual(["reset", "1"]);
  });

  it("is not called after the overlap has ended", () => {
    const scene = overlapping({}, 1).receiveOn(2, 5);
    scene.replay.endOverlap(0);
    expect(scene.receiveOn(2, 6).takeLog()).toEqual(["gap 2..5", "5", "6"]);
  });
});

describe("Overlap", () => {
  it("watches the streams that have not caught up until the overlap ends", () => {
    const stream = new MessageStream<string>("s", new NumberWindow({ size: 10, isFrozen: false }));
    stream.window.restart(1);
    const overlap = new Overlap<string>(2, 10, 1_000, { onOverlapCaughtUp() {}, onOverlapFull() {} });
    overlap.onNewConnectionMessage({
      ...{ message: "m", stream, id: 3, epoch: undefined, connection: 2 },
      ...{ request: undefined, at: 0, bytes: 1 },
    });
    expect(stream.fastPathWindow).toBeUndefined();
    expect(overlap.end()).toEqual([]);
    expect(stream.fastPathWindow).toBe(stream.window);
  });
});

describe("ReplayPort.onOverlapFull()", () => {
  it("is called once, and no later message is lost", () => {
    const scene = new ReplayScene().receive(1);
    scene.replay.beginOverlap(2, 3, 0);
    scene.receiveOn(2, 2, 3, 4, 5, 6);
    expect(scene.takeLog()).toEqual(["1", "caught up", "full"]);
    scene.replay.endOverlap(0);
    expect(scene.takeLog()).toEqual(["2", "3", "4", "5", "6"]);
  });

  it("is called when the messages reach `maxBytes`, with or without an id", () => {
    for (const id of [2, null]) {
      const scene = new ReplayScene({ maxBytes: 1_000 }).receive(1);
      scene.replay.beginOverlap(2, 1_000, 0);
      scene.receiveOn(2, { id, bytes: 999 });
      expect(scene.takeLog()).not.toContain("full");
      scene.receiveOn(2, { id: id === null ? null : 3, bytes: 1 });
      expect(scene.takeLog()).toEqual(["full"]);
    }
  });

  it("is called for many empty messages, because each message counts for more than its bytes", () => {
    const scene = new ReplayScene({ maxBytes: 1_000_000 }).receive(1);
    scene.replay.beginOverlap(2, 1_000_000, 0);
    for (let id = 2; id < 6_000; id++) scene.receiveOn(2, { id, bytes: 0 });
    expect(scene.takeLog()).toContain("full");
  });

  it("does not count messages that moved to a reorder buffer", () => {
    const scene = new ReplayScene({ hasReplay: true, maxBytes: 1_000, streamOf }).receive(a(1), b(1));
    scene.replay.beginOverlap(2, 1_000, 0);
    scene
      .receiveOn(2, { ...a(4), bytes: 600 })
      .receiveOn(1, a(3))
      .receiveOn(2, { ...b(2), bytes: 600 });
    expect(scene.takeLog()).not.toContain("full");
    scene.replay.endOverlap(0);
    expect(scene.replay.heldCount).toBe(2);
  });

  it("moves the messages of many streams to their reorder buffers in linear time", () => {
    const scene = new ReplayScene({ hasReplay: true, maxBytes: 1e9, maxWaiting: 100_000, streamOf });
    const streams = Array.from({ length: 5_000 }, (_, index) => `s${index}`);
    for (const stream of streams) scene.receive({ id: 1, stream });
    scene.replay.beginOverlap(2, 1_000_000, 0);
    const cpuTime = measureCpuTime();
    for (const id of [4, 5, 6]) for (const stream of streams) scene.receiveOn(2, { id, stream });
    for (const stream of streams) scene.receiveOn(1, { id: 3, stream });
    expect(cpuTime()).toBeLessThan(2_000);
    expect(scene.replay.heldCount).toBe(4 * streams.length);
  });

  it("does not count duplicates", () => {
    const scene = new ReplayScene().receive(1, 2, 3);
    scene.replay.beginOverlap(2, 1, 0);
    expect(scene.receiveOn(2, 1, 2, 3).takeLog()).toEqual(["1", "2", "3", "caught up"]);
  });
});

describe("Replay.cancelOverlap()", () => {
  it("delivers the waiting messages in order among those of the old connection", () => {
    const scene = overlapping({}, 1).receiveOn(2, 3, { id: null }, 4);
    expect(scene.replay.cancelOverlap(0)).toBe(0);
    expect(scene.receiveOn(1, 2, 3, 4, 5).takeLog()).toEqual(["null", "2", "3", "4", "5"]);
    expect(scene.replay.duplicateCount).toBe(2);
  });

  it("delivers the next message at once", () => {
    const scene = overlapping({}, 1).receiveOn(2, 2, 3);
    scene.replay.cancelOverlap(0);
    expect(scene.receiveOn(1, 2, 3, 4).takeLog()).toEqual(["caught up", "2", "3", "4"]);
  });

  it("accepts no more messages of the replay that was requested on the new connection", () => {
    const scene = overlapping({ hasReplay: true }, 1);
    scene.replay.cancelOverlap(0);
    expect(scene.give(scene.lastRequest, { id: 2 })).toBe(false);
    expect(scene.receiveOn(1, 2).takeLog()).toEqual(["2"]);
  });

  it("requests a replay after half of the time limit if no missing message arrives", () => {
    const scene = overlapping({ hasReplay: true }, 1).receiveOn(2, 4).wait(1_000);
    scene.replay.cancelOverlap(scene.now);
    expect(scene.wait(4_999).takeLog()).toEqual([]);
    expect(scene.wait(1).takeLog()).toEqual(["gap 2..4", "request 1 on 1"]);
    expect(scene.returned(scene.lastRequest, 2, 3).takeLog()).toEqual(["2", "3", "recovered 2", "4"]);
  });

  it("waits if a missing message arrives, and reports the gap when the time limit has passed", () => {
    const scene = overlapping({ hasReplay: true }, 1).receiveOn(2, 4);
    scene.replay.cancelOverlap(0);
    expect(scene.wait(3_000).receiveOn(1, 2).wait(6_999).takeLog()).toEqual(["2"]);
    expect(scene.wait(1).takeLog()).toEqual(["gap 3..4", "reset", "4"]);
  });

  it("reports a gap when the time limit has passed, also without a replay", () => {
    const scene = overlapping({}, 1).receiveOn(2, 4);
    scene.replay.cancelOverlap(0);
    expect(scene.receiveOn(1, 5).wait(9_999).takeLog()).toEqual([]);
    expect(scene.wait(1).receiveOn(1, 6, 8).takeLog()).toEqual(["gap 2..4", "4", "5", "6", "gap 7..8", "8"]);
  });
});

describe("Replay with a reorder buffer from before the overlap", () => {
  it("keeps its time limit and is filled by the new connection", () => {
    const scene = overlapping({ hasReplay: true }, 1, 3);
    expect(scene.receiveOn(2, 2, 3, 4).takeLog()).toEqual(["caught up", "2", "recovered 1", "3"]);
  });

  it("gives up during the overlap when its time limit has passed", () => {
    const scene = overlapping({ hasReplay: true }, 1, 3).wait(10_000);
    expect(scene.takeLog()).toEqual(["reset", "3"]);
  });

  it("delivers a restarted stream when the overlap ends and no replay is active", () => {
    const scene = new ReplayScene({ hasReplay: true, window: 2 });
    scene.replay.onConnection(1, 0);
    scene.receive(100).reconnect().receive(7);
    scene.replay.beginOverlap(3, 10, 0);
    scene.replay.onReplayFailed(scene.lastRequest, new Error("no history"));
    scene.takeLog();
    scene.replay.endOverlap(0);
    expect(scene.takeLog()).toEqual(["reset", "7"]);
  });

  it("keeps a restarted stream buffered for an active replay after the overlap has ended", () => {
    const scene = new ReplayScene({ hasReplay: true, window: 2 });
    scene.replay.onConnection(1, 0);
    scene.receive(100).reconnect().receive(7);
    scene.replay.beginOverlap(3, 10, 0);
    scene.takeLog();
    scene.replay.endOverlap(0);
    expect(scene.takeLog()).toEqual([]);
    scene.returned(scene.lastRequest);
    expect(scene.takeLog()).toEqual(["reset", "7"]);
  });
});
