// Random runs of pools in virtual time: hooks, endpoints and servers that fail in every way, and pools that close.
import { expect, it } from "vitest";
import { createPool, type PoolOptions } from "../../src/pool/index.js";
import { type ScriptedConnection, ScriptedServer, VirtualRuntime } from "../../src/testing/index.js";
import { randomOf } from "../channels/exchange.js";
import { cases } from "../support/cases.js";
import { never } from "../support/never.js";

type Random = (below: number) => number;
type Hooks = Pick<PoolOptions<string, string>, "reset" | "validate">;

/** A server that refuses, hangs, is slow, resets, closes, and answers late or not at all. It echoes each message. */
async function serve(connection: ScriptedConnection, random: Random): Promise<void> {
  const kind = random(20);
  if (kind === 0) connection.reject(503);
  // The handshake is not answered.
  if (kind < 2) return;
  if (kind === 2) await connection.delay(random(500));
  connection.accept();
  if (kind === 3) connection.mute();
  for await (const message of connection) {
    const answer = random(30);
    if (answer === 0) connection.reset();
    if (answer === 1) connection.close(1001);
    if (answer < 2) return;
    if (answer < 10) await connection.delay(random(50));
    if (answer !== 10) connection.send(message);
  }
}

/** Hooks that throw, hang and return nonsense, if `isHostile` is `true`. */
function hooksOf(random: Random, isHostile: boolean): Hooks {
  return {
    reset: async (connection) => {
      const kind = isHostile ? random(6) : 5;
      if (kind === 0) throw new Error("reset failed");
      if (kind === 1) await never();
      const mark = `reset ${random(1e9)}`;
      await connection.send(mark);
      await connection.recv({ match: (answer) => answer === mark });
    },
    validate: () => {
      const kind = isHostile ? random(8) : 7;
      if (kind === 0) throw new Error("validate failed");
      if (kind === 1) return "yes" as never;
      return kind === 2 ? never() : kind > 3;
    },
  };
}

const failing = (): string => {
  throw new Error("There is no URL.");
};

it("a pool keeps its limit and the order of its calls, crosses no answers, and leaves nothing open", async () => {
  const runs = cases(100);
  let grantedCount = 0;
  for (let seed = 1; seed <= runs; seed++) {
    const random = randomOf(seed);
    let most = 0;
    const server: ScriptedServer = new ScriptedServer({
      onConnection: (connection) => {
        most = Math.max(most, server.connections.length);
        return serve(connection, random);
      },
    });
    const runtime = new VirtualRuntime({ server, seed });
    const max = 1 + random(4);
    const endpoints = ["ws://a.test/", failing, "ws://b.test/"];
    const pool = createPool<string, string>({
      ...{ runtime, max, min: random(max + 1), heartbeat: false, closeTimeout: 500, connectTimeout: 400 },
      ...(random(2) === 0 ? { url: "ws://a.test/" } : { endpoints }),
      ...{ idleTimeout: 50 + random(1_000), maxAge: random(2) === 0 ? undefined : 500 + random(1_000) },
      ...{ acquireTimeout: 3_000, hookTimeout: 200 },
      ...(random(3) > 0 && hooksOf(random, seed % 2 === 0)),
    });
    pool.on("error", () => undefined);
    const crossed: string[] = [];
    pool.on("message", ({ data }) => {
      if (!data.startsWith("shared")) crossed.push(data);
    });
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => void runtime.setTimer(ms, resolve));
    const [asked, granted]: [number[], number[]] = [[], []];
    let [calls, settled] = [0, 0];
    const lease = async (call: number, signal: AbortSignal | undefined): Promise<void> => {
      asked.push(call);
      const leased = await pool.acquire({ signal });
      granted.push(call);
      const secret = `secret ${call}:`;
      try {
        for (let left = random(4); left > 0; left--) {
          await leased.send(`${secret} ${left}`);
          const answer = random(3) > 0 ? await leased.recv({ timeout: 100 }) : secret;
          if (!answer.startsWith(secret)) crossed.push(`${answer} in ${call}`);
        }
        if (random(3) === 0) await sleep(random(300));
      } finally {
        if (random(4) === 0) await leased.discard();
        else await leased.release();
      }
    };
    const one = async (): Promise<void> => {
      const call = ++calls;
      const abort = random(6) === 0 ? new AbortController() : undefined;
      if (abort !== undefined) runtime.setTimer(random(300), () => abort.abort());
      try {
        if (random(4) === 0) await pool.send(`shared ${call}`, { signal: abort?.signal });
        else await lease(call, abort?.signal);
      } catch {
        // The call was aborted, its connection has ended, or the pool is closed.
      }
      settled++;
    };
    const task = async (): Promise<void> => {
      for (let left = 15; left > 0; left--) {
        await one();
        if (random(2) === 0) await sleep(random(100));
      }
    };
    const tasks = Promise.all(Array.from({ length: 12 }, task));
    if (random(3) === 0) runtime.setTimer(random(3_000), () => void pool.close({ timeout: random(1_000) }));
    for (let step = 0; step < 400 && settled < 180; step++) await runtime.advanceAsync(500);
    expect([seed, settled, crossed]).toEqual([seed, 180, []]);
    // The last wait of each task ends.
    await runtime.advanceAsync(1_000);
    await tasks;
    grantedCount += granted.length;
    expect(most).toBeLessThanOrEqual(max);
    expect(granted).toEqual(asked.filter((call) => granted.includes(call)));
    const closed = pool.close({ timeout: 1_000 });
    await runtime.advanceAsync(20_000);
    await closed;
    const { connections, waiting, leased } = pool.stats();
    expect([server.connections.length, connections, waiting, leased, runtime.isHeld]).toEqual([
      ...[0, 0, 0, 0, false],
    ]);
    await server.close();
  }
  // Most runs do not close early, and most calls of acquire() succeed then.
  expect(grantedCount).toBeGreaterThan(runs * 40);
}, 600_000);
