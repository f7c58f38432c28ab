import { describe, expect, it } from "vitest";
import type { Cursors } from "../../src/buffer/cursor.js";
import type { Sequence } from "../../src/buffer/sequence-window.js";
import { type Policy, ReplayScene } from "./replay-scene.js";

const letters = "abcdefghijklmnopqrstuvwxyz";
const isNextLetter = (previous: Sequence, current: Sequence): boolean =>
  letters.indexOf(String(current)) === letters.indexOf(String(previous)) + 1;

function logOf(policy: Policy, ...ids: readonly Sequence[]): string {
  return new ReplayScene(policy)
    .receive(...ids)
    .takeLog()
    .join(" ");
}

describe("a sequence without onReplay", () => {
  it.each<[string, readonly Sequence[], string]>([
    ["one after the other", [5, 6, 7], "5 6 7"],
    ["with a double", [5, 6, 6, 5, 7], "5 6 7"],
    ["with a gap: told and delivered", [1, 2, 5, 6], "1 2 gap 3..5 5 6"],
    ["with a gap of one", [1, 3], "1 gap 2..3 3"],
    ["with a gap, and one that comes late", [1, 4, 3, 3, 5], "1 gap 2..4 4 3 5"],
    ["that begins anew within the window", [7, 8, 5], "7 8 reset 5"],
    ["that begins anew at 1", [1_000_000, 1, 2], "1000000 reset 1 2"],
    ["through 0", [-1, 0, 1], "-1 0 1"],
    [
      "beyond 2 ** 31",
      [2 ** 40, 2 ** 40 + 1, 2 ** 40 + 3],
      `${2 ** 40} ${2 ** 40 + 1} gap ${2 ** 40 + 2}..${2 ** 40 + 3} ${2 ** 40 + 3}`,
    ],
  ])("%s", (_, ids, takeLog) => {
    expect(logOf({}, ...ids)).toBe(takeLog);
  });

  it.each<[number, number, string]>([
    [10, 11, "duplicate"],
    [10, 10, "reset"],
    [2, 19, "duplicate"],
    [2, 18, "reset"],
    [1, 20, "duplicate"],
    [1, 19, "reset"],
  ])("knows doubles over a window of %i: %i is a %s behind 20", (window, id, verdict) => {
    const scene = new ReplayScene({ window, cursors: { default: { sequence: 20 } } });
    expect(scene.receive(id).takeLog()).toEqual(verdict === "duplicate" ? [] : ["reset", `${id}`]);
    expect(scene.replay.duplicateCount).toBe(verdict === "duplicate" ? 1 : 0);
  });

  it("holds nothing, sets no timer and asks for nothing", () => {
    const scene = new ReplayScene().receive(1, 5, 3);
    scene.reconnect();
    expect(scene.replay.heldCount).toBe(0);
    expect(scene.replay.nextAt).toBe(Infinity);
    expect(scene.log.filter((entry) => /timer|ask/.test(entry))).toEqual([]);
  });

  it("tells the first message after a reconnect that is not next", () => {
    const scene = new ReplayScene().receive(1, 2).reconnect().receive(5);
    expect(scene.takeLog()).toEqual(["1", "2", "gap 3..5", "5"]);
  });

  it("begins anew when more doubles come in a row than the window holds", () => {
    const scene = new ReplayScene({ window: 3 }).receive(1, 2, 3);
    expect(scene.receive(1, 2, 3, 1, 2, 3, 4).takeLog()).toEqual(["1", "2", "3", "reset", "1", "2", "3", "4"]);
    expect(scene.replay.duplicateCount).toBe(3);
  });

  it("counts doubles in a row from the last new message on", () => {
    const scene = new ReplayScene({ window: 3 }).receive(1, 2, 3, 1, 2, 4, 2, 3, 5, 3, 4);
    expect(scene.takeLog()).toEqual(["1", "2", "3", "4", "5"]);
  });
});

