import { describe, expect, it } from "vitest";
import type { Cursors } from "../../src/options/layer-options.js";
import type { Sequence } from "../../src/buffer/sequence-window.js";
import { type Policy, ReplayScene } from "./replay-scene.js";
import { measureCpuTime } from "../support/cpu-time.js";

const letters = "abcdefghijklmnopqrstuvwxyz";
const isNextLetter = (previous: Sequence, current: Sequence): boolean =>
  letters.indexOf(String(current)) === letters.indexOf(String(previous)) + 1;

function logOf(policy: Policy, ...ids: readonly Sequence[]): string {
  return new ReplayScene(policy)
    .receive(...ids)
    .takeLog()
    .join(" ");
}

describe("Replay without onReplay", () => {
  it.each<[string, readonly Sequence[], string]>([
    ["in order", [5, 6, 7], "5 6 7"],
    ["with a duplicate", [5, 6, 6, 5, 7], "5 6 7"],
    ["with a gap, which is reported", [1, 2, 5, 6], "1 2 gap 3..5 5 6"],
    ["with one missing message", [1, 3], "1 gap 2..3 3"],
    ["with a gap and a late message", [1, 4, 3, 3, 5], "1 gap 2..4 4 3 5"],
    ["that restart inside the window", [7, 8, 5], "7 8 reset 5"],
    ["that restart at 1", [1_000_000, 1, 2], "1000000 reset 1 2"],
    ["that pass 0", [-1, 0, 1], "-1 0 1"],
    [
      "above 2 ** 31",
      [2 ** 40, 2 ** 40 + 1, 2 ** 40 + 3],
      `${2 ** 40} ${2 ** 40 + 1} gap ${2 ** 40 + 2}..${2 ** 40 + 3} ${2 ** 40 + 3}`,
    ],
  ])("delivers ids %s", (_, ids, expected) => {
    expect(logOf({}, ...ids)).toBe(expected);
  });

  it.each<[number, number, string]>([
    [10, 11, "duplicate"],
    [10, 10, "reset"],
    [2, 19, "duplicate"],
    [2, 18, "reset"],
    [1, 20, "duplicate"],
    [1, 19, "reset"],
  ])("recognizes duplicates with a window of %i: id %i after 20 is a %s", (window, id, verdict) => {
    const scene = new ReplayScene({ window, cursors: { default: { sequence: 20 } } });
    expect(scene.receive(id).takeLog()).toEqual(verdict === "duplicate" ? [] : ["reset", `${id}`]);
    expect(scene.replay.duplicateCount).toBe(verdict === "duplicate" ? 1 : 0);
  });

  it("buffers nothing, sets no timer and requests no replay", () => {
    const scene = new ReplayScene().receive(1, 5, 3);
    scene.reconnect();
    expect(scene.replay.heldCount).toBe(0);
    expect(scene.nextAt).toBe(Infinity);
    expect(scene.log.filter((entry) => /timer|request/.test(entry))).toEqual([]);
  });

  it("reports a gap if the first message after a reconnect is not the next one", () => {
    const scene = new ReplayScene().receive(1, 2).reconnect().receive(5);
    expect(scene.takeLog()).toEqual(["1", "2", "gap 3..5", "5"]);
  });

  it("restarts if more duplicates arrive in a row than the window remembers", () => {
    const scene = new ReplayScene({ window: 3 }).receive(1, 2, 3);
    expect(scene.receive(1, 2, 3, 1, 2, 3, 4).takeLog()).toEqual([
      "1",
      "2",
      "3",
      "reset",
      "1",
      "2",
      "3",
      "4",
    ]);
    expect(scene.replay.duplicateCount).toBe(3);
  });

  it("counts duplicates in a row since the last new message", () => {
    const scene = new ReplayScene({ window: 3 }).receive(1, 2, 3, 1, 2, 4, 2, 3, 5, 3, 4);
    expect(scene.takeLog()).toEqual(["1", "2", "3", "4", "5"]);
  });
});

