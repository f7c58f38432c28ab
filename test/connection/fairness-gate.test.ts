import { beforeEach, describe, expect, it } from "vitest";
import { FairnessGate } from "../../src/connection/fairness-gate.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";

let clock: VirtualRuntime;
let gate: FairnessGate;

beforeEach(() => {
  clock = new VirtualRuntime();
  gate = new FairnessGate(clock);
});

/** Returns true if the promise settles without a turn of the event loop. */
async function settlesImmediately(promise: Promise<void>): Promise<boolean> {
  let isSettled = false;
  void promise.then(() => (isSettled = true));
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  return isSettled;
}

describe("FairnessGate", () => {
  it("shares one resolved promise", async () => {
    const first = gate.pass(100);
    expect(gate.pass(100)).toBe(first);
    expect(new FairnessGate(clock).pass(1)).toBe(first);
    expect(await settlesImmediately(first)).toBe(true);
  });

  describe("64 KiB", () => {
    it.each([
      [[65_536], 0],
      [[65_535, 1], 1],
      [Array<number>(64).fill(1_024), 63],
    ])("in sends of %j bytes delay the promise until the next turn", async (sizes, at) => {
      const promises = sizes.map((size) => gate.pass(size));
      const shared = new FairnessGate(clock).pass(0);
      expect(promises.map((promise) => promise === shared)).toEqual(sizes.map((_, index) => index < at));
      expect(await settlesImmediately(promises[at]!)).toBe(false);
      clock.advance(0);
      await promises[at];
    });

    it("are counted from 0 again after the turn", async () => {
      const turn = gate.pass(70_000);
      expect(gate.pass(1)).toBe(turn);
      clock.advance(0);
      await turn;
      const next = gate.pass(65_535);
      expect(await settlesImmediately(next)).toBe(true);
      expect(await settlesImmediately(gate.pass(1))).toBe(false);
      clock.advance(0);
    });
  });

  describe("10 ms", () => {
    /** Passes messages of 1 byte until one waits for the next turn, and returns their number. */
    async function passUntilTurn(most: number): Promise<number> {
      for (let count = 1; count <= most; count++) if (!(await settlesImmediately(gate.pass(1)))) return count;
      return Infinity;
    }

    beforeEach(async () => {
      const first = gate.pass(65_536);
      clock.advance(0);
      await first;
    });

    it("delay the promise of one of the next 32 sends", async () => {
      expect(await passUntilTurn(1_000)).toBe(Infinity);
      clock.stall(9);
      expect(await passUntilTurn(1_000)).toBe(Infinity);
      clock.stall(1);
      expect(await passUntilTurn(1_000)).toBeLessThanOrEqual(32);
      clock.advance(0);
    });
  });

  it("lets timers fire during a loop that awaits each send", async () => {
    const fired = new AbortController();
    let count = 0;
    clock.setTimer(50, () => fired.abort());
    const loop = (async (): Promise<void> => {
      for (; !fired.signal.aborted; count++) {
        clock.stall(1);
        await gate.pass(10);
      }
    })();
    await clock.advanceAsync(0);
    await loop;
    expect(count).toBeLessThan(100);
  });
});
