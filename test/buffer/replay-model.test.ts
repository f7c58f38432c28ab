import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cases } from "../support/cases.js";
import { type Policy, ReplayScene } from "./replay-scene.js";
import { countOf, strings, numbers, type Numbering, ReplayServer } from "./replay-server.js";

/** The expected log without a replay: a simple reference implementation. */
function expectedLog(ids: readonly number[], window: number): string[] {
  const log: string[] = [];
  let seen: number[] = [];
  let cursor: number | undefined;
  let duplicates = 0;
  const begin = (id: number): void => {
    seen = [id];
    cursor = id;
    duplicates = 0;
  };
  for (const id of ids) {
    if (cursor === undefined) begin(id);
    else if (id > cursor) {
      if (id > cursor + 1) log.push(`gap ${cursor + 1}..${id}`);
      seen.push(id);
      cursor = id;
      duplicates = 0;
    } else if (id <= cursor - window || id < seen[0]!) {
      log.push("reset");
      begin(id);
    } else if (!seen.includes(id)) seen.push(id);
    else if (++duplicates > window) {
      log.push("reset");
      begin(id);
    } else continue;
    log.push(`${id}`);
  }
  return log;
}

describe("Replay without onReplay", () => {
  it("behaves like a reference implementation", () => {
    const step = fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.integer({ min: -9, max: 9 }));
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 80, size: "max" }),
        fc.integer({ min: 1, max: 8 }),
        (steps, window) => {
          let at = 100;
          const ids = steps.map((step) => (at += step));
          const scene = new ReplayScene({ window }).receive(...ids);
          expect(scene.takeLog()).toEqual(expectedLog(ids, window));
        },
      ),
      { numRuns: cases(500) },
    );
  });
});

const acts = {
  publishA: (server: ReplayServer) => server.publish("a"),
  publishB: (server: ReplayServer) => server.publish("b"),
  flow1: (server: ReplayServer) => server.flow(1),
  flow3: (server: ReplayServer) => server.flow(3),
  lose: (server: ReplayServer) => server.lose(),
  duplicate: (server: ReplayServer) => server.duplicate(),
  answer1: (server: ReplayServer) => server.answer(1),
  answerAll: (server: ReplayServer) => server.answer(Infinity),
  wait: (server: ReplayServer) => server.scene.wait(100),
  reconnect: (server: ReplayServer) => server.reconnect(),
  cut: (server: ReplayServer) => server.cut(),
};

/** Returns the gaps that do not end with exactly one `recovered` before the next gap. */
function unendedGaps(log: readonly string[]): string[] {
  return log.filter((entry, index) => {
    if (!entry.startsWith("gap")) return false;
    const rest = log.slice(index + 1).find((later) => /gap|recovered|reset/.test(later));
    return rest?.startsWith("recovered") !== true;
  });
}

describe.each<[string, Numbering]>([
  ["numbers", numbers],
  ["strings", strings],
])("Replay with a server that repeats everything that is requested, and %s", (_, numbering) => {
  it.each(["returned", "inBand"] as const)(
    "loses nothing, duplicates nothing and keeps the order (%s)",
    (mode) => {
      const oneOf = (...strings: (keyof typeof acts)[]): fc.Arbitrary<keyof typeof acts> =>
        fc.constantFrom(...strings);
      const act = fc.oneof(
        { weight: 6, arbitrary: oneOf("publishA", "publishB") },
        { weight: 5, arbitrary: oneOf("flow1", "flow3") },
        { weight: 3, arbitrary: oneOf("answer1", "answerAll", "wait") },
        { weight: 2, arbitrary: oneOf("lose", "duplicate", "reconnect", "cut") },
      );
      fc.assert(
        fc.property(fc.array(act, { maxLength: 80, size: "max" }), (steps) => {
          const server = new ReplayServer(numbering, mode);
          for (const step of steps) acts[step](server);
          server.settle();
          for (const [stream, count] of server.published) {
            const log = server.logOf(stream);
            expect(log).not.toContain("reset");
            expect(log.filter((entry) => /^\d/.test(entry)).map(Number)).toEqual(
              Array.from({ length: count }, (_, index) => index + 1),
            );
            expect(unendedGaps(log)).toEqual([]);
          }
          expect(server.scene.replay.heldCount).toBe(0);
        }),
        { numRuns: cases(1_000) },
      );
    },
  );
});