describe("Replay with isNext", () => {
  it.each<[string, readonly Sequence[], string]>([
    ["in order", ["a", "b", "c"], "a b c"],
    ["with duplicates", ["a", "b", "a", "b", "c"], "a b c"],
    ["with a gap, of which only the end is known", ["a", "b", "e", "f"], "a b gap undefined..e e f"],
    ["with a late message", ["a", "d", "b", "c", "d", "e"], "a gap undefined..d d gap undefined..b b c e"],
  ])("delivers ids %s", (_, ids, expected) => {
    expect(logOf({ isNext: isNextLetter }, ...ids)).toBe(expected);
  });

  it.each<[string, readonly Sequence[], string]>([
    ["in steps", [10, 20, 30, 50], "10 20 30 gap undefined..50 50"],
    ["with a late message", [10, 30, 20, 40], "10 gap undefined..30 30 20 40"],
    ["that restart", [50, 60, 10, 20], "50 60 reset 10 20"],
    ["with duplicates", [10, 20, 10, 20, 30], "10 20 30"],
  ])("delivers numbers %s", (_, ids, expected) => {
    expect(logOf({ isNext: (previous, current) => Number(current) - Number(previous) === 10 }, ...ids)).toBe(
      expected,
    );
  });

  it("removes duplicates even if isNext accepts every id", () => {
    expect(logOf({ isNext: () => true, window: 2 }, "x", "q", "x", "z", "q", "x")).toBe("x q z x");
  });

  it("accepts ids that wrap around if the window is smaller than their range", () => {
    const isNext = (previous: Sequence, current: Sequence): boolean => current === (Number(previous) + 1) % 8;
    expect(logOf({ isNext, window: 3 }, 5, 6, 7, 0, 7, 1, 2, 3, 2, 4)).toBe("5 6 7 0 1 2 3 4");
  });
});

describe("Messages without an id", () => {
  it.each([undefined, null])("are delivered unchanged: %s", (id) => {
    const scene = new ReplayScene({ hasReplay: true }).receive(1, 3, { id }, { id });
    expect(scene.takeLog()).toEqual(["1", "gap 2..3", `${id}`, `${id}`]);
  });
});

describe("Invalid ids between valid ones", () => {
  it.each([undefined, null])("%s means no id", (id) => {
    const scene = new ReplayScene().receive(1, 2, { id }, 3);
    expect(scene.takeLog()).toEqual(["1", "2", `${id}`, "3"]);
  });

  it.each([NaN, "3", 3n])("%s is reported, and the stream continues", (id) => {
    const scene = new ReplayScene().receive(1, 2, { id: id as Sequence }, 3);
    expect(scene.takeLog()).toEqual(["1", "2", expect.stringContaining("error A sequence"), String(id), "3"]);
  });
});

it("Replay calls isNext once for a message that is not next", () => {
  const asked: unknown[] = [];
  const isNext = (_: Sequence, current: Sequence): boolean => {
    asked.push(current);
    return false;
  };
  const scene = new ReplayScene({ isNext }).receive("a", "b");
  asked.length = 0;
  scene.replay.locate({ id: "c" }, 1);
  expect(asked).toEqual(["c"]);
});

describe("Replay with several streams", () => {
  const streamOf = ({ stream }: { readonly stream?: string | number }): string | number | undefined => stream;

  it("counts each stream separately", () => {
    const scene = new ReplayScene({ streamOf });
    scene.receive(
      { id: 1, stream: "a" },
      { id: 7, stream: "b" },
      { id: 2, stream: "a" },
      { id: 9, stream: "b" },
    );
    expect(scene.takeLog()).toEqual(["a:1", "b:7", "a:2", "b:gap 8..9", "b:9"]);
  });

  it("accepts numbers as names, and messages without a name", () => {
    const scene = new ReplayScene({ streamOf, cursors: { 5: { sequence: 1 } } });
    scene.receive({ id: 3, stream: 5 }, { id: 4, stream: 5 }, { id: 1 }, { id: 2 });
    expect(scene.takeLog()).toEqual(["5:gap 2..3", "5:3", "5:4", "1", "2"]);
    expect(scene.replay.cursors()).toEqual({ 5: { sequence: 4 }, default: { sequence: 2 } });
  });

  it("buffers one stream without delaying the others", () => {
    const scene = new ReplayScene({ streamOf, hasReplay: true });
    scene.receive(
      { id: 1, stream: "a" },
      { id: 1, stream: "b" },
      { id: 3, stream: "a" },
      { id: 2, stream: "b" },
    );
    expect(scene.takeLog()).toEqual(["a:1", "b:1", "a:gap 2..3", "b:2"]);
    expect(scene.receive({ id: 2, stream: "a" }).takeLog()).toEqual(["a:2", "a:recovered 1", "a:3"]);
  });
});

