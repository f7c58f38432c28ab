import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { Inbox, type InboxBounds, type InboxDemand } from "../../src/buffer/inbox.js";
import { cases } from "../support/cases.js";

interface Sized {
  readonly id: number;
  readonly size: number;
}

let dropped: number[];
let nextId: number;

beforeEach(() => {
  dropped = [];
  nextId = 1;
});

function create(bounds: Partial<InboxBounds> = {}): Inbox<Sized> {
  return new Inbox({ capacity: 3, maxBytes: 100, overflow: "pause", ...bounds }, ({ id }) =>
    dropped.push(id),
  );
}

function push(inbox: Inbox<Sized>, size = 1): InboxDemand {
  return inbox.push({ id: nextId++, size });
}

function pushAll(inbox: Inbox<Sized>, sizes: readonly number[]): InboxDemand[] {
  return sizes.map((size) => push(inbox, size));
}

function takeAll(inbox: Inbox<Sized>): number[] {
  const ids: number[] = [];
  for (let entry = inbox.shift(); entry !== undefined; entry = inbox.shift()) ids.push(entry.id);
  return ids;
}

describe("Iteration over an Inbox", () => {
  it("continues while messages are removed and added", () => {
    const inbox = create({ capacity: 10_000, maxBytes: 10_000 });
    pushAll(inbox, new Array<number>(3_000).fill(1));
    const seen: number[] = [];
    for (const entry of inbox) {
      seen.push(entry.id);
      if (entry.id % 2 === 0) expect(inbox.remove(entry)).toBe(true);
      if (entry.id === 1_000) while (inbox.length > 1_500) inbox.shift();
      if (entry.id === 2_500) push(inbox);
    }
    const left = [...inbox].map(({ id }) => id);
    expect(seen.filter((id) => id <= 1_000)).toHaveLength(1_000);
    expect(seen.at(-1)).toBe(3_000);
    expect(seen.every((id, index) => index === 0 || id > seen[index - 1]!)).toBe(true);
    expect(left.filter((id) => seen.includes(id) && id % 2 === 0)).toEqual([]);
    expect([left.length, left.at(-1), inbox.bytes]).toEqual([inbox.length, 3_001, inbox.length]);
  });

  it("ends if all messages are removed, even if another one is added", () => {
    const inbox = create();
    pushAll(inbox, [1, 1, 1]);
    const seen: number[] = [];
    for (const { id } of inbox) {
      seen.push(id);
      inbox.clear();
      push(inbox);
    }
    expect(seen).toEqual([1]);
  });

  it("remains correct after many removals next to a message that stays", () => {
    const inbox = create({ capacity: 10, maxBytes: 1_000 });
    push(inbox);
    for (let count = 0; count < 20_000; count++) {
      push(inbox);
      const [, second] = inbox;
      inbox.remove(second!);
    }
    expect([...inbox].map(({ id }) => id)).toEqual([1]);
  });
});

it("Inbox returns messages in the order in which they were added", () => {
  const inbox = create();
  pushAll(inbox, [1, 2, 3]);
  expect(inbox.length).toBe(3);
  expect(takeAll(inbox)).toEqual([1, 2, 3]);
  expect([inbox.length, inbox.isHalfFree]).toEqual([0, true]);
  expect(inbox.shift()).toBeUndefined();
});

it("Inbox keeps the order while thousands of messages are added and removed", () => {
  const inbox = create({ capacity: 10_000, maxBytes: 1e9 });
  const taken: number[] = [];
  for (let round = 0; round < 100; round++) {
    pushAll(inbox, Array<number>(60).fill(1));
    for (let count = 0; count < 40; count++) taken.push(inbox.shift()!.id);
  }
  expect(inbox.length).toBe(2_000);
  taken.push(...takeAll(inbox));
  expect(taken).toEqual(Array.from({ length: 6_000 }, (_, index) => index + 1));
  expect(dropped).toEqual([]);
});

