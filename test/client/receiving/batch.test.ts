import { describe, expect, it } from "vitest";
import { Batch } from "../../../src/client/receiving/batch.js";

describe("Batch", () => {
  it("collects the messages that are added before the read is over", async () => {
    const batch = new Batch(100);
    expect(batch.isOpen).toBe(false);
    expect(batch.add("early", 1)).toBe(false);
    const messages = batch.begin("a");
    expect(batch.isOpen).toBe(true);
    expect([batch.add("b", 1), batch.add("c", 1)]).toEqual([true, true]);
    expect(await messages).toEqual(["a", "b", "c"]);
    expect(batch.isOpen).toBe(false);
    expect(batch.add("late", 1)).toBe(false);
  });

  it("accepts messages up to its limit, and none after the first refused message", async () => {
    const batch = new Batch(10);
    const messages = batch.begin("a");
    expect([batch.add("b", 10), batch.add("c", 1), batch.add("d", 0)]).toEqual([true, false, false]);
    expect(await messages).toEqual(["a", "b"]);
  });

  it("starts a new batch for each call of begin()", async () => {
    const batch = new Batch(10);
    const first = batch.begin("a");
    batch.add("b", 10);
    const second = batch.begin("c");
    expect(batch.add("d", 10)).toBe(true);
    expect(await Promise.all([first, second])).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
  });
});