describe("Replay with epochs", () => {
  const epochOf = ({ epoch }: { readonly epoch?: Sequence }): Sequence | undefined => epoch;

  it("restarts the stream in a new epoch", () => {
    const scene = new ReplayScene({ epochOf });
    scene.receive({ id: 7, epoch: "x" }, { id: 8, epoch: "x" }, { id: 8, epoch: "y" }, { id: 9, epoch: "y" });
    expect(scene.takeLog()).toEqual(["7", "8", "reset", "8", "9"]);
    expect(scene.replay.cursors()).toEqual({ default: { sequence: 9, epoch: "y" } });
  });

  it("keeps the epoch if a message has none, and adopts the first epoch", () => {
    const scene = new ReplayScene({ epochOf });
    scene.receive(1, { id: 2, epoch: "x" }, 3, { id: 5, epoch: "x" }, { id: 6, epoch: "y" });
    expect(scene.takeLog()).toEqual(["1", "2", "3", "gap 4..5", "5", "reset", "6"]);
  });

  it("also adopts the first epoch after a gap", () => {
    const scene = new ReplayScene({ epochOf }).receive(1, { id: 3, epoch: "x" }, { id: 4, epoch: "y" });
    expect(scene.takeLog()).toEqual(["1", "gap 2..3", "3", "reset", "4"]);
  });

  it("accepts the connection count as the epoch", () => {
    const scene = new ReplayScene({ epochOf: (_, connectionCount) => connectionCount });
    scene.receive(1, 2).reconnect().receive(1, 2);
    expect(scene.takeLog()).toEqual(["1", "2", "reset", "1", "2"]);
  });
});

describe("Functions of the application", () => {
  it.each<[string, (scene: ReplayScene) => void]>([
    ["next", (scene) => scene.receive(2)],
    ["a duplicate", (scene) => scene.receive(1)],
    ["after a gap", (scene) => scene.receive(5)],
    ["without an id", (scene) => scene.receive({ id: null })],
    ["from the new connection of an overlap", (scene) => scene.receiveOn(2, 2)],
    ["replayed", (scene) => scene.give(scene.lastRequest, { id: 2 })],
  ])("are called once for a message that is %s", (_, act) => {
    const asked: unknown[] = [];
    const scene = new ReplayScene({
      hasReplay: true,
      sequence: ({ id }) => {
        asked.push(id);
        return id;
      },
      streamOf: () => "a",
    });
    scene.receive(1).replay.beginOverlap(2, 10, 0);
    asked.length = 0;
    act(scene);
    expect(asked).toHaveLength(1);
  });
});

describe("The end of an overlap", () => {
  it("delivers many messages in linear time", () => {
    const count = 120_000;
    const scene = new ReplayScene({ maxBytes: 1_000 * count });
    scene.receive(1).replay.beginOverlap(2, count, 0);
    scene.connection = 2;
    for (let id = 2; id <= count; id++) scene.receive(id);
    const cpuTime = measureCpuTime();
    scene.replay.endOverlap(0);
    expect(cpuTime()).toBeLessThan(1_500);
    expect(scene.log.at(-1)).toBe(String(count));
  });
});

describe("A function of the application that throws", () => {
  const broken = (): never => {
    throw new Error("broken");
  };

  it.each<[string, Policy]>([
    ["sequence", { sequence: broken }],
    ["streamOf", { streamOf: broken }],
    ["epochOf", { epochOf: broken }],
  ])("%s: the message is delivered unchanged and the error is reported", (_, policy) => {
    const scene = new ReplayScene({ hasReplay: true, ...policy }).receive(1, 5);
    expect(scene.takeLog()).toEqual(["error broken", "1", "error broken", "5"]);
    expect(scene.replay.cursors()).toEqual({});
  });

  it("isNext: at the start of a stream, in order, and while the stream is buffered", () => {
    const isNext = (previous: Sequence, current: Sequence): boolean =>
      current === "d" || previous === "d" ? broken() : isNextLetter(previous, current);
    const scene = new ReplayScene({ hasReplay: true, isNext }).receive("a", "d", "b", "f", "d", "c");
    expect(scene.takeLog()).toEqual([
      "a",
      "error broken",
      "d",
      "b",
      "gap undefined..f",
      "error broken",
      "d",
      "c",
    ]);
    scene.wait(10_000);
    expect(scene.takeLog()).toEqual(["reset", "f"]);
  });

  it("may throw a value that is not an error", () => {
    const sequence = (): never => {
      throw "a string" as unknown as Error;
    };
    expect(new ReplayScene({ sequence }).receive(1).takeLog()).toEqual(["error a string", "1"]);
  });

  it.each<[string, Policy, unknown, string]>([
    ["a string without isNext", {}, "7", "string 7"],
    ["a fraction", {}, 1.5, "number 1.5"],
    ["an unsafe integer", {}, 2 ** 53, "number 9007199254740992"],
    ["NaN", {}, NaN, "number NaN"],
    ["a bigint", {}, 7n, "bigint 7"],
    ["an object, with isNext", { isNext: () => true }, {}, "object [object Object]"],
    ["NaN, with isNext", { isNext: () => true }, NaN, "number NaN"],
  ])("returns an invalid id: %s", (_, policy, id, named) => {
    const scene = new ReplayScene({ hasReplay: true, ...policy }).receive({ id: id as number });
    const [error, delivered] = scene.takeLog();
    expect(error).toContain("error A sequence");
    expect(error).toContain(named);
    expect(delivered).toBe(String(id));
    expect(scene.replay.cursors()).toEqual({});
  });

  it("returns an invalid stream name", () => {
    const scene = new ReplayScene({ streamOf: () => ({}) as unknown as string }).receive(1);
    expect(scene.takeLog()).toEqual([
      "error replay.streamOf must return a string or a number, but returned object.",
      "1",
    ]);
  });
});

