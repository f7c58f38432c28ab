// Many tasks that lease connections of a pool from a hostile server, on real sockets.
import { describe, expect, it } from "vitest";
import { nodeRuntime } from "../../src/index.js";
import { createPool, type Lease, type Pool, type PoolOptions } from "../../src/pool/index.js";
import { cases } from "../support/cases.js";
import { createCountingRuntime } from "../support/counting-runtime.js";
import { type Faults, HostileServer } from "./hostile-server.js";

const tasks = 200;
const max = 8;

/** A generator of random numbers with a seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Run {
  readonly #pool: Pool<string, string>;
  readonly #random: () => number;
  readonly crossed: string[] = [];
  /** The numbers of the calls of acquire(), in the order in which they got their connection. */
  readonly granted: number[] = [];
  readonly counts = { leases: 0, answers: 0, aborted: 0, failed: 0, ended: 0 };
  #calls = 0;

  constructor(pool: Pool<string, string>, random: () => number) {
    this.#pool = pool;
    this.#random = random;
  }

  async once(): Promise<void> {
    const call = this.#calls++;
    const random = this.#random();
    const signal = random < 0.1 ? AbortSignal.timeout(Math.floor(random * 300)) : undefined;
    let lease: Lease<string, string>;
    try {
      lease = await this.#pool.acquire({ signal });
    } catch {
      if (signal?.aborted === true) this.counts.aborted++;
      else this.counts.failed++;
      return;
    }
    this.granted.push(call);
    this.counts.leases++;
    await this.#use(lease, `secret of ${call}`);
    if (this.#random() < 0.05) await lease.discard();
    else await lease.release();
  }

  /** Sends secrets, and reads some of the answers. */
  async #use(lease: Lease<string, string>, secret: string): Promise<void> {
    try {
      const sent = 1 + Math.floor(this.#random() * 4);
      for (let n = 0; n < sent; n++) await lease.send(`${secret}: ${n}`);
      const read = Math.floor(this.#random() * (sent + 1));
      for (let n = 0; n < read; n++) {
        const answer = await lease.recv();
        this.counts.answers++;
        if (answer !== `${secret}: ${n}`) this.crossed.push(`${answer} instead of ${secret}: ${n}`);
      }
    } catch {
      this.counts.ended++;
    }
  }
}

const faults: Faults = { refuse: 0.03, slow: 0.3, reset: 0.02, deaf: 0.02 };

let resets = 0;
/** Waits until the server has answered everything. */
const reset: NonNullable<PoolOptions<string, string>["reset"]> = async (connection) => {
  const mark = `reset ${++resets}`;
  await connection.send(mark);
  await connection.recv({ match: (answer) => answer === mark });
};

describe.each([
  ["with `reset`", { reset, validate: () => true, idleTimeout: 50, maxAge: 400, min: 2 }],
  ["without `reset`, which closes each connection", {}],
])("a pool %s", (name, options) => {
  it(
    "keeps its limit, crosses no answers, starves no call and leaves nothing open",
    { timeout: 300_000 },
    async () => {
      const random = randomOf(17);
      await using server = await new HostileServer(random, faults).listen();
      const counting = createCountingRuntime(nodeRuntime);
      const pool = createPool<string, string>({
        ...{
          url: server.url,
          max,
          closeTimeout: 2_000,
          compress: false,
          hookTimeout: 300,
          acquireTimeout: 60_000,
        },
        ...{ deserializer: String, runtime: counting.runtime, ...options },
      });
      const errors = new Map<string, number>();
      pool.on("error", ({ error }) => void errors.set(error.message, (errors.get(error.message) ?? 0) + 1));
      const run = new Run(pool, random);
      const perTask = Math.ceil(cases(10_000) / tasks);
      await Promise.all(
        Array.from({ length: tasks }, async () => {
          for (let n = 0; n < perTask; n++) await run.once();
        }),
      );
      const { longestWaitMs, lateMessageCount, waiting, leased } = pool.stats();
      await pool.close({ timeout: 10_000 });
      await server.whenEmpty();
      const { connections } = pool.stats();
      console.log(name, {
        ...{ acquisitions: tasks * perTask, ...run.counts, most: server.most, accepted: server.accepted },
        ...{ longestWaitMs: Math.round(longestWaitMs), lateMessageCount, errors: Object.fromEntries(errors) },
      });
      expect(run.crossed).toEqual([]);
      expect(server.most).toBeLessThanOrEqual(max);
      if (perTask > 1) expect(server.most).toBe(max);
      expect([waiting, leased, connections, server.open]).toEqual([0, 0, 0, 0]);
      // Calls get their connections in their order, so none starves.
      expect(run.granted).toEqual(run.granted.toSorted((a, b) => a - b));
      expect(run.counts.leases + run.counts.aborted + run.counts.failed).toBe(tasks * perTask);
      expect(run.counts.leases).toBeGreaterThan((tasks * perTask) / 2);
      expect(lateMessageCount).toBe(0);
      counting.assertIdle();
    },
  );
});
