import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReorderBuffer } from "../../src/buffer/reorder-buffer.js";
import { cases } from "../support/cases.js";
import { measureCpuTime } from "../support/cpu-time.js";

interface BufferedMessage {
  readonly id: number;
  readonly epoch: string | undefined;
  readonly at: number;
  readonly request: object | undefined;
}

function held(id: number, rest: Partial<BufferedMessage> = {}): BufferedMessage {
  return { id, epoch: undefined, at: 0, request: undefined, ...rest };
}

function bufferOf(isOrdered: boolean, ...messages: readonly BufferedMessage[]): ReorderBuffer<BufferedMessage> {
  const buffer = new ReorderBuffer<BufferedMessage>(isOrdered, 0, 0);
  for (const message of messages) buffer.insert(message);
  return buffer;
}

function idsIn(buffer: ReorderBuffer<BufferedMessage>): number[] {
  const ids: number[] = [];
  for (let message = buffer.shift(); message !== undefined; message = buffer.shift()) ids.push(message.id);
  return ids;
}

describe("a hold", () => {
  it("keeps numbers in their order, each once", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30 })), fc.nat({ max: 3 }), (ids, taken) => {
        const buffer = bufferOf(true);
        const naive = new Set<number>();
        for (const id of ids) {
          expect(buffer.insert(held(id))).toBe(!naive.has(id));
          naive.add(id);
        }
        const sorted = [...naive].toSorted((left, right) => left - right);
        expect(buffer.head?.id).toBe(sorted[0]);
        for (let count = 0; count < taken; count++) expect(buffer.shift()?.id).toBe(sorted.shift());
        // What was taken out may come again.
        expect(buffer.insert(held(-1))).toBe(true);
        expect(buffer.length).toBe(sorted.length + 1);
        expect(idsIn(buffer)).toEqual([-1, ...sorted]);
      }),
      { numRuns: cases(100) },
    );
  });

  it("puts what a replay has brought before what came on a link, where ids cannot be ordered", () => {
    const request = {};
    const live = [held(5), held(3)];
    const buffer = bufferOf(false, ...live, held(9, { request }), held(4), held(1, { request }), held(5));
    expect(idsIn(buffer)).toEqual([9, 1, 5, 3, 4, 5]);
  });

  it("compares only within an epoch", () => {
    const messages = [
      held(5, { epoch: "x" }),
      held(1, { epoch: "y" }),
      held(3, { epoch: "x" }),
      held(0, { epoch: "y" }),
    ];
    expect(idsIn(bufferOf(true, ...messages))).toEqual([3, 5, 0, 1]);
    expect(idsIn(bufferOf(true, held(5, { epoch: "x" }), held(5, { epoch: "y" })))).toEqual([5, 5]);
  });

  it("finds a place beside an epoch that lies in front", () => {
    const messages = [
      held(9, { epoch: "x" }),
      held(4, { epoch: "y" }),
      held(2, { epoch: "y" }),
      held(3, { epoch: "y" }),
    ];
    expect(idsIn(bufferOf(true, ...messages))).toEqual([9, 2, 3, 4]);
  });

  it("appends what is not to be compared", () => {
    const buffer = bufferOf(true, held(5));
    buffer.append(held(2));
    expect(idsIn(buffer)).toEqual([5, 2]);
  });

  it("knows when the oldest of its messages came", () => {
    const buffer = bufferOf(true, held(3, { at: 30 }), held(2, { at: 40 }), held(4, { at: 50 }));
    expect(buffer.oldestAt).toBe(30);
    buffer.shift();
    expect(buffer.oldestAt).toBe(30);
    buffer.shift();
    expect(buffer.oldestAt).toBe(50);
  });
});

describe("a hold of 60,000 messages, a hole at every second number", () => {
  const count = 30_000;

  it("is filled and emptied in a time in proportion to them", () => {
    const buffer = new ReorderBuffer<BufferedMessage>(true, 0, 0);
    const cpuTime = measureCpuTime();
    for (let index = 0; index < count; index++) buffer.insert(held(2 * index, { at: index }));
    for (let index = 0; index < count; index++) buffer.insert(held(2 * index + 1, { at: count + index }));
    let last = -1;
    for (let message = buffer.shift(); message !== undefined; message = buffer.shift()) {
      if (message.id !== ++last) expect(message.id).toBe(last);
      // What a stream asks for after each of them.
      if (buffer.length > 0 && buffer.oldestAt < 0) throw new Error("No message came before 0.");
    }
    expect(last).toBe(2 * count - 1);
    expect(cpuTime()).toBeLessThan(2_000);
  });

  it("knows when the oldest of those that are left came", () => {
    const buffer = bufferOf(
      true,
      held(3, { at: 10 }),
      held(1, { at: 20 }),
      held(2, { at: 5 }),
      held(4, { at: 20 }),
    );
    const seen: number[] = [];
    for (; buffer.length > 0; buffer.shift()) seen.push(buffer.oldestAt);
    expect([...seen, buffer.oldestAt]).toEqual([5, 5, 10, 20, Infinity]);
  });
});