describe("Replay cursors", () => {
  it("can be serialized as JSON for a later client", () => {
    const first = new ReplayScene().receive(1, 2, 3);
    const cursors = JSON.parse(JSON.stringify(first.replay.cursors())) as Cursors;
    expect(cursors).toEqual({ default: { sequence: 3 } });
    const second = new ReplayScene({ cursors }).receive(2, 3, 4, 6);
    expect(second.takeLog()).toEqual(["4", "gap 5..6", "6"]);
  });

  it("accept any stream name", () => {
    const streamOf = ({ stream }: { readonly stream?: string | number }): string | number | undefined =>
      stream;
    const scene = new ReplayScene({ streamOf }).receive(
      { id: 1, stream: "__proto__" },
      { id: 1, stream: "toString" },
    );
    const cursors = JSON.parse(JSON.stringify(scene.replay.cursors())) as Cursors;
    expect(Object.keys(cursors)).toEqual(["__proto__", "toString"]);
    const later = new ReplayScene({ streamOf, cursors, hasReplay: true });
    later.replay.onConnection(1, 0);
    later.receive({ id: 2, stream: "__proto__" }, { id: 3, stream: "toString" });
    expect(later.takeLog()).toEqual([
      "request __proto__:1,toString:1 on 1",
      "__proto__:2",
      "toString:gap 2..3",
    ]);
  });

  it("stay before missing messages", () => {
    const scene = new ReplayScene({ hasReplay: true }).receive(1, 2, 5, 6);
    expect(scene.replay.cursors()).toEqual({ default: { sequence: 2 } });
  });

  it("keep an epoch only if epochOf is set", () => {
    const cursors = { default: { sequence: 3, epoch: "x" } };
    const epochOf = (): string => "x";
    const scene = new ReplayScene({ cursors }).receive(4);
    expect(scene.takeLog()).toEqual(["4"]);
    expect(scene.replay.cursors()).toEqual({ default: { sequence: 4 } });
    expect(new ReplayScene({ cursors, epochOf }).receive(4).takeLog()).toEqual(["4"]);
    expect(new ReplayScene({ cursors, epochOf: () => "y" }).receive(4).takeLog()).toEqual(["reset", "4"]);
  });

  it("are those before the messages that wait for a consumer", () => {
    const streamOf = ({ stream }: { readonly stream?: string | number }): string | number | undefined =>
      stream;
    const scene = new ReplayScene({ streamOf });
    const messages = [1, 2, 3].map((id) => ({ id, stream: "a" }));
    scene.receive(...messages, { id: 9, stream: "b" });
    const waiting = [...messages.slice(1), { id: null }, { id: "rubbish", stream: "b" }];
    expect(scene.replay.cursors(waiting)).toEqual({ a: { sequence: 1 }, b: { sequence: 9 } });
    expect(scene.replay.cursors([{ id: 9, stream: "b" }])).toEqual({
      a: { sequence: 3 },
      b: { sequence: 8 },
    });
  });

  it("of a stream with isNext are those before the waiting messages, if the window remembers them", () => {
    const scene = new ReplayScene({ isNext: isNextLetter, window: 3 }).receive("a", "b");
    expect(scene.replay.cursors([{ id: "b" }])).toEqual({ default: { sequence: "a" } });
    expect(scene.replay.cursors([{ id: "a" }, { id: "b" }])).toEqual({});
    scene.receive("c", "d");
    expect(scene.replay.cursors([{ id: "a" }])).toEqual({ default: { sequence: "b" } });
  });

  it.each<[string, Policy, unknown]>([
    ["null", {}, null],
    ["no sequence", {}, {}],
    ["a string instead of a number", {}, { sequence: "5" }],
    ["an object as the sequence", { isNext: () => true }, { sequence: {} }],
  ])("are rejected if they are invalid: %s", (_, policy, cursor) => {
    const cursors = { "a b": cursor } as unknown as Cursors;
    expect(() => new ReplayScene({ ...policy, cursors })).toThrow(TypeError);
  });
});