describe("Inbox without a reader", () => {
  it.each(["pause", "dropOldest", "dropNewest", "error"] as const)(
    "keeps the newest messages with overflow %s",
    (overflow) => {
      const inbox = create({ overflow });
      expect(pushAll(inbox, [1, 1, 1, 1, 1])).toEqual(Array(5).fill("none"));
      expect(dropped).toEqual([1, 2]);
      expect(takeAll(inbox)).toEqual([3, 4, 5]);
    },
  );

  it("drops the oldest messages when the byte limit is exceeded", () => {
    const inbox = create({ capacity: 100 });
    pushAll(inbox, [40, 40, 20]);
    expect(dropped).toEqual([]);
    push(inbox, 41);
    expect(dropped).toEqual([1, 2]);
    expect(takeAll(inbox)).toEqual([3, 4]);
  });

  it("always accepts one message, and drops it for the next one", () => {
    const inbox = create();
    push(inbox, 5_000);
    expect([inbox.length, dropped]).toEqual([1, []]);
    push(inbox, 1);
    expect([takeAll(inbox), dropped]).toEqual([[2], [1]]);
  });
});

describe("Inbox with a reader", () => {
  it("requests a pause when it is full, and drops nothing", () => {
    const inbox = create();
    inbox.beginReading();
    expect(pushAll(inbox, [1, 1, 1, 1])).toEqual(["none", "none", "pause", "pause"]);
    expect([takeAll(inbox), dropped]).toEqual([[1, 2, 3, 4], []]);
  });

  it("requests a pause when the byte limit is reached", () => {
    const inbox = create();
    inbox.beginReading();
    expect(pushAll(inbox, [99, 1])).toEqual(["none", "pause"]);
    expect(push(create(), 1_000)).toBe("none");
  });

  it("requests a pause if a single message reaches the byte limit", () => {
    const inbox = create();
    inbox.beginReading();
    expect(push(inbox, 100)).toBe("pause");
  });

  it.each([
    ["dropOldest", [3, 4, 5], [1, 2], "none"],
    ["dropNewest", [1, 2, 3], [4, 5], "none"],
    ["error", [1, 2, 3], [4, 5], "fail"],
  ] as const)("applies the overflow policy %s", (overflow, kept, expectedDrops, demand) => {
    const inbox = create({ overflow });
    inbox.beginReading();
    expect(pushAll(inbox, [1, 1, 1])).toEqual(["none", "none", "none"]);
    expect(pushAll(inbox, [1, 1])).toEqual([demand, demand]);
    expect([takeAll(inbox), dropped]).toEqual([kept, expectedDrops]);
  });

  it.each(["dropNewest", "error"] as const)(
    "accepts a first message of any size with overflow %s",
    (overflow) => {
      const inbox = create({ overflow });
      inbox.beginReading();
      expect(push(inbox, 1_000)).toBe("none");
      expect(takeAll(inbox)).toEqual([1]);
    },
  );

  it("keeps the newest messages again when there is no reader any more", () => {
    const inbox = create();
    inbox.beginReading();
    pushAll(inbox, [1, 1, 1]);
    inbox.endReading();
    expect(push(inbox)).toBe("none");
    expect([takeAll(inbox), dropped]).toEqual([[2, 3, 4], [1]]);
  });
});

describe("Inbox.isHalfFree", () => {
  it.each([
    [{ capacity: 1 }, [1], false],
    [{ capacity: 2 }, [1], true],
    [{ capacity: 2 }, [1, 1], false],
    [{ capacity: 5 }, [1, 1], true],
    [{ capacity: 5 }, [1, 1, 1], false],
    [{}, [50], true],
    [{}, [51], false],
    [{}, [], true],
  ] as const)("with limits %j and messages of the sizes %j is %s", (bounds, sizes, isHalfFree) => {
    const inbox = create(bounds);
    pushAll(inbox, sizes);
    expect(inbox.isHalfFree).toBe(isHalfFree);
  });
});

