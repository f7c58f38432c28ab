import { beforeEach, describe, expect, it } from "vitest";
import { FairnessGate } from "../../src/connection/fairness-gate.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";

let clock: VirtualRuntime;
let gate: FairnessGate;

beforeEach(() => {
  clock = new VirtualRuntime();
  gate = new FairnessGate(clock);
});

/** Whether the promise settles without the event loop. */
async function isAtOnce(promise: Promise<void>): Promise<boolean> {
  let isSettled = false;
  void promise.then(() => (isSettled = true));
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  return isSettled;
}

it("shares one promise that is resolved already", async () => {
  const first = gate.pass(100);
  expect(gate.pass(100)).toBe(first);
  expect(new FairnessGate(clock).pass(1)).toBe(first);
  expect(await isAtOnce(first)).toBe(true);
});

describe("64 KiB", () => {
  it.each([
    [[65_536], 0],
    [[65_535, 1], 1],
    [Array<number>(64).fill(1_024), 63],
  ])("of %j make the promise wait for the event loop", async (sizes, at) => {
    const promises = sizes.map((size) => gate.pass(size));
    const shared = new FairnessGate(clock).pass(0);
    expect(promises.map((promise) => promise === shared)).toEqual(sizes.map((_, index) => index < at));
    expect(await isAtOnce(promises[at]!)).toBe(false);
    clock.advance(0);
    await promises[at];
  });

  it("count anew behind the turn", async () => {
    const turn = gate.pass(70_000);
    expect(gate.pass(1)).toBe(turn);
    clock.advance(0);
    await turn;
    const next = gate.pass(65_535);
    expect(await isAtOnce(next)).toBe(true);
    expect(await isAtOnce(gate.pass(1))).toBe(false);
    clock.advance(0);
  });
});

describe("10 ms", () => {
  /** Passes small messages until one has to wait, the first turn behind it; gives how many passed. */
  async function passUntilTurn(most: number): Promise<number> {
    for (let count = 1; count <= most; count++) if (!(await isAtOnce(gate.pass(1)))) return count;
    return Infinity;
  }

  beforeEach(async () => {
    const first = gate.pass(65_536);
    clock.advance(0);
    await first;
  });

  it("make the promise of one of the next 32 sends wait", async () => {
    expect(await passUntilTurn(1_000)).toBe(Infinity);
    clock.stall(9);
    expect(await passUntilTurn(1_000)).toBe(Infinity);
    clock.stall(1);
    expect(await passUntilTurn(1_000)).toBeLessThanOrEqual(32);
    clock.advance(0);
  });
});

it("lets timers run in a loop that awaits each send", async () => {
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