type Step =
  | { readonly kind: "live" | "replayed"; readonly id: number; readonly epoch: number }
  | { readonly kind: "wait"; readonly ms: number }
  | {
      readonly kind:
        "reconnect" | "end" | "returned" | "inBand" | "failed" | "begin" | "endOverlap" | "cancel";
    };

const id = fc.integer({ min: 1, max: 40 });
const epoch = fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, fc.constant(2));
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("live" as const), id, epoch }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("replayed" as const), id, epoch }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 800 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        ...(["reconnect", "end", "returned", "inBand", "failed", "begin", "endOverlap", "cancel"] as const),
      ),
    }),
  },
);

const timeout = 1_000;
const maxWaiting = 8;

/** Calls an engine at random and records what it was given. */
class RandomCalls {
  readonly scene: ReplayScene;
  /** The messages that the engine accepted, each as often as it arrived. */
  readonly given: number[] = [];
  /** The longest time in milliseconds for which a message was buffered on one connection. */
  longestWait = 0;
  readonly #numbering: Numbering;
  readonly #arrivedAt = new Map<number, number>();
  #isOverlapping = false;
  #isOffline = false;

  constructor(numbering: Numbering, policy: Policy) {
    this.#numbering = numbering;
    this.scene = new ReplayScene({ recoveryTimeout: timeout, maxWaiting, ...numbering.policy, ...policy });
    this.scene.replay.onConnection(1, 0);
    this.scene.onEntry = (entry) => this.#onEntry(entry);
  }

  #onEntry(entry: string): void {
    const arrivedAt = this.#arrivedAt.get(countOf(entry));
    if (arrivedAt === undefined) return;
    this.#arrivedAt.delete(countOf(entry));
    this.longestWait = Math.max(this.longestWait, this.scene.now - arrivedAt);
  }

  #give(count: number): void {
    this.given.push(count);
    if (this.#isOverlapping || this.#isOffline) this.#arrivedAt.clear();
    else if (!this.#arrivedAt.has(count)) this.#arrivedAt.set(count, this.scene.now);
  }

  take(step: Step): void {
    const { scene } = this;
    if (step.kind === "live") {
      this.#give(step.id);
      const connection = scene.connection + (this.#isOverlapping && step.id % 2 === 0 ? 1 : 0);
      scene.receiveOn(connection, { id: this.#numbering.idOf(step.id), epoch: step.epoch });
    } else if (step.kind === "replayed") this.#takeReplayed(step.id, step.epoch);
    else if (step.kind === "wait") scene.wait(step.ms);
    else if (step.kind === "begin") this.#begin();
    else if (step.kind === "endOverlap") this.end();
    else if (step.kind === "cancel") this.#cancel();
    else if (!this.#isOverlapping) this.#act(step.kind);
  }

  #takeReplayed(count: number, epoch: number): void {
    const { requests, lastRequest } = this.scene;
    if (requests.length === 0 || lastRequest.state !== "running") return;
    this.#give(count);
    this.scene.give(lastRequest, { id: this.#numbering.idOf(count), epoch });
  }

  #act(kind: "reconnect" | "end" | "returned" | "inBand" | "failed"): void {
    const { replay, requests, lastRequest, now } = this.scene;
    if (kind === "reconnect") this.#reconnect();
    else if (kind === "end") this.#lose();
    else if (requests.length === 0) return;
    else if (kind === "returned") replay.onReplayReturned(lastRequest, now);
    else if (kind === "inBand") replay.onReplayInBand(lastRequest, now);
    else replay.onReplayFailed(lastRequest, new Error("no history"));
  }

  /** Buffered messages wait for the next connection without a time limit. */
  #lose(): void {
    this.#isOffline = true;
    this.#arrivedAt.clear();
    this.scene.replay.onConnectionEnd(this.scene.connection);
  }

  #reconnect(): void {
    this.#isOffline = false;
    this.#arrivedAt.clear();
    this.scene.reconnect();
  }

  reconnectIfOffline(): void {
    if (this.#isOffline) this.#reconnect();
  }

  #begin(): void {
    if (this.#isOverlapping) return;
    this.#isOverlapping = true;
    this.#isOffline = false;
    this.#arrivedAt.clear();
    this.scene.replay.beginOverlap(this.scene.connection + 1, 5, this.scene.now);
  }

  end(): void {
    if (!this.#isOverlapping) return;
    this.#isOverlapping = false;
    this.scene.connection++;
    this.scene.replay.endOverlap(this.scene.now);
  }

  #cancel(): void {
    this.#isOverlapping = false;
    this.scene.replay.cancelOverlap(this.scene.now);
  }

  /** The messages that were delivered since the last call. */
  delivered(): number[] {
    return this.scene
      .takeLog()
      .filter((entry) => /^(\d|id-)/.test(entry))
      .map(countOf);
  }
}

const ascending = (left: number, right: number): number => left - right;

describe.each<[string, Numbering, boolean]>([
  ["numbers", numbers, true],
  ["numbers, without onReplay", numbers, false],
  ["strings", strings, true],
  ["strings, without onReplay", strings, false],
])("Replay with random calls, and %s", (_, numbering, hasReplay) => {
  const steps = fc.array(anyStep, { maxLength: 60, size: "max" });

  /** Runs the steps, then waits longer than any message may be buffered. */
  const run = (all: readonly Step[], policy: Policy): RandomCalls => {
    const calls = new RandomCalls(numbering, { hasReplay, ...policy });
    for (const step of all) calls.take(step);
    calls.end();
    calls.reconnectIfOffline();
    calls.scene.wait(3 * timeout);
    expect(calls.scene.replay.heldCount).toBe(0);
    expect(calls.scene.nextAt).toBe(Infinity);
    return calls;
  };

  it("delivers each message once, and no message waits forever", () => {
    fc.assert(
      fc.property(steps, (all) => {
        // With a stored cursor, all ids belong to the same numbering, so it cannot restart.
        const calls = run(all, { cursors: { default: { sequence: numbering.idOf(0) } } });
        expect(calls.longestWait).toBeLessThanOrEqual(timeout);
        expect(calls.delivered().toSorted(ascending)).toEqual([...new Set(calls.given)].toSorted(ascending));
      }),
      { numRuns: cases(1_000) },
    );
  });

  it("delivers each message or counts it as a duplicate, also if the numbering restarts", () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 5 }), (all, window) => {
        const calls = run(all, { window, epochOf: ({ epoch }) => epoch });
        const { duplicateCount } = calls.scene.replay;
        expect(calls.delivered().length + duplicateCount).toBe(calls.given.length);
      }),
      { numRuns: cases(1_000) },
    );
  });
});

