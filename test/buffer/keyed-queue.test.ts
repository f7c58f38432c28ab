import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KeyedQueue } from "../../src/buffer/keyed-queue.js";
import { cases } from "../support/cases.js";

interface Item {
  readonly name: string;
  readonly size: number;
  readonly key?: unknown;
}

const item = (name: string, key?: unknown, size = 1): Item => ({ name, size, key });

function drained(queue: KeyedQueue<Item>): string[] {
  const names: string[] = [];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) names.push(next.name);
  return names;
}

function queueOf(...items: readonly Item[]): KeyedQueue<Item> {
  const queue = new KeyedQueue<Item>();
  for (const one of items) queue.push(one);
  return queue;
}

describe("KeyedQueue", () => {
  it("is empty at first", () => {
    const queue = new KeyedQueue<Item>();
    expect([queue.length, queue.bytes, queue.first, queue.shift()]).toEqual([0, 0, undefined, undefined]);
    expect(queue.replaceable("a")).toBeUndefined();
  });

  it("returns entries in order, and counts entries and bytes", () => {
    const queue = queueOf(item("a", undefined, 3), item("b", undefined, 0), item("c", undefined, 4));
    expect([queue.length, queue.bytes, queue.first?.name]).toEqual([3, 7, "a"]);
    expect(queue.shift()?.name).toBe("a");
    expect([queue.length, queue.bytes, queue.first?.name]).toEqual([2, 4, "b"]);
    expect(drained(queue)).toEqual(["b", "c"]);
    expect([queue.length, queue.bytes]).toEqual([0, 0]);
  });

  it("replaces an older message with a newer one of the same key", () => {
    const queue = queueOf(item("a1", "a", 5), item("b1", "b"), item("c1", "c"));
    expect(queue.replaceable("b")?.name).toBe("b1");
    queue.replace(item("b2", "b", 7));
    expect(queue.bytes).toBe(13);
    expect(queue.replaceable("b")?.name).toBe("b2");
    expect(drained(queue)).toEqual(["a1", "b2", "c1"]);
  });

  it("does not replace a message that was removed", () => {
    const queue = queueOf(item("a1", "a"), item("b1", "b"));
    queue.shift();
    expect(queue.replaceable("a")).toBeUndefined();
    expect(queue.replaceable("b")?.name).toBe("b1");
  });

  it("does not overtake a message without a key", () => {
    const queue = queueOf(item("a1", "a"), item("plain"), item("b1", "b"));
    expect(queue.replaceable("a")).toBeUndefined();
    expect(queue.replaceable("b")?.name).toBe("b1");
    queue.push(item("a2", "a"));
    expect(queue.replaceable("a")?.name).toBe("a2");
    expect(drained(queue)).toEqual(["a1", "plain", "b1", "a2"]);
  });

  it("inserts messages before all others", () => {
    const queue = queueOf(item("b1", "b"));
    queue.prepend([item("x", undefined, 2), item("y")]);
    expect(queue.replaceable("b")?.name).toBe("b1");
    expect([queue.length, queue.bytes, queue.first?.name]).toEqual([3, 4, "x"]);
    queue.replace(item("b2", "b"));
    expect(drained(queue)).toEqual(["x", "y", "b2"]);
  });

  it("accepts an empty list of messages to insert before all others", () => {
    const queue = new KeyedQueue<Item>();
    queue.prepend([]);
    expect(drained(queue)).toEqual([]);
  });

  it("removes entries at any position, and calls shouldRemove once for each entry in order", () => {
    const queue = queueOf(item("a1", "a"), item("plain"), item("b1", "b"), item("c1", "c"));
    const asked: string[] = [];
    const removed = queue.remove(({ name }) => {
      asked.push(name);
      return name === "plain" || name === "c1";
    });
    expect(asked).toEqual(["a1", "plain", "b1", "c1"]);
    expect(removed.map(({ name }) => name)).toEqual(["plain", "c1"]);
    expect(queue.replaceable("a")?.name).toBe("a1");
    expect(queue.replaceable("c")).toBeUndefined();
    expect(drained(queue)).toEqual(["a1", "b1"]);
  });

  it.each([15, 16, 17, 1023, 1024, 1025, 2049])(
    "stores %i entries, and as many again after it was empty",
    (count) => {
      const queue = new KeyedQueue<Item>();
      const names = Array.from({ length: count }, (_, index) => `m${index}`);
      for (let round = 0; round < 2; round++) {
        for (const name of names) queue.push(item(name, name));
        expect(queue.replaceable(`m${count - 1}`)?.name).toBe(`m${count - 1}`);
        expect(drained(queue)).toEqual(names);
      }
    },
  );
});

/** A simple reference implementation. */
class ReferenceQueue {
  items: Item[] = [];

  replaceable(key: unknown): number {
    const barrier = this.items.findLastIndex((one) => one.key === undefined);
    return this.items.findLastIndex((one, index) => index > barrier && one.key === key);
  }
}

type Call =
  | { readonly kind: "push"; readonly key: string | undefined; readonly size: number }
  | { readonly kind: "prepend"; readonly sizes: readonly number[] }
  | { readonly kind: "replace"; readonly key: string; readonly size: number }
  | { readonly kind: "shift" }
  | { readonly kind: "remove"; readonly modulus: number };

const key = fc.constantFrom("a", "b", "c", "d");
const anyKey = fc.option(key, { nil: undefined, freq: 6 });
const size = fc.nat(9);
const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("push" as const), key: anyKey, size }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("replace" as const), key, size }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("shift" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("prepend" as const),
      sizes: fc.array(size, { maxLength: 20 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("remove" as const), modulus: fc.integer({ min: 1, max: 5 }) }),
  },
);

it("KeyedQueue behaves like a reference implementation", () => {
  fc.assert(
    fc.property(fc.array(call, { maxLength: 120, size: "max" }), (calls) => {
      const queue = new KeyedQueue<Item>();
      const reference = new ReferenceQueue();
      calls.forEach((one, index) => {
        run(one, `m${index}`, queue, reference);
        expect(queue.length).toBe(reference.items.length);
        expect(queue.bytes).toBe(reference.items.reduce((sum, one) => sum + one.size, 0));
        expect(queue.first).toBe(reference.items[0]);
        for (const each of ["a", "b", "c", "d"]) {
          expect(queue.replaceable(each)).toBe(reference.items[reference.replaceable(each)]);
        }
      });
      expect(drained(queue)).toEqual(reference.items.map((one) => one.name));
    }),
    { numRuns: cases(300) },
  );
});

function run(one: Call, name: string, queue: KeyedQueue<Item>, reference: ReferenceQueue): void {
  if (one.kind === "push") {
    const pushed = item(name, one.key, one.size);
    queue.push(pushed);
    reference.items.push(pushed);
  } else if (one.kind === "replace") {
    const index = reference.replaceable(one.key);
    if (index < 0) return;
    const newer = item(name, one.key, one.size);
    queue.replace(newer);
    reference.items[index] = newer;
  } else if (one.kind === "shift") {
    expect(queue.shift()).toBe(reference.items.shift());
  } else if (one.kind === "prepend") {
    const items = one.sizes.map((bytes, index) => item(`${name}.${index}`, undefined, bytes));
    queue.prepend(items);
    reference.items.unshift(...items);
  } else {
    let count = 0;
    const removed = queue.remove(() => count++ % one.modulus === 0);
    const shouldRemove = (_: unknown, index: number): boolean => index % one.modulus === 0;
    expect(removed).toEqual(reference.items.filter(shouldRemove));
    reference.items = reference.items.filter((each, index) => !shouldRemove(each, index));
  }
}
