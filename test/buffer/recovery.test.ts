import { describe, expect, it } from "vitest";
import type { Sequence } from "../../src/buffer/sequence-window.js";
import { measureCpuTime } from "../support/cpu-time.js";
import { type Numbered, type Policy, ReplayScene } from "./replay-scene.js";

/** A scene with an open connection whose application can replay messages. */
function connected(policy: Policy = {}): ReplayScene {
  const scene = new ReplayScene({ hasReplay: true, ...policy });
  scene.replay.onConnection(scene.connection, scene.now);
  return scene;
}

const streamOf = ({ stream }: Numbered): string | number | undefined => stream;
const epochOf = ({ epoch }: Numbered): Sequence | undefined => epoch;
const letters = "abcdefghijklmnopqrstuvwxyz";
const isNextLetter = (previous: Sequence, current: Sequence): boolean =>
  letters.indexOf(String(current)) === letters.indexOf(String(previous)) + 1;

describe("Replay with a gap on an open connection", () => {
  it("reports the gap at once, buffers messages, and requests a replay", () => {
    const scene = connected().receive(1, 2, 5, 6);
    expect(scene.log).toEqual(["1", "2", "timer 10000", "gap 3..5", "timer 0"]);
    expect(scene.replay.heldCount).toBe(2);
    scene.takeLog();
    expect(scene.wait(0).takeLog()).toEqual(["request 2 on 1"]);
    expect(scene.returned(scene.lastRequest, 3, 4).takeLog()).toEqual(["3", "4", "recovered 2", "5", "6"]);
    expect(scene.receive(7).takeLog()).toEqual(["7"]);
    expect(scene.replay.heldCount).toBe(0);
  });

  it("fills the gap with messages that the server repeats in band, and delivers them before the live ones", () => {
    const scene = connected().receive(1, 2, 5).wait(0);
    scene.inBand(scene.lastRequest).receive(3, 6, 4, 5, 7);
    expect(scene.takeLog()).toEqual([
      "1",
      "2",
      "gap 3..5",
      "request 2 on 1",
      "3",
      "4",
      "recovered 2",
      "5",
      "6",
      "7",
    ]);
    expect(scene.replay.duplicateCount).toBe(1);
  });

  it("fills the gap with messages that were only out of order", () => {
    const scene = connected().receive(1, 4, 3, 2, 5);
    expect(scene.takeLog()).toEqual(["1", "gap 2..4", "2", "3", "recovered 2", "4", "5"]);
    expect(scene.wait(20_000).takeLog()).toEqual([]);
  });

  it("requests a replay of several streams in one call", () => {
    const scene = connected({ streamOf });
    for (const stream of ["a", "b", "c"]) scene.receive({ id: 1, stream });
    scene.receive({ id: 3, stream: "a" }, { id: 4, stream: "c" }).takeLog();
    expect(scene.wait(0).takeLog()).toEqual(["request a:1,c:1 on 1"]);
    scene.returned(scene.lastRequest, { id: 2, stream: "c" }, { id: 2, stream: "a" }, { id: 3, stream: "c" });
    expect(scene.takeLog()).toEqual(["c:2", "a:2", "a:recovered 1", "a:3", "c:3", "c:recovered 2", "c:4"]);
  });

  it("counts the missing messages, but not a buffered message that arrives again", () => {
    const scene = connected().receive(1, 3).wait(0);
    scene.inBand(scene.lastRequest).takeLog();
    expect(scene.receive(2, 3, 4).takeLog()).toEqual(["2", "recovered 1", "3", "4"]);
  });

  it("buffers a message once if it arrives twice", () => {
    const scene = connected().receive(1, 3, 4, 3, 4);
    expect(scene.replay.heldCount).toBe(2);
    expect(scene.replay.duplicateCount).toBe(2);
    expect(scene.receive(2).takeLog()).toEqual(["1", "gap 2..3", "2", "recovered 1", "3", "4"]);
  });

  it("reports the next gap between buffered messages", () => {
    const scene = connected().receive(1, 3, 4, 6).wait(0);
    scene.takeLog();
    expect(scene.returned(scene.lastRequest, 2).wait(0).takeLog()).toEqual([
      ...["2", "recovered 1", "3", "4", "gap 5..6"],
      "request 4 on 1",
    ]);
    expect(scene.returned(scene.lastRequest, 5).takeLog()).toEqual(["5", "recovered 1", "6"]);
  });
});