describe("Replay with two connections that together deliver everything", () => {
  it.each<[string, Numbering, boolean]>([
    ["numbers", numbers, true],
    ["numbers, without onReplay", numbers, false],
    ["strings", strings, true],
    ["strings, without onReplay", strings, false],
  ])("delivers everything once and in order, and reports no gap (%s)", (_, numbering, hasReplay) => {
    const message = fc.record({ onOld: fc.boolean(), onNew: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 40, size: "max" }),
        fc.array(fc.boolean(), { maxLength: 200, size: "max" }),
        (messages, turns) => {
          const scene = new ReplayScene({ ...numbering.policy, hasReplay, window: 4 });
          scene.replay.onConnection(1, 0);
          scene.receive(numbering.idOf(0));
          scene.replay.beginOverlap(2, 1_000, 0);
          const old = messages.flatMap(({ onOld, onNew }, index) => (onOld || !onNew ? [index + 1] : []));
          const recent = messages.flatMap(({ onNew }, index) => (onNew ? [index + 1] : []));
          for (const isOld of turns) {
            const next = (isOld ? old : recent).shift();
            if (next !== undefined) scene.receiveOn(isOld ? 1 : 2, numbering.idOf(next));
          }
          for (const next of old) scene.receiveOn(1, numbering.idOf(next));
          for (const next of recent) scene.receiveOn(2, numbering.idOf(next));
          scene.replay.endOverlap(0);
          const log = scene.takeLog().filter((entry) => !/request|caught up/.test(entry));
          expect(log.map((entry) => entry.replace("id-", ""))).toEqual(
            Array.from({ length: messages.length + 1 }, (_, index) => `${index}`),
          );
        },
      ),
      { numRuns: cases(1_000) },
    );
  });
});
