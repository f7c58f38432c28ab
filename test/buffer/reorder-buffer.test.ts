import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryBudget } from "../../src/buffer/memory-budget.js";
import { ReorderBuffer } from "../../src/buffer/reorder-buffer.js";
import { cases } from "../support/cases.js";
import { measureCpuTime } from "../support/cpu-time.js";

interface BufferedMessage {
  readonly id: number;
  readonly epoch: string | undefined;
  readonly at: number;
  readonly bytes: number;
  readonly request: object | undefined;
}

function bufferedMessage(id: number, rest: Partial<BufferedMessage> = {}): BufferedMessage {
  return { id, epoch: undefined, at: 0, bytes: 1, request: undefined, ...rest };
}

function bufferOf(
  isOrdered: boolean,
  ...messages: readonly BufferedMessage[]
): ReorderBuffer<BufferedMessage> {
  const buffer = new ReorderBuffer<BufferedMessage>(isOrdered, new MemoryBudget(1_000), 0, 0);
  for (const message of messages) buffer.insert(message);
  return buffer;
}

function idsIn(buffer: ReorderBuffer<BufferedMessage>): number[] {
  const ids: number[] = [];
  for (let message = buffer.shift(); message !== undefined; message = buffer.shift()) ids.push(message.id);
  return ids;
}

describe("ReorderBuffer", () => {
  it("keeps numbers in order and stores each one once", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30 })), fc.nat({ max: 3 }), (ids, taken) => {
        const buffer = bufferOf(true);
        const reference = new Set<number>();
        for (const id of ids) {
          expect(buffer.insert(bufferedMessage(id))).toBe(!reference.has(id));
          reference.add(id);
        }
        const sorted = [...reference].toSorted((left, right) => left - right);
        expect(buffer.head?.id).toBe(sorted[0]);
        for (let count = 0; count < taken; count++) expect(buffer.shift()?.id).toBe(sorted.shift());
        // The id of a removed message may be inserted again.
        expect(buffer.insert(bufferedMessage(-1))).toBe(true);
        expect(buffer.length).toBe(sorted.length + 1);
        expect(idsIn(buffer)).toEqual([-1, ...sorted]);
      }),
      { numRuns: cases(100) },
    );
  });

  it("sorts replayed messages before those of a connection if ids cannot be compared", () => {
    const request = {};
    const live = [bufferedMessage(5), bufferedMessage(3)];
    const buffer = bufferOf(
      false,
      ...live,
      bufferedMessage(9, { request }),
      bufferedMessage(4),
      bufferedMessage(1, { request }),
      bufferedMessage(5),
    );
    expect(idsIn(buffer)).toEqual([9, 1, 5, 3, 4, 5]);
  });

  it("compares ids within an epoch only", () => {
    const messages = [
      bufferedMessage(5, { epoch: "x" }),
      bufferedMessage(1, { epoch: "y" }),
      bufferedMessage(3, { epoch: "x" }),
      bufferedMessage(0, { epoch: "y" }),
    ];
    expect(idsIn(bufferOf(true, ...messages))).toEqual([3, 5, 0, 1]);
    expect(
      idsIn(bufferOf(true, bufferedMessage(5, { epoch: "x" }), bufferedMessage(5, { epoch: "y" }))),
    ).toEqual([5, 5]);
  });

  it("finds the position of a message after messages of another epoch", () => {
    const messages = [
      bufferedMessage(9, { epoch: "x" }),
      bufferedMessage(4, { epoch: "y" }),
      bufferedMessage(2, { epoch: "y" }),
      bufferedMessage(3, { epoch: "y" }),
    ];
    expect(idsIn(bufferOf(true, ...messages))).toEqual([9, 2, 3, 4]);
  });

  it("adds a message at the end without comparing its id", () => {
    const buffer = bufferOf(true, bufferedMessage(5));
    buffer.insert(bufferedMessage(2), false);
    expect(idsIn(buffer)).toEqual([5, 2]);
  });

  it("counts the memory of its messages", () => {
    const memory = new MemoryBudget(1_000);
    const buffer = new ReorderBuffer<BufferedMessage>(true, memory, 0, 0);
    for (const bytes of [10, 20]) buffer.insert(bufferedMessage(bytes, { bytes }));
    buffer.insert(bufferedMessage(20, { bytes: 20 }));
    expect([buffer.bytes, memory.count]).toEqual([30, 2]);
    buffer.shift();
    expect([buffer.bytes, memory.count]).toEqual([20, 1]);
  });

  it("knows the arrival time of its oldest message", () => {
    const buffer = bufferOf(
      true,
      bufferedMessage(3, { at: 30 }),
      bufferedMessage(2, { at: 40 }),
      bufferedMessage(4, { at: 50 }),
    );
    expect(buffer.oldestAt).toBe(30);
    buffer.shift();
    expect(buffer.oldestAt).toBe(30);
    buffer.shift();
    expect(buffer.oldestAt).toBe(50);
  });
});

describe("ReorderBuffer with 60,000 messages and a gap at every second number", () => {
  const count = 30_000;

  it("is filled and emptied in linear time", () => {
    const buffer = new ReorderBuffer<BufferedMessage>(true, new MemoryBudget(1_000), 0, 0);
    const cpuTime = measureCpuTime();
    for (let index = 0; index < count; index++) buffer.insert(bufferedMessage(2 * index, { at: index }));
    for (let index = 0; index < count; index++)
      buffer.insert(bufferedMessage(2 * index + 1, { at: count + index }));
    let last = -1;
    for (let message = buffer.shift(); message !== undefined; message = buffer.shift()) {
      if (message.id !== ++last) expect(message.id).toBe(last);
      // A stream reads this value after each message.
      if (buffer.length > 0 && buffer.oldestAt < 0) throw new Error("No message arrived before 0.");
    }
    expect(last).toBe(2 * count - 1);
    expect(cpuTime()).toBeLessThan(2_000);
  });

  it("knows the arrival time of the oldest remaining message", () => {
    const buffer = bufferOf(
      true,
      bufferedMessage(3, { at: 10 }),
      bufferedMessage(1, { at: 20 }),
      bufferedMessage(2, { at: 5 }),
      bufferedMessage(4, { at: 20 }),
    );
    const seen: number[] = [];
    for (; buffer.length > 0; buffer.shift()) seen.push(buffer.oldestAt);
    expect([...seen, buffer.oldestAt]).toEqual([5, 5, 10, 20, Infinity]);
  });
});