describe("Replay with a gap after a reconnect", () => {
  it("reports no gap if the replay arrives first", () => {
    const scene = connected().receive(1, 2).reconnect();
    expect(scene.takeLog()).toEqual(["1", "2", "request 2 on 2"]);
    expect(scene.returned(scene.lastRequest, 3, 4).receive(5).takeLog()).toEqual([
      "3",
      "4",
      "recovered 2",
      "5",
    ]);
  });

  it("requests no second replay while one is active", () => {
    const scene = connected().receive(1, 2).reconnect().receive(5).wait(100);
    expect(scene.takeLog()).toEqual(["1", "2", "request 2 on 2", "gap 3..5"]);
    expect(scene.returned(scene.lastRequest, 3, 4).takeLog()).toEqual(["3", "4", "recovered 2", "5"]);
  });

  it.each<[string, readonly number[]]>([
    ["ended before the gap was filled", [3, 4]],
    ["returned nothing", []],
  ])("requests another replay if the first one %s", (_, returned) => {
    const scene = connected().receive(1, 2).reconnect().receive(7);
    scene.returned(scene.lastRequest, ...returned).takeLog();
    const last = returned.at(-1) ?? 2;
    expect(scene.wait(0).takeLog()).toEqual([`request ${last} on 2`]);
    const missing = [3, 4, 5, 6].filter((id) => id > last);
    scene.returned(scene.lastRequest, ...missing);
    expect(scene.takeLog()).toEqual([...missing.map(String), "recovered 4", "7"]);
  });

  it("requests no third replay if the second one returns nothing", () => {
    const scene = connected().receive(1, 4).wait(0);
    scene.returned(scene.lastRequest).wait(9_999);
    expect(scene.takeLog()).toEqual(["1", "gap 2..4", "request 1 on 1"]);
    expect(scene.wait(1).takeLog()).toEqual(["reset", "4"]);
  });

  it("requests no replay while the server repeats messages in band", () => {
    const scene = connected().receive(1).reconnect();
    scene.inBand(scene.lastRequest).receive(5).wait(4_000).receive(2).wait(4_000).receive(3, 4);
    expect(scene.takeLog()).toEqual(["1", "request 1 on 2", "gap 2..5", "2", "3", "4", "recovered 3", "5"]);
  });

  it("requests a replay after half of the time limit if the server repeats in band and nothing arrives", () => {
    const scene = connected().receive(1).reconnect().receive(5);
    scene.inBand(scene.lastRequest).wait(4_999);
    expect(scene.takeLog()).toEqual(["1", "request 1 on 2", "gap 2..5"]);
    expect(scene.wait(1).takeLog()).toEqual(["request 1 on 2"]);
    expect(scene.wait(5_000).takeLog()).toEqual(["reset", "5"]);
  });

  it("requests a replay at once when the messages repeated in band have filled the gap before", () => {
    const scene = connected().receive(1).reconnect();
    scene.inBand(scene.lastRequest).receive(3, 2, 5).takeLog();
    expect(scene.wait(0).takeLog()).toEqual(["request 3 on 2"]);
  });

  it("requests a replay of a second gap at once when the messages repeated in band have filled the first one", () => {
    const scene = connected().receive(1).reconnect();
    scene.inBand(scene.lastRequest).receive(3, 5, 2).takeLog();
    expect(scene.wait(0).takeLog()).toEqual(["request 3 on 2"]);
  });

  it("requests a replay at once if the replay in band has made no progress for the time limit", () => {
    const scene = connected().receive(1).reconnect();
    scene.inBand(scene.lastRequest).wait(10_000).receive(3).takeLog();
    expect(scene.wait(0).takeLog()).toEqual(["request 1 on 2"]);
  });

  it("keeps the messages that were buffered on the previous connection", () => {
    const scene = connected().receive(1, 3).wait(5_000).reconnect().receive(4);
    expect(scene.takeLog()).toEqual(["1", "gap 2..3", "request 1 on 1", "request 1 on 2"]);
    expect(scene.returned(scene.lastRequest, 2, 3, 4).receive(5).takeLog()).toEqual([
      "2",
      "recovered 1",
      "3",
      "4",
      "5",
    ]);
  });

  it("requests no replay while there is no connection", () => {
    const scene = connected().receive(1, 3);
    scene.replay.onConnectionEnd(1);
    expect(scene.wait(5_000).takeLog()).toEqual(["1", "gap 2..3"]);
    scene.receiveOn(1, 2, 5);
    expect(scene.wait(60_000).takeLog()).toEqual(["2", "recovered 1", "3", "gap 4..5"]);
    expect(scene.reconnect().takeLog()).toEqual(["request 3 on 2"]);
    expect(scene.wait(9_999).takeLog()).toEqual([]);
    expect(scene.wait(1).takeLog()).toEqual(["reset", "5"]);
  });

  it("ignores the end of another connection", () => {
    const scene = connected().receive(1).reconnect().receive(3);
    scene.replay.onConnectionEnd(1);
    expect(scene.returned(scene.lastRequest, 2).receive(5).wait(0).takeLog()).toEqual([
      ...["1", "request 1 on 2", "gap 2..3", "2", "recovered 1", "3"],
      ...["gap 4..5", "request 3 on 2"],
    ]);
  });
});

