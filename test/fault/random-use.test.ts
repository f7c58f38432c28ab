// Property test: random calls of every public method, also from listeners, on a client with a faulty server.
import { describe, expect, it } from "vitest";
import type { State } from "../../src/index.js";
import { cases, runsAll } from "../support/cases.js";
import {
  callNames,
  type ListenerName,
  listeners,
  playOnSockets,
  playSlowReader,
  playVirtually,
  Tally,
} from "./random-use.js";

const states: readonly State[] = [
  ...(["idle", "connecting", "connected", "disconnecting", "disconnected"] as const),
  ...(["reconnecting", "backingOff", "failed", "closed"] as const),
];

/** The states in which a listener cannot be called, and why. */
const impossible: Readonly<Record<ListenerName, Partial<Record<State, string>>>> = {
  error: {},
  dropped: {
    failed: "the outbox is dropped before the state changes, and the inbox is kept",
  },
  message: {
    idle: "nothing was received",
    connecting:
      "messages are delivered after `connected`, and the end of a run leaves no message in a reorder buffer",
    failed: "the reorder buffers are delivered before the state changes",
    closed: "the reorder buffers are delivered before the state changes",
  },
  reset: {
    idle: "nothing was received",
    connecting: "no reorder buffer has messages before the first connection",
    failed: "streams are ended before the state changes",
    closed: "streams are ended before the state changes",
  },
  closed: Object.fromEntries(
    states
      .filter((state) => state !== "closed" && state !== "failed")
      .map((state) => [state, "`closed` is emitted after the state has become final"]),
  ),
  stateChange: { idle: "the client never returns to idle" },
};

/** Number of seeds: enough for every call to be made in every listener of a slow reader. */
const slowReaders = 60;

/** One line per listener and state with the number of calls of each method. */
function tableOf(tally: Tally): string {
  return listeners
    .flatMap((listener) =>
      states
        .filter((state) => impossible[listener][state] === undefined)
        .map((state) => {
          const counts = callNames.map((call) => `${call} ${tally.count(listener, call, state)}`);
          return `${listener}, ${state}: ${counts.join(", ")}`;
        }),
    )
    .join("\n");
}

/** Lists impossible combinations that occurred, or possible ones that did not occur. */
function wrong(tally: Tally, isPossible: boolean): string[] {
  return listeners.flatMap((listener) =>
    states
      .filter((state) => (impossible[listener][state] === undefined) === isPossible)
      .flatMap((state) => callNames.map((call) => [listener, call, state] as const))
      .filter((key) => tally.count(...key) > 0 !== isPossible)
      .map((key) => key.join(" | ")),
  );
}

describe("a client that is called at random, also from its listeners", () => {
  it("settles every promise, ends once, keeps the order and leaves no resource open, in virtual time", async () => {
    const tally = new Tally();
    for (let seed = 1; seed <= cases(10_000); seed++) {
      await playVirtually(seed, tally).catch((error: unknown) => {
        throw new Error(`Run ${seed}, after all runs before it`, { cause: error });
      });
    }
    for (let seed = 1; seed <= slowReaders; seed++) {
      await playSlowReader(seed, tally, "backingOff");
      await playSlowReader(seed, tally, "reconnecting");
    }
    console.log(tableOf(tally));
    expect(wrong(tally, false)).toEqual([]);
    if (runsAll) expect(wrong(tally, true)).toEqual([]);
  }, 900_000);

  it("does the same on sockets in real time", async () => {
    const tally = new Tally();
    const runs = cases(1_000);
    const atOnce = 25;
    for (let first = 1; first <= runs; first += atOnce) {
      const seeds = Array.from({ length: Math.min(atOnce, runs - first + 1) }, (_, index) => first + index);
      await Promise.all(
        seeds.map((seed) =>
          playOnSockets(seed, tally).catch((error: unknown) => {
            throw new Error(`Run ${seed}`, { cause: error });
          }),
        ),
      );
    }
    expect(wrong(tally, false)).toEqual([]);
  }, 300_000);
});