describe("a sequence with an order of its own", () => {
  it.each<[string, readonly Sequence[], string]>([
    ["one after the other", ["a", "b", "c"], "a b c"],
    ["with doubles", ["a", "b", "a", "b", "c"], "a b c"],
    ["with a gap, whose end alone is known", ["a", "b", "e", "f"], "a b gap undefined..e e f"],
    [
      "with one that comes late",
      ["a", "d", "b", "c", "d", "e"],
      "a gap undefined..d d gap undefined..b b c e",
    ],
  ])("%s", (_, ids, takeLog) => {
    expect(logOf({ isNext: isNextLetter }, ...ids)).toBe(takeLog);
  });

  it.each<[string, readonly Sequence[], string]>([
    ["in steps", [10, 20, 30, 50], "10 20 30 gap undefined..50 50"],
    ["with one that comes late", [10, 30, 20, 40], "10 gap undefined..30 30 20 40"],
    ["that begins anew", [50, 60, 10, 20], "50 60 reset 10 20"],
    ["with doubles", [10, 20, 10, 20, 30], "10 20 30"],
  ])("of numbers, %s", (_, ids, takeLog) => {
    expect(
      logOf({ isNext: (previous, current) => Number(current) - Number(previous) === 10 }, ...ids),
    ).toBe(takeLog);
  });

  it("may know no gaps at all: doubles are removed all the same", () => {
    expect(logOf({ isNext: () => true, window: 2 }, "x", "q", "x", "z", "q", "x")).toBe("x q z x");
  });

  it("may wrap, where the window is smaller than the range", () => {
    const isNext = (previous: Sequence, current: Sequence): boolean => current === (Number(previous) + 1) % 8;
    expect(logOf({ isNext, window: 3 }, 5, 6, 7, 0, 7, 1, 2, 3, 2, 4)).toBe("5 6 7 0 1 2 3 4");
  });
});

describe("messages outside of a sequence", () => {
  it.each([undefined, null])("pass untouched: %s", (id) => {
    const scene = new ReplayScene({ hasReplay: true }).receive(1, 3, { id }, { id });
    expect(scene.takeLog()).toEqual(["1", "gap 2..3", `${id}`, `${id}`]);
  });
});

describe("what is no id, in a stream that goes on", () => {
  it.each([undefined, null])("%s is outside of it", (id) => {
    const scene = new ReplayScene().receive(1, 2, { id }, 3);
    expect(scene.takeLog()).toEqual(["1", "2", `${id}`, "3"]);
  });

  it.each([NaN, "3", 3n])("%s is told, and the stream goes on", (id) => {
    const scene = new ReplayScene().receive(1, 2, { id: id as Sequence }, 3);
    expect(scene.takeLog()).toEqual(["1", "2", expect.stringContaining("error A sequence"), String(id), "3"]);
  });
});