describe("Replay with a buffered stream", () => {
  it("delivers in order and reports a reset when the time limit has passed", () => {
    const scene = connected().receive(1, 5, 7, 6).wait(9_999);
    expect(scene.takeLog()).toEqual(["1", "gap 2..5", "request 1 on 1"]);
    expect(scene.wait(1).takeLog()).toEqual(["reset", "5", "6", "7"]);
    expect(scene.nextAt).toBe(Infinity);
  });

  it("reports each further gap between the messages that it delivers", () => {
    const scene = connected().receive(1, 5, 8, 9).wait(10_000);
    expect(scene.takeLog()).toEqual(["1", "gap 2..5", "request 1 on 1", "reset", "5", "gap 6..8", "8", "9"]);
  });

  it("delivers at once when the maximum number of buffered messages is reached", () => {
    const scene = connected({ maxWaiting: 3 }).receive(1, 5, 6, 7, 8);
    expect(scene.takeLog()).toEqual(["1", "gap 2..5", "reset", "5", "6", "7", "8"]);
  });

  it("reports the gap before it delivers, even if the maximum is 1", () => {
    expect(connected({ maxWaiting: 1 }).receive(1, 3).takeLog()).toEqual(["1", "gap 2..3", "reset", "3"]);
  });

  it("delivers when onReplay rejects", () => {
    const scene = connected().receive(1, 5).wait(0);
    scene.replay.onReplayFailed(scene.lastRequest, new Error("no history"));
    expect(scene.takeLog()).toEqual(["1", "gap 2..5", "request 1 on 1", "error no history", "reset", "5"]);
  });

  it("delivers when the result of onReplay throws while it is read", () => {
    const scene = connected().receive(1, 5).wait(0);
    scene.give(scene.lastRequest, { id: 2 });
    scene.replay.onReplayFailed(scene.lastRequest, new Error("no more"));
    expect(scene.takeLog()).toEqual(["1", "gap 2..5", "request 1 on 1", "2", "error no more", "reset", "5"]);
    expect(scene.receive(6, 8).wait(0).takeLog()).toEqual(["6", "gap 7..8", "request 6 on 1"]);
  });

  it("never waits longer than the time limit, also for a second gap", () => {
    const scene = connected().receive(1, 3).wait(6_000);
    scene.inBand(scene.lastRequest).receive(5).wait(3_000).receive(2);
    expect(scene.takeLog()).toEqual(["1", "gap 2..3", "request 1 on 1", "2", "recovered 1", "3", "gap 4..5"]);
    expect(scene.wait(6_999).takeLog()).toEqual(["request 3 on 1"]);
    expect(scene.wait(1).takeLog()).toEqual(["reset", "5"]);
  });

  it("requests a new replay after it has given up", () => {
    const scene = connected().receive(1, 3).wait(10_000).receive(4, 6).wait(0);
    expect(scene.takeLog()).toEqual([
      "1",
      "gap 2..3",
      "request 1 on 1",
      "reset",
      "3",
      "4",
      "gap 5..6",
      "request 4 on 1",
    ]);
  });

  it("delivers missing messages that arrive after it has given up", () => {
    const scene = connected().receive(1, 4).wait(10_000);
    expect(scene.takeLog()).toEqual(["1", "gap 2..4", "request 1 on 1", "reset", "4"]);
    expect(scene.returned(scene.lastRequest, 2, 3, 4).receive(2, 5).takeLog()).toEqual(["2", "3", "5"]);
    scene.receive(7).wait(0).returned(scene.lastRequest, 6);
    expect(scene.takeLog()).toEqual(["gap 6..7", "request 5 on 1", "6", "recovered 1", "7"]);
  });

  it("reports no reset after the time limit if nothing is buffered", () => {
    const scene = connected().receive(1).reconnect().wait(3_600_000);
    expect(scene.takeLog()).toEqual(["1", "request 1 on 2"]);
    expect(scene.receive(2).takeLog()).toEqual(["2"]);
  });

  it("reports a rejected replay, but no reset, if nothing is buffered", () => {
    const scene = connected().receive(1).reconnect();
    scene.replay.onReplayFailed(scene.lastRequest, new Error("no history"));
    expect(scene.receive(2).takeLog()).toEqual(["1", "request 1 on 2", "error no history", "2"]);
  });

  it("delivers when the client ends", () => {
    const scene = connected().receive(1, 3, 4);
    scene.replay.finish(0);
    expect(scene.takeLog()).toEqual(["1", "gap 2..3", "reset", "3", "4"]);
    expect(scene.wait(20_000).takeLog()).toEqual([]);
    expect(scene.replay.heldCount).toBe(0);
  });
});