describe("Inbox while the connection closes", () => {
  it.each(["pause", "dropOldest", "dropNewest", "error"] as const)(
    "accepts up to twice its limit and drops everything beyond, with overflow %s",
    (overflow) => {
      const inbox = create({ overflow });
      inbox.beginReading();
      pushAll(inbox, [1, 1]);
      inbox.beginClosing();
      expect(pushAll(inbox, [1, 1, 1, 1, 1])).toEqual(Array(5).fill("none"));
      expect([takeAll(inbox), dropped]).toEqual([[1, 2, 3, 4, 5, 6], [7]]);
    },
  );

  it("also applies twice the byte limit, and accepts one message of any size", () => {
    const inbox = create({ capacity: 100 });
    inbox.beginClosing();
    pushAll(inbox, [500, 1]);
    expect([takeAll(inbox), dropped]).toEqual([[1], [2]]);
    pushAll(inbox, [150, 50, 1]);
    expect([takeAll(inbox), dropped]).toEqual([
      [3, 4],
      [2, 5],
    ]);
  });

  it("keeps waiting messages for the next connection, and then applies its limits again", () => {
    const inbox = create();
    inbox.beginReading();
    pushAll(inbox, [1, 1, 1]);
    inbox.beginClosing();
    pushAll(inbox, [1, 1]);
    inbox.reopen();
    expect([inbox.length, dropped]).toEqual([5, []]);
    push(inbox);
    expect([takeAll(inbox), dropped]).toEqual([
      [4, 5, 6],
      [1, 2, 3],
    ]);
  });
});

it("Inbox.clear() reports each dropped message", () => {
  const inbox = create();
  pushAll(inbox, [1, 1, 1]);
  inbox.clear();
  expect([inbox.length, inbox.isHalfFree, dropped]).toEqual([0, true, [1, 2, 3]]);
  inbox.clear();
  expect(dropped).toEqual([1, 2, 3]);
});

