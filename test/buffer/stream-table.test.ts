import { describe, expect, it } from "vitest";
import type { ReplayPolicy } from "../../src/buffer/replay-port.js";
import { StreamTable } from "../../src/buffer/stream-table.js";

interface Row {
  readonly id: number;
  readonly name?: string | number;
}

function tableOf(policy: Partial<ReplayPolicy<Row>> = {}): {
  table: StreamTable<Row, Row>;
  created: string[];
} {
  const created: string[] = [];
  const table = new StreamTable<Row, Row>(
    {
      sequence: ({ id }) => id,
      isNext: undefined,
      streamOf: ({ name }) => name,
      epochOf: undefined,
      window: 2,
      hasReplay: false,
      maxWaiting: 10,
      recoveryTimeout: 10,
      cursors: undefined,
      ...policy,
    },
    ({ name }) => created.push(name),
  );
  return { table, created };
}

describe("a table of streams", () => {
  it("makes each stream once, and tells it", () => {
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

  it("has one stream where the user tells none apart", () => {
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
    expect(window.judge(9)).toBe("double");
    table.thaw();
    expect(window.judge(9)).toBe("behind");
  });

  it("gives no cursor for a stream of which all still waits", () => {
    const isNext = (): boolean => true;
    const { table } = tableOf({ isNext });
    table.of({ id: 1, name: "a" }).window.restart(1);
    expect(table.cursors([{ id: 1, name: "a" }])).toEqual({});
    expect(table.cursors([])).toEqual({ a: { sequence: 1 } });
  });
});