describe("Replay with a numbering that restarts", () => {
  it("delivers the buffered messages before the restart", () => {
    const scene = connected({ window: 5 }).receive(101, 105, 106, 1, 2);
    expect(scene.takeLog()).toEqual(["101", "gap 102..105", "reset", "105", "106", "reset", "1", "2"]);
  });

  it("delivers the buffered messages before a new epoch", () => {
    const scene = connected({ epochOf });
    scene.receive({ id: 1, epoch: "x" }, { id: 3, epoch: "x" }, { id: 4, epoch: "y" }, { id: 5, epoch: "y" });
    expect(scene.takeLog()).toEqual(["1", "gap 2..3", "reset", "3", "reset", "4", "5"]);
  });

  it("waits for the messages that onReplay returns from the new numbering", () => {
    const scene = connected({ epochOf }).receive({ id: 50, epoch: "x" }).reconnect();
    scene.receive({ id: 3, epoch: "y" }, { id: 4, epoch: "y" }).takeLog();
    scene.returned(scene.lastRequest, { id: 1, epoch: "y" }, { id: 2, epoch: "y" }, { id: 3, epoch: "y" });
    expect(scene.takeLog()).toEqual(["reset", "1", "2", "recovered 2", "3", "4"]);
    expect(scene.receive({ id: 5, epoch: "y" }).takeLog()).toEqual(["5"]);
  });

  it("waits only until the result of onReplay ends", () => {
    const scene = connected({ window: 5 }).receive(100).reconnect().receive(7, 8);
    expect(scene.takeLog()).toEqual(["100", "request 100 on 2"]);
    expect(scene.returned(scene.lastRequest).takeLog()).toEqual(["reset", "7", "8"]);
  });

  it.each<[string, (scene: ReplayScene) => unknown]>([
    ["the server repeats in band", (scene) => scene.inBand(scene.lastRequest)],
    ["the time limit has passed", (scene) => scene.wait(10_000)],
    ["the client ends", (scene) => scene.replay.finish(0)],
    ["onReplay rejects", (scene) => scene.replay.onReplayFailed(scene.lastRequest, new Error("no history"))],
  ])("stops waiting when %s", (_, end) => {
    const scene = connected({ window: 5 }).receive(100).reconnect().receive(7, 8);
    scene.takeLog();
    end(scene);
    expect(scene.takeLog().filter((entry) => !entry.startsWith("error"))).toEqual(["reset", "7", "8"]);
  });

  it("buffers messages that cannot be compared in order of arrival", () => {
    const scene = connected({ window: 5 }).receive(100).reconnect().receive(103, 7, 8, 104);
    scene.takeLog();
    expect(scene.returned(scene.lastRequest, 101, 102).wait(0).takeLog()).toEqual([
      ...["101", "102", "recovered 2", "103", "reset", "7", "8"],
      ...["gap 9..104", "request 8 on 2"],
    ]);
  });

  it("ends the reported gap if onReplay returns messages of the new numbering", () => {
    const scene = connected({ window: 5 }).receive(100, 103).wait(0);
    scene.returned(scene.lastRequest, 1, 2);
    expect(scene.takeLog()).toEqual(["100", "gap 101..103", "request 100 on 1", "reset", "1", "2"]);
    expect(scene.wait(10_000).takeLog()).toEqual(["gap 3..103", "reset", "103"]);
  });

  it("treats an id after the cursor of a replay request as a duplicate, even if it is older than the window", () => {
    const scene = connected({ window: 2 }).receive(1).reconnect();
    scene.inBand(scene.lastRequest).receive(9).takeLog();
    expect(scene.receive(2, 3, 4, 5, 6, 2, 3, 4, 5, 6, 7, 8).takeLog()).toEqual([
      ...["2", "3", "4", "5", "6", "7", "8"],
      ...["recovered 7", "9"],
    ]);
    expect(scene.receive(2).takeLog()).toEqual(["reset", "2"]);
  });

  it("treats no id as a duplicate because of a replay request in another epoch", () => {
    const scene = connected({ window: 2, epochOf }).receive({ id: 1, epoch: "x" }).reconnect();
    scene.inBand(scene.lastRequest);
    scene.receive({ id: 50, epoch: "y" }, { id: 40, epoch: "y" });
    expect(scene.takeLog()).toEqual(["1", "request 1@x on 2", "reset", "50", "reset", "40"]);
  });
});