describe("Inbox with overflow conflate", () => {
  interface Keyed extends Sized {
    readonly key: unknown;
  }

  function conflating(bounds: Partial<InboxBounds> = {}): Inbox<Keyed> {
    const given = { capacity: 3, maxBytes: 100, overflow: "conflate", ...bounds } as const;
    return new Inbox(given, ({ id }) => dropped.push(id));
  }

  function pushKeys(inbox: Inbox<Keyed>, keys: readonly unknown[], size = 1): void {
    for (const key of keys) expect(inbox.push({ id: nextId++, size, key })).toBe("none");
  }

  function idsOf(inbox: Inbox<Keyed>): number[] {
    return inbox.waiting.map(({ id }) => id);
  }

  it.each([
    ["without a reader", (): void => undefined],
    ["with a reader", (inbox: Inbox<Keyed>) => inbox.beginReading()],
    ["while the connection closes", (inbox: Inbox<Keyed>) => inbox.beginClosing()],
  ])("replaces the message with the same key, %s", (_when, prepare) => {
    const inbox = conflating();
    prepare(inbox);
    pushKeys(inbox, ["a", "b", "a", "a"]);
    expect([idsOf(inbox), dropped]).toEqual([
      [4, 2],
      [1, 3],
    ]);
  });

  it("drops the oldest message if no message with the same key waits", () => {
    const inbox = conflating();
    inbox.beginReading();
    pushKeys(inbox, ["a", "b", "c", "b", "d", "a"]);
    expect([idsOf(inbox), dropped]).toEqual([
      [3, 5, 6],
      [2, 1, 4],
    ]);
  });

  it("does not replace a message that was removed", () => {
    const inbox = conflating();
    pushKeys(inbox, ["a", "b"]);
    inbox.shift();
    pushKeys(inbox, ["a"]);
    inbox.shift();
    inbox.shift();
    pushKeys(inbox, ["b", "b"]);
    expect([idsOf(inbox), dropped]).toEqual([[5], [4]]);
  });

  it("neither overtakes nor replaces a message without a key", () => {
    const inbox = conflating({ capacity: 10 });
    pushKeys(inbox, ["a", undefined, "a", undefined, undefined, "a", "a"]);
    expect([idsOf(inbox), dropped]).toEqual([[1, 2, 3, 4, 5, 7], [6]]);
  });

  it("replaces a message with a larger one if the byte limit allows it, and otherwise drops the oldest", () => {
    const inbox = conflating();
    pushKeys(inbox, ["a"], 10);
    pushKeys(inbox, ["b"], 40);
    pushKeys(inbox, ["b"], 90);
    expect([idsOf(inbox), dropped]).toEqual([[1, 3], [2]]);
    pushKeys(inbox, ["b"], 91);
    expect([idsOf(inbox), dropped]).toEqual([[4], [2, 1, 3]]);
    expect(inbox.isHalfFree).toBe(false);
    pushKeys(inbox, ["b"], 5);
    expect([idsOf(inbox), inbox.isHalfFree]).toEqual([[5], true]);
  });

  it("finds the message to replace after thousands of messages were added and removed", () => {
    const inbox = conflating({ capacity: 5_000, maxBytes: 1_000_000 });
    pushKeys(
      inbox,
      Array.from({ length: 3_000 }, (_, index) => index),
    );
    for (let count = 0; count < 2_000; count++) inbox.shift();
    pushKeys(inbox, [1_999, 2_000, 2_999]);
    expect(dropped).toEqual([2_001, 3_000]);
    const ids = idsOf(inbox);
    expect([ids.length, ids[0], ids[999], ids[1_000]]).toEqual([1_001, 3_002, 3_003, 3_001]);
  });

  it("behaves like a simple list", () => {
    const step = fc.oneof(
      fc.record({ key: fc.constantFrom(undefined, "a", "b", "c"), size: fc.integer({ min: 0, max: 60 }) }),
      fc.constant("take" as const),
      fc.record({ remove: fc.nat(5) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        dropped = [];
        nextId = 1;
        const inbox = conflating();
        let list: Keyed[] = [];
        const expectedDrops: number[] = [];
        for (const one of steps) {
          if (one === "take") {
            expect(inbox.shift()).toBe(list.shift());
          } else if ("remove" in one) {
            const entry = list[one.remove];
            if (entry !== undefined) expect(inbox.remove(entry)).toBe(true);
            list = list.filter((other) => other !== entry);
          } else {
            const entry = { id: nextId++, ...one };
            inbox.push(entry);
            list = pushed(list, entry, expectedDrops);
          }
          expect([idsOf(inbox), dropped]).toEqual([list.map(({ id }) => id), expectedDrops]);
          expect([...inbox]).toEqual(list);
        }
      }),
      { numRuns: cases(100) },
    );
  });

  const sizeOf = (list: readonly Keyed[]): number => list.reduce((sum, { size }) => sum + size, 0);

  function pushed(list: readonly Keyed[], entry: Keyed, expectedDrops: number[]): Keyed[] {
    const isOfKey = ({ key }: Keyed): boolean => key !== undefined && key === entry.key;
    const index = list.findLastIndex(isOfKey);
    const isFree = index >= 0 && list.slice(index).every(({ key }) => key !== undefined);
    const replaced = list.map((other, at) => (at === index ? entry : other));
    if (isFree && (sizeOf(replaced) <= 100 || entry.size <= list[index]!.size)) {
      expectedDrops.push(list[index]!.id);
      return replaced;
    }
    const kept = [...list];
    while (kept.length > 0 && (kept.length >= 3 || sizeOf(kept) + entry.size > 100))
      expectedDrops.push(kept.shift()!.id);
    return [...kept, entry];
  }
});

describe("remove() from an Inbox with conflation", () => {
  it("keeps the positions of the other keys", () => {
    const inbox = new Inbox<Sized & { readonly key: string }>(
      { capacity: 10, maxBytes: 100, overflow: "conflate" },
      ({ id }) => dropped.push(id),
    );
    const [a, b, c] = ["a", "b", "c"].map((key, index) => ({ id: index + 1, size: 1, key }));
    for (const entry of [a!, b!, c!]) inbox.push(entry);
    expect([inbox.remove(b!), inbox.remove(b!)]).toEqual([true, false]);
    inbox.push({ id: 4, size: 1, key: "a" });
    inbox.push({ id: 5, size: 1, key: "b" });
    inbox.push({ id: 6, size: 1, key: "c" });
    expect([...inbox].map(({ id }) => id)).toEqual([4, 6, 5]);
    expect(dropped).toEqual([1, 3]);
  });
});