it("isNext is asked once about a message that is not next", () => {
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

describe("several streams", () => {
  const streamOf = ({ stream }: { readonly stream?: string | number }): string | number | undefined => stream;

  it("count for themselves", () => {
    const scene = new ReplayScene({ streamOf });
    scene.receive(
      { id: 1, stream: "a" },
      { id: 7, stream: "b" },
      { id: 2, stream: "a" },
      { id: 9, stream: "b" },
    );
    expect(scene.takeLog()).toEqual(["a:1", "b:7", "a:2", "b:gap 8..9", "b:9"]);
  });

  it("may have numbers for names, and none at all", () => {
    const scene = new ReplayScene({ streamOf, cursors: { 5: { sequence: 1 } } });
    scene.receive({ id: 3, stream: 5 }, { id: 4, stream: 5 }, { id: 1 }, { id: 2 });
    expect(scene.takeLog()).toEqual(["5:gap 2..3", "5:3", "5:4", "1", "2"]);
    expect(scene.replay.cursors()).toEqual({ 5: { sequence: 4 }, default: { sequence: 2 } });
  });

  it("hold alone: one that misses something stops no other", () => {
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

describe("epochs", () => {
  const epochOf = ({ epoch }: { readonly epoch?: Sequence }): Sequence | undefined => epoch;

  it("begin the stream anew", () => {
    const scene = new ReplayScene({ epochOf });
    scene.receive({ id: 7, epoch: "x" }, { id: 8, epoch: "x" }, { id: 8, epoch: "y" }, { id: 9, epoch: "y" });
    expect(scene.takeLog()).toEqual(["7", "8", "reset", "8", "9"]);
    expect(scene.replay.cursors()).toEqual({ default: { sequence: 9, epoch: "y" } });
  });

  it("stay where a message names none, and are taken up where none was known", () => {
    const scene = new ReplayScene({ epochOf });
    scene.receive(1, { id: 2, epoch: "x" }, 3, { id: 5, epoch: "x" }, { id: 6, epoch: "y" });
    expect(scene.takeLog()).toEqual(["1", "2", "3", "gap 4..5", "5", "reset", "6"]);
  });

  it("are taken up over a gap too", () => {
    const scene = new ReplayScene({ epochOf }).receive(1, { id: 3, epoch: "x" }, { id: 4, epoch: "y" });
    expect(scene.takeLog()).toEqual(["1", "gap 2..3", "3", "reset", "4"]);
  });

  it("may be the connection's count", () => {
    const scene = new ReplayScene({ epochOf: (_, connectionCount) => connectionCount });
    scene.receive(1, 2).reconnect().receive(1, 2);
    expect(scene.takeLog()).toEqual(["1", "2", "reset", "1", "2"]);
  });
});

describe("the user's functions", () => {
  it.each<[string, (scene: ReplayScene) => void]>([
    ["next", (scene) => scene.receive(2)],
    ["a double", (scene) => scene.receive(1)],
    ["behind a gap", (scene) => scene.receive(5)],
    ["outside of every sequence", (scene) => scene.receive({ id: null })],
    ["on the new link of an overlap", (scene) => scene.receiveOn(2, 2)],
    ["replayed", (scene) => scene.give(scene.lastRequest, { id: 2 })],
  ])("are asked once about a message that is %s", (_, act) => {
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

describe("a user's function that throws", () => {
  const broken = (): never => {
    throw new Error("broken");
  };

  it.each<[string, Policy]>([
    ["sequence", { sequence: broken }],
    ["streamOf", { streamOf: broken }],
    ["epochOf", { epochOf: broken }],
  ])("%s: the message is delivered as it is, and the error told", (_, policy) => {
    const scene = new ReplayScene({ hasReplay: true, ...policy }).receive(1, 5);
    expect(scene.takeLog()).toEqual(["error broken", "1", "error broken", "5"]);
    expect(scene.replay.cursors()).toEqual({});
  });

  it("isNext: in a stream that begins, goes on and holds", () => {
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

  it("may throw what is no error", () => {
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
    ["an object for isNext", { isNext: () => true }, {}, "object [object Object]"],
    ["NaN for isNext", { isNext: () => true }, NaN, "number NaN"],
  ])("gives rubbish: %s", (_, policy, id, named) => {
    const scene = new ReplayScene({ hasReplay: true, ...policy }).receive({ id: id as number });
    const [error, delivered] = scene.takeLog();
    expect(error).toContain("error A sequence");
    expect(error).toContain(named);
    expect(delivered).toBe(String(id));
    expect(scene.replay.cursors()).toEqual({});
  });

  it("gives a stream that is none", () => {
    const scene = new ReplayScene({ streamOf: () => ({}) as unknown as string }).receive(1);
    expect(scene.takeLog()).toEqual(["error replay.streamOf must return a string or a number, but returned object.", "1"]);
  });
});

describe("cursors", () => {
  it("go through JSON into the next life", () => {
    const first = new ReplayScene().receive(1, 2, 3);
    const cursors = JSON.parse(JSON.stringify(first.replay.cursors())) as Cursors;
    expect(cursors).toEqual({ default: { sequence: 3 } });
    const second = new ReplayScene({ cursors }).receive(2, 3, 4, 6);
    expect(second.takeLog()).toEqual(["4", "gap 5..6", "6"]);
  });

  it("take any name", () => {
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
    expect(later.takeLog()).toEqual(["ask __proto__:1,toString:1 on 1", "__proto__:2", "toString:gap 2..3"]);
  });

  it("hold still before what is missing", () => {
    const scene = new ReplayScene({ hasReplay: true }).receive(1, 2, 5, 6);
    expect(scene.replay.cursors()).toEqual({ default: { sequence: 2 } });
  });

  it("keep an epoch only where epochs are told apart", () => {
    const cursors = { default: { sequence: 3, epoch: "x" } };
    const epochOf = (): string => "x";
    const scene = new ReplayScene({ cursors }).receive(4);
    expect(scene.takeLog()).toEqual(["4"]);
    expect(scene.replay.cursors()).toEqual({ default: { sequence: 4 } });
    expect(new ReplayScene({ cursors, epochOf }).receive(4).takeLog()).toEqual(["4"]);
    expect(new ReplayScene({ cursors, epochOf: () => "y" }).receive(4).takeLog()).toEqual(["reset", "4"]);
  });

  it("are those before what waits to be consumed", () => {
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

  it("of a stream with an order of its own are those before what waits, as far as they are known", () => {
    const scene = new ReplayScene({ isNext: isNextLetter, window: 3 }).receive("a", "b");
    expect(scene.replay.cursors([{ id: "b" }])).toEqual({ default: { sequence: "a" } });
    expect(scene.replay.cursors([{ id: "a" }, { id: "b" }])).toEqual({});
    scene.receive("c", "d");
    expect(scene.replay.cursors([{ id: "a" }])).toEqual({ default: { sequence: "b" } });
  });

  it.each<[string, Policy, unknown]>([
    ["null", {}, null],
    ["no sequence", {}, {}],
    ["a string where numbers count", {}, { sequence: "5" }],
    ["an object for a sequence", { isNext: () => true }, { sequence: {} }],
  ])("that are none are refused: %s", (_, policy, cursor) => {
    const cursors = { "a b": cursor } as unknown as Cursors;
    expect(() => new ReplayScene({ ...policy, cursors })).toThrow(
      new TypeError('replay.cursors["a b"] is not a valid cursor.'),
    );
  });
});