describe("Replay with a stream that is new after a reconnect", () => {
  it("waits for the messages that onReplay returns for it", () => {
    const scene = connected({ streamOf }).receive({ id: 1, stream: "a" }).reconnect();
    scene.receive({ id: 3, stream: "b" }, { id: 4, stream: "b" }, { id: 2, stream: "a" }).takeLog();
    expect(
      scene.returned(scene.lastRequest, { id: 1, stream: "b" }, { id: 2, stream: "b" }).takeLog(),
    ).toEqual([...["b:1", "b:2", "b:recovered 2", "b:3", "b:4"]]);
  });

  it("delivers what it has when the result of onReplay ends", () => {
    const scene = connected({ streamOf }).receive({ id: 1, stream: "a" }).reconnect();
    scene.receive({ id: 4, stream: "b" }, { id: 3, stream: "b" }, { id: 6, stream: "b" }).takeLog();
    expect(scene.returned(scene.lastRequest).wait(0).takeLog()).toEqual([
      ...["b:3", "b:4", "b:gap 5..6"],
      "request b:4 on 2",
    ]);
  });

  it("does not wait for a replay without progress", () => {
    const scene = connected({ streamOf }).receive({ id: 1, stream: "a" }).reconnect().wait(9_000);
    scene.receive({ id: 3, stream: "b" }).wait(1_000).takeLog();
    expect(scene.receive({ id: 5, stream: "b" }, { id: 1, stream: "c" }).takeLog()).toEqual([
      ...["b:3", "b:gap 4..5", "c:1"],
    ]);
    expect(scene.wait(0).takeLog()).toEqual(["request b:3 on 2"]);
  });

  it("requests its replay together with the other streams on the next connection", () => {
    const scene = connected({ streamOf }).receive({ id: 1, stream: "a" }).reconnect();
    scene.receive({ id: 3, stream: "b" }).reconnect().takeLog();
    scene.receive({ id: 4, stream: "b" });
    expect(scene.returned(scene.lastRequest, { id: 2, stream: "b" }).takeLog()).toEqual([
      ...["b:2", "b:recovered 1", "b:3", "b:4"],
    ]);
  });
});

