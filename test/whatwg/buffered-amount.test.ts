import { describe, expect, it } from "vitest";
import type { WebSocket } from "../../src/index.js";
import { BufferedAmount } from "../../src/whatwg/buffered-amount.js";

/** A client whose calls of `flush()` the test settles, and the turns of the event loop. */
function makeAmount({ bufferedAmount = 1, hasOutbox = false } = {}) {
  const flushes: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  const turns: (() => void)[] = [];
  const flush = (): Promise<void> => new Promise((resolve, reject) => void flushes.push({ resolve, reject }));
  const client = { flush, state: "connected" as WebSocket["state"], bufferedAmount };
  const runtime = { afterTurn: (callback: () => void) => void turns.push(callback) };
  const amount = new BufferedAmount(client, runtime, hasOutbox);
  return { amount, client, flushes, turns };
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("BufferedAmount", () => {
  it("counts accepted bytes until they are flushed in a later turn", async () => {
    const { amount, flushes, turns } = makeAmount();
    amount.addAccepted(5);
    amount.addAccepted(6);
    expect([amount.value, turns.length, flushes.length]).toEqual([11, 1, 0]);
    turns[0]!();
    amount.addAccepted(7);
    flushes[0]!.resolve();
    await settle();
    expect([amount.value, flushes.length]).toEqual([7, 2]);
    flushes[1]!.resolve();
    await settle();
    expect([amount.value, turns.length]).toEqual([0, 1]);
    amount.addAccepted(1);
    expect(turns).toHaveLength(2);
  });

  it("counts bytes that the kernel accepts at once until the next turn, without a flush", async () => {
    const { amount, client, flushes, turns } = makeAmount({ bufferedAmount: 0 });
    amount.addAccepted(5);
    amount.addAccepted(6);
    expect([amount.value, turns.length]).toEqual([11, 1]);
    turns[0]!();
    expect([amount.value, flushes.length]).toEqual([0, 0]);
    amount.addAccepted(7);
    expect([amount.value, turns.length]).toEqual([7, 2]);
    client.bufferedAmount = 7;
    turns[1]!();
    expect([amount.value, flushes.length]).toEqual([7, 1]);
    flushes[0]!.resolve();
    await settle();
    expect(amount.value).toBe(0);
  });

  it.each(["connecting", "disconnecting", "reconnecting"] as const)(
    "counts the bytes of a client in the state %s until they are flushed",
    async (state) => {
      const { amount, client, flushes, turns } = makeAmount({ bufferedAmount: 0 });
      amount.addAccepted(5);
      client.state = state;
      turns[0]!();
      expect([amount.value, flushes.length]).toEqual([5, 1]);
      flushes[0]!.resolve();
      await settle();
      expect(amount.value).toBe(0);
    },
  );

  it("counts the bytes in an outbox until they are flushed", async () => {
    const { amount, flushes, turns } = makeAmount({ bufferedAmount: 0, hasOutbox: true });
    amount.addAccepted(5);
    turns[0]!();
    expect([amount.value, flushes.length]).toEqual([5, 1]);
    flushes[0]!.resolve();
    await settle();
    expect(amount.value).toBe(0);
  });

  it("does not wait for messages of a client that was not told to connect", async () => {
    const { amount, client, flushes, turns } = makeAmount();
    client.state = "idle";
    amount.addAccepted(5);
    expect([amount.value, turns.length]).toEqual([5, 0]);
    client.state = "connecting";
    amount.watch();
    turns[0]!();
    flushes[0]!.resolve();
    await settle();
    amount.watch();
    expect([amount.value, turns.length]).toEqual([0, 1]);
  });

  it("keeps the bytes that are never sent", async () => {
    const { amount, flushes, turns } = makeAmount();
    amount.addAccepted(5);
    amount.addUnsendable(3);
    turns[0]!();
    flushes[0]!.reject(new Error("lost"));
    // The client reports a message of four bytes as unsent.
    amount.addUnsendable(4);
    amount.end();
    await settle();
    expect(amount.value).toBe(7);
    amount.addUnsendable(1);
    expect(amount.value).toBe(8);
  });

  it("forgets the bytes of removed messages", async () => {
    const { amount, flushes, turns } = makeAmount();
    amount.addAccepted(5);
    turns[0]!();
    amount.addAccepted(7);
    amount.remove(7);
    expect(amount.value).toBe(5);
    flushes[0]!.resolve();
    await settle();
    flushes[1]!.resolve();
    await settle();
    expect(amount.value).toBe(0);
  });
});
