import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReorderBuffer } from "../../src/buffer/reorder-buffer.js";
import { cases } from "../support/cases.js";
import { measureCpuTime } from "../support/cpu-time.js";

interface Held {
  readonly id: number;
  readonly epoch: string | undefined;
  readonly at: number;
  readonly request: object | undefined;
}

function held(id: number, rest: Partial<Held> = {}): Held {
  return { id, epoch: undefined, at: 0, request: undefined, ...rest };
}

function holdOf(isOrdered: boolean, ...messages: readonly Held[]): ReorderBuffer<Held> {
  const hold = new ReorderBuffer<Held>(isOrdered, 0, 0);
  for (const message of messages) hold.insert(message);
  return hold;
}

function idsIn(hold: ReorderBuffer<Held>): number[] {
  const ids: number[] = [];
  for (let message = hold.shift(); message !== undefined; message = hold.shift()) ids.push(message.id);
  return ids;
}

describe("a hold", () => {
  it("keeps numbers in their order, each once", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30 })), fc.nat({ max: 3 }), (ids, taken) => {
        const hold = holdOf(true);
        const naive = new Set<number>();
        for (const id of ids) {
          expect(hold.insert(held(id))).toBe(!naive.has(id));
          naive.add(id);
        }
        const sorted = [...naive].toSorted((left, right) => left - right);
        expect(hold.head?.id).toBe(sorted[0]);
        for (let count = 0; count < taken; count++) expect(hold.shift()?.id).toBe(sorted.shift());
        // What was taken out may come again.
        expect(hold.insert(held(-1))).toBe(true);
        expect(hold.length).toBe(sorted.length + 1);
        expect(idsIn(hold)).toEqual([-1, ...sorted]);
      }),
      { numRuns: cases(100) },
    );
  });

  it("puts what a replay has brought before what came on a link, where ids cannot be ordered", () => {
    const request = {};
    const live = [held(5), held(3)];
    const hold = holdOf(false, ...live, held(9, { request }), held(4), held(1, { request }), held(5));
    expect(idsIn(hold)).toEqual([9, 1, 5, 3, 4, 5]);
  });

  it("compares only within an epoch", () => {
    const messages = [
      held(5, { epoch: "x" }),
      held(1, { epoch: "y" }),
      held(3, { epoch: "x" }),
      held(0, { epoch: "y" }),
    ];
    expect(idsIn(holdOf(true, ...messages))).toEqual([3, 5, 0, 1]);
    expect(idsIn(holdOf(true, held(5, { epoch: "x" }), held(5, { epoch: "y" })))).toEqual([5, 5]);
  });

  it("finds a place beside an epoch that lies in front", () => {
    const messages = [
      held(9, { epoch: "x" }),
      held(4, { epoch: "y" }),
      held(2, { epoch: "y" }),
      held(3, { epoch: "y" }),
    ];
    expect(idsIn(holdOf(true, ...messages))).toEqual([9, 2, 3, 4]);
  });

  it("appends what is not to be compared", () => {
    const hold = holdOf(true, held(5));
    hold.append(held(2));
    expect(idsIn(hold)).toEqual([5, 2]);
  });

  it("knows when the oldest of its messages came", () => {
    const hold = holdOf(true, held(3, { at: 30 }), held(2, { at: 40 }), held(4, { at: 50 }));
    expect(hold.oldestAt).toBe(30);
    hold.shift();
    expect(hold.oldestAt).toBe(30);
    hold.shift();
    expect(hold.oldestAt).toBe(50);
  });
});

describe("a hold of 60,000 messages, a hole at every second number", () => {
  const count = 30_000;

  it("is filled and emptied in a time in proportion to them", () => {
    const hold = new ReorderBuffer<Held>(true, 0, 0);
    const cpuTime = measureCpuTime();
    for (let index = 0; index < count; index++) hold.insert(held(2 * index, { at: index }));
    for (let index = 0; index < count; index++) hold.insert(held(2 * index + 1, { at: count + index }));
    let last = -1;
    for (let message = hold.shift(); message !== undefined; message = hold.shift()) {
      if (message.id !== ++last) expect(message.id).toBe(last);
      // What a stream asks for after each of them.
      if (hold.length > 0 && hold.oldestAt < 0) throw new Error("No message came before 0.");
    }
    expect(last).toBe(2 * count - 1);
    expect(cpuTime()).toBeLessThan(2_000);
  });

  it("knows when the oldest of those that are left came", () => {
    const hold = holdOf(
      true,
      held(3, { at: 10 }),
      held(1, { at: 20 }),
      held(2, { at: 5 }),
      held(4, { at: 20 }),
    );
    const seen: number[] = [];
    for (; hold.length > 0; hold.shift()) seen.push(hold.oldestAt);
    expect([...seen, hold.oldestAt]).toEqual([5, 5, 10, 20, Infinity]);
  });
});