describe("Replay request", () => {
  it("is not made if nothing was ever delivered", () => {
    expect(connected().reconnect().takeLog()).toEqual([]);
  });

  it("is made on the first connection if cursors are given", () => {
    const scene = connected({ cursors: { default: { sequence: 7, epoch: "x" } }, epochOf });
    expect(scene.takeLog()).toEqual(["request 7@x on 1"]);
  });

  it("may be made and answered in one call", () => {
    const scene = connected();
    scene.onEntry = (entry) => {
      if (entry.startsWith("request")) scene.returned(scene.lastRequest, 2, 3);
    };
    expect(scene.receive(1, 4).wait(0).takeLog()).toEqual([
      "1",
      "gap 2..4",
      "request 1 on 1",
      "2",
      "3",
      "recovered 2",
      "4",
    ]);
  });

  it("accepts no messages after its connection has ended", () => {
    const scene = connected().receive(1, 3).wait(0);
    const request = scene.lastRequest;
    scene.replay.onConnectionEnd(1);
    scene.takeLog();
    expect(scene.give(request, { id: 2 })).toBe(false);
    scene.replay.onReplayReturned(request, 0);
    scene.replay.onReplayInBand(request, 0);
    scene.replay.onReplayFailed(request, new Error("the connection has ended"));
    expect(scene.takeLog()).toEqual([]);
    expect(scene.wait(10_000).takeLog()).toEqual([]);
    expect(scene.reconnect().takeLog()).toEqual(["request 1 on 2"]);
    expect(scene.wait(10_000).takeLog()).toEqual(["reset", "3"]);
  });

  it("may return messages without an id, duplicates, and messages after the buffered ones", () => {
    const scene = connected().receive(1, 5).wait(0);
    scene.takeLog();
    const { lastRequest } = scene;
    for (const id of [1, null, 3, 6, 2]) expect(scene.give(lastRequest, { id })).toBe(true);
    expect(scene.takeLog()).toEqual(["null", "2", "3"]);
    expect(scene.returned(lastRequest, 4).takeLog()).toEqual(["4", "recovered 3", "5", "6"]);
  });

  it("keeps the stream in order if its result has a gap", () => {
    const scene = connected({ isNext: isNextLetter }).receive("a", "f", "g").wait(0);
    scene.returned(scene.lastRequest, "d", "e").wait(10_000);
    expect(scene.takeLog()).toEqual([
      ...["a", "gap undefined..f", "request a on 1"],
      ...["reset", "d", "e", "f", "g"],
    ]);
  });

  it("stays active as long as it makes progress", () => {
    const scene = connected({ recoveryTimeout: 1_000 }).receive(1).reconnect();
    for (let id = 2; id < 8; id++) scene.wait(900).give(scene.lastRequest, { id });
    scene.receive(9).wait(0).takeLog();
    scene.give(scene.lastRequest, { id: 8 });
    expect(scene.takeLog()).toEqual(["8", "recovered 7", "9"]);
    expect(scene.requests).toHaveLength(1);
  });

  it("is made again if the active one makes no progress", () => {
    const scene = connected().receive(1).reconnect().wait(10_000).receive(3).wait(0);
    expect(scene.takeLog()).toEqual(["1", "request 1 on 2", "gap 2..3", "request 1 on 2"]);
  });

  it("is not remembered forever", () => {
    const scene = connected();
    for (let id = 1; id < 50; id += 2) {
      scene.receive(id, id + 2).wait(0);
      scene
        .inBand(scene.lastRequest)
        .receive(id + 1)
        .wait(20_000);
    }
    expect(scene.takeLog().filter((entry) => entry === "reset")).toEqual([]);
  });
});

