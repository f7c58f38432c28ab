import { describe, expect, it } from "vitest";
import { MemoryBudget } from "../../src/buffer/memory-budget.js";
import { ReorderBuffer } from "../../src/buffer/reorder-buffer.js";
import type { ReplayPolicy } from "../../src/buffer/replay-port.js";
import { StreamTable } from "../../src/buffer/stream-table.js";
import { measureCpuTime } from "../support/cpu-time.js";

interface Row {
  readonly id: number;
  readonly name?: string | number;
}

function tableOf(policy: Partial<ReplayPolicy<Row>> = {}): {
  table: StreamTable<Row, Row>;
  created: string[];
  evicted: string[];
} {
  const created: string[] = [];
  const evicted: string[] = [];
  const table = new StreamTable<Row, Row>(
    {
      sequence: ({ id }) => id,
      isNext: undefined,
      streamOf: ({ name }) => name,
      epochOf: undefined,
      window: 2,
      hasReplay: false,
      maxWaiting: 10,
      maxBytes: 1_000,
      maxStreams: 100,
      recoveryTimeout: 10,
      cursors: undefined,
      ...policy,
    },
    {
      onCreated: ({ name }) => created.push(name),
      mayEvict: ({ buffer }) => buffer === undefined,
      onEvicted: ({ name }) => evicted.push(name),
    },
  );
  return { table, created, evicted };
}

describe("StreamTable", () => {
  it("creates each stream once and reports it", () => {
    const { table, created } = tableOf({ cursors: { known: { sequence: 1 } } });
    created.length = 0;
    const streams = ["a", "known", 7, "7", "a", undefined].map((name) =>
      table.of(name === undefined ? { id: 1 } : { id: 1, name }),
    );
    expect(streams.map(({ name }) => name)).toEqual(["a", "known", "7", "7", "a", "default"]);
    expect(new Set(streams).size).toBe(4);
    expect(created).toEqual(["a", "7", "default"]);
    expect([...table]).toHaveLength(4);
  });

  it("has one stream if streamOf is not set", () => {
    const { table } = tableOf({ streamOf: undefined, cursors: { default: { sequence: 4 } } });
    const stream = table.of({ id: 5, name: "a" });
    expect(table.of({ id: 6, name: "b" })).toBe(stream);
    expect(stream.window.sequence).toBe(4);
    expect(table.cursors([])).toEqual({ default: { sequence: 4 } });
  });

  it("freezes and thaws all windows", () => {
    const { table } = tableOf({ cursors: { a: { sequence: 10 } } });
    const { window } = table.of({ id: 1, name: "a" });
    table.freeze();
    for (let id = 11; id < 20; id++) window.advance(id);
    expect(window.classify(9)).toBe("duplicate");
    table.thaw();
    expect(window.classify(9)).toBe("restart");
  });

  it("returns no cursor for a stream if all its messages still wait", () => {
    const isNext = (): boolean => true;
    const { table } = tableOf({ isNext });
    table.of({ id: 1, name: "a" }).window.restart(1);
    expect(table.cursors([{ id: 1, name: "a" }])).toEqual({});
    expect(table.cursors([])).toEqual({ a: { sequence: 1 } });
  });
});

describe("StreamTable with more names than maxStreams", () => {
  const names = (table: StreamTable<Row, Row>): string[] => [...table].map(({ name }) => name);

  it("evicts the streams that were not used for the longest time", () => {
    const { table, evicted } = tableOf({ maxStreams: 3 });
    for (const name of ["a", "b", "c", "a", "d", "e"]) table.of({ id: 1, name });
    expect(evicted).toEqual(["b", "c"]);
    expect(names(table).sort()).toEqual(["a", "d", "e"]);
  });

  it("creates a new stream for the name of an evicted one", () => {
    const { table, created } = tableOf({ maxStreams: 2 });
    const first = table.of({ id: 1, name: "a" });
    first.window.restart(1);
    for (const name of ["b", "c"]) table.of({ id: 1, name });
    const second = table.of({ id: 5, name: "a" });
    expect(second).not.toBe(first);
    expect(second.window.classify(5)).toBe("first");
    expect(created).toEqual(["a", "b", "c", "a"]);
  });

  it("keeps streams with buffered messages, and exceeds its maximum while they exist", () => {
    const { table, evicted } = tableOf({ maxStreams: 2 });
    const streams = ["a", "b"].map((name) => table.of({ id: 1, name }));
    for (const stream of streams) stream.buffer = new ReorderBuffer(true, new MemoryBudget(1_000), 0, 0);
    for (const name of ["c", "d", "e"]) table.of({ id: 1, name });
    expect(evicted).toEqual(["c", "d"]);
    for (const stream of streams) stream.buffer = undefined;
    table.of({ id: 1, name: "f" });
    expect(evicted.slice(2).sort()).toEqual(["a", "b"]);
    expect(names(table)).toEqual(["e", "f"]);
  });

  it("remembers as many streams as it was given cursors", () => {
    const cursors = { a: { sequence: 1 }, b: { sequence: 2 }, c: { sequence: 3 } };
    const { table, evicted } = tableOf({ maxStreams: 1, cursors });
    expect(table.cursors([])).toEqual(cursors);
    table.of({ id: 4, name: "d" });
    expect([evicted, names(table)]).toEqual([["a"], ["b", "c", "d"]]);
  });

  it("creates no stream for a waiting message when cursors are read", () => {
    const { table, created } = tableOf({ maxStreams: 1 });
    for (const name of ["a", "b"]) table.of({ id: 7, name }).window.restart(7);
    expect(table.cursors([{ id: 7, name: "a" }])).toEqual({ b: { sequence: 7 } });
    expect(created).toEqual(["a", "b"]);
  });

  it("keeps the streams in use among 300,000 names that appear once", () => {
    const { table, created } = tableOf({ maxStreams: 10_000 });
    for (let index = 0; index < 300_000; index++) {
      table.of({ id: index, name: `once ${index}` }).window.restart(index);
      table.of({ id: index, name: `steady ${index % 1_000}` });
    }
    expect([...table].length).toBeLessThanOrEqual(10_000);
    expect(created.filter((name) => name.startsWith("steady")).length).toBe(1_000);
    const cpuTime = measureCpuTime();
    expect(Object.keys(table.cursors([])).length).toBeLessThanOrEqual(10_000);
    expect(cpuTime()).toBeLessThan(2_000);
  });

  it("creates a stream in constant time if every stream has buffered messages", () => {
    const { table } = tableOf({ maxStreams: 10_000 });
    for (let index = 0; index < 30_000; index++)
      table.of({ id: 1, name: `held ${index}` }).buffer = new ReorderBuffer(
        true,
        new MemoryBudget(1_000),
        0,
        0,
      );
    const cpuTime = measureCpuTime();
    for (let index = 0; index < 3_000; index++) table.of({ id: 1, name: `more ${index}` });
    expect(cpuTime()).toBeLessThan(2_000);
  });
});