describe("Replay with late strings", () => {
  it("moves the cursor back, and forward through delivered ids without duplicates", () => {
    const scene = connected({ isNext: isNextLetter }).receive("a", "e").wait(10_000);
    expect(scene.takeLog()).toEqual(["a", "gap undefined..e", "request a on 1", "reset", "e"]);
    scene.receive("f", "b", "c", "g").wait(10_000);
    expect(scene.takeLog()).toEqual(["f", "gap undefined..b", "g", "request g on 1", "reset", "b", "c"]);
    scene.receive("h").wait(0);
    expect(scene.takeLog()).toEqual(["gap undefined..h", "request c on 1"]);
    expect(scene.returned(scene.lastRequest, "d", "e", "f", "g").takeLog()).toEqual([
      "d",
      "recovered 1",
      "h",
    ]);
  });

  it("reports an error of isNext while the cursor moves through delivered ids", () => {
    let isBroken = false;
    const isNext = (previous: Sequence, current: Sequence): boolean => {
      if (isBroken) throw new Error("broken");
      return isNextLetter(previous, current);
    };
    const scene = new ReplayScene({ isNext }).receive("a", "d", "b");
    isBroken = true;
    expect(scene.receive("d").takeLog().slice(-1)).toEqual(["error broken"]);
    expect(scene.replay.duplicateCount).toBe(1);
  });
});

it("Replay delivers a replayed message unchanged and reports the error if `sequence` throws", () => {
  const sequence = ({ id }: Numbered): Sequence | null | undefined => {
    if (id === 3) throw new Error("broken");
    return id;
  };
  const scene = connected({ sequence }).receive(1, 4).wait(0);
  scene.takeLog();
  expect(scene.give(scene.lastRequest, { id: 3 })).toBe(true);
  expect(scene.takeLog()).toEqual(["error broken", "3"]);
  expect(scene.returned(scene.lastRequest, 2).takeLog()).toEqual(["2"]);
});

describe("Replay that is called from a listener", () => {
  it.each(["gap 2..4", "2", "recovered 2", "4"])("may finish at %s", (at) => {
    const scene = connected();
    scene.onEntry = (entry) => {
      if (entry === at) scene.replay.finish(0);
    };
    scene.receive(1, 4, 5, 2, 3);
    const delivered = scene.takeLog().filter((entry) => /^\d/.test(entry));
    expect(delivered.toSorted()).toEqual(["1", "2", "3", "4", "5"]);
    expect(scene.replay.heldCount).toBe(0);
  });

  it("returns cursors that include the current message", () => {
    const scene = connected();
    const taken: unknown[] = [];
    scene.onEntry = (entry) => {
      if (/^\d/.test(entry)) taken.push(scene.replay.cursors()["default"]?.sequence);
    };
    scene.receive(1, 2, 5, 4, 3);
    expect(taken).toEqual([1, 2, 3, 4, 5]);
  });
});

describe("Memory limit of all reorder buffers", () => {
  const of = (stream: string, id: number, bytes: number): Numbered => ({ id, stream, bytes });

  it("gives up the buffer that reaches it: reports a reset and delivers its messages", () => {
    const scene = connected({ maxBytes: 1_000 }).receive(1);
    scene.receive(...[3, 4, 5].map((id) => ({ id, bytes: 300 })));
    expect(scene.takeLog()).toEqual(["1", "gap 2..3"]);
    scene.receive({ id: 6, bytes: 300 }, 7);
    expect(scene.takeLog()).toEqual(["reset", "3", "4", "5", "6", "7"]);
    expect(scene.replay.heldCount).toBe(0);
  });

  it("gives up the largest buffer and keeps the others", () => {
    const scene = connected({ maxBytes: 1_000, streamOf });
    for (const stream of ["a", "b", "c"]) scene.receive(of(stream, 1, 1));
    scene.receive(of("a", 3, 100), of("b", 3, 700), of("c", 3, 100)).takeLog();
    scene.receive(of("c", 4, 100));
    expect(scene.takeLog()).toEqual(["b:reset", "b:3"]);
    expect(scene.replay.heldCount).toBe(3);
    scene.receive(of("c", 2, 1), of("a", 2, 1));
    expect(scene.takeLog()).toEqual(["c:2", "c:recovered 1", "c:3", "c:4", "a:2", "a:recovered 1", "a:3"]);
  });

  it("releases the memory of delivered messages", () => {
    const scene = connected({ maxBytes: 1_000 }).receive(1);
    for (let id = 2; id < 2_000; id += 4)
      scene.receive({ id: id + 1, bytes: 400 }, { id: id + 3, bytes: 400 }, id, id + 2);
    expect(scene.takeLog().some((entry) => entry === "reset")).toBe(false);
  });

  it("does not count duplicates", () => {
    const scene = connected({ maxBytes: 1_000 }).receive(1, { id: 3, bytes: 600 });
    for (let count = 0; count < 5; count++) scene.receive({ id: 3, bytes: 600 });
    expect(scene.takeLog()).not.toContain("reset");
  });

  it("allows one message of any size", () => {
    const scene = connected({ maxBytes: 1_000 }).receive(1, { id: 3, bytes: 5_000 }).takeLog();
    expect(scene).toEqual(["1", "gap 2..3"]);
  });

  it("counts more than its bytes for each tiny message of many streams", () => {
    const scene = connected({ maxBytes: 1_000_000, streamOf, cursors: { known: { sequence: 1 } } });
    // An active replay may return messages that precede the first message of each stream.
    for (let index = 0; index < 20_000; index++) scene.receive(of(`s${index}`, 1, 10));
    expect(scene.replay.heldCount).toBeLessThan(6_000);
    expect(scene.takeLog().filter((entry) => entry.endsWith(":1")).length).toBeGreaterThan(14_000);
  });

  it("also applies to the old connection in an overlap", () => {
    const scene = connected({ maxBytes: 1_000 }).receive(1);
    scene.replay.beginOverlap(2, 100, 0);
    scene.receive(...[3, 4, 5].map((id) => ({ id, bytes: 400 })));
    expect(scene.takeLog().slice(2)).toEqual(["gap 2..3", "reset", "3", "4", "5"]);
  });
});

describe("Replay with evicted streams", () => {
  const of = (stream: string, id: number): Numbered => ({ id, stream });

  it("starts an evicted stream again without a gap, a reset or a known duplicate", () => {
    const scene = connected({ maxStreams: 2, streamOf }).receive(
      of("a", 1),
      of("b", 1),
      of("b", 2),
      of("c", 1),
    );
    expect(scene.replay.cursors()).toEqual({ b: { sequence: 2 }, c: { sequence: 1 } });
    scene.receive(of("a", 2), of("a", 9)).takeLog();
    expect(scene.receive(of("a", 10)).takeLog()).toEqual([]);
  });

  it("delivers replayed messages of evicted streams", () => {
    const scene = connected({ maxStreams: 2, streamOf }).receive(of("a", 1), of("b", 1)).reconnect();
    scene.receive(of("c", 1), of("d", 1)).takeLog();
    scene.returned(scene.lastRequest, of("a", 2), of("b", 2));
    expect(scene.takeLog().filter((entry) => !entry.includes("recovered"))).toEqual(
      expect.arrayContaining(["a:2", "b:2"]),
    );
    expect(scene.wait(20_000).replay.heldCount).toBe(0);
  });

  it("does not evict a stream whose messages wait in an overlap", () => {
    const scene = connected({ maxStreams: 2, streamOf, hasReplay: false }).receive(of("a", 1));
    scene.replay.beginOverlap(2, 100, 0);
    scene.receiveOn(2, of("a", 1), of("a", 2));
    scene.receive(of("b", 1), of("c", 1), of("d", 1), of("a", 2));
    scene.replay.endOverlap(0);
    expect(scene.takeLog().filter((entry) => entry.startsWith("a"))).toEqual(["a:1", "a:2"]);
  });
});

it("Replay delivers 60,000 messages with a gap at every second number in linear time", () => {
  const count = 30_000;
  for (const policy of [{ window: 1_000_000 }, { hasReplay: false, window: 1_000_000 }]) {
    const scene = connected({ maxWaiting: 1_000_000, maxBytes: 1e9, ...policy }).receive(1);
    if (policy.hasReplay !== false) scene.wait(0);
    const cpuTime = measureCpuTime();
    for (let index = 1; index <= count; index++) scene.receive(2 * index + 1);
    scene.wait(0);
    for (let index = 1; index <= count; index++) scene.receive(2 * index);
    expect(cpuTime()).toBeLessThan(3_000);
    expect(scene.takeLog().filter((entry) => /^\d+$/.test(entry)).length).toBe(2 * count + 1);
  }
});
