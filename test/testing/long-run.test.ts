import { afterEach, expect, it } from "vitest";
import { ScriptedServer, VirtualRuntime } from "../../src/testing/index.js";
import { steps } from "../support/cases.js";
import { PlainClient } from "./worlds.js";

let server: ScriptedServer | undefined;

afterEach(() => server?.close());

/**
 * Exchanges one message per second in each direction. The server resets each connection after about a minute.
 */
async function run(seed: number, minutes: number): Promise<string[]> {
  const trace: string[] = [];
  const scripted = new ScriptedServer({
    onConnection: async (connection, n) => {
      connection.accept();
      connection.resetAfterSending(800 + (n % 7));
      for await (const message of connection) connection.send(`${n} ${String(message)}`);
    },
  });
  server = scripted;
  const { url } = scripted;
  const runtime = new VirtualRuntime({ seed, server });
  let client = new PlainClient(runtime, url, {});
  let sent = 0;
  const tick = (): void => {
    if (client.isClosed) {
      trace.push(
        `${runtime.now()}: ${client.received.length} messages, ${String(client.received.at(-1))}, ${client.error?.message}`,
      );
      client = new PlainClient(runtime, url, {});
    } else client.send(`${++sent} ${Math.floor(runtime.random() * 1_000)}`);
    runtime.setTimer(1_000, tick);
  };
  tick();
  await runtime.advanceAsync(minutes * 60_000);
  expect(runtime.peers.length).toBe(1);
  expect(runtime.peers[0]!.received.length).toBe(0);
  client.transport.destroy();
  await runtime.advanceAsync(0);
  expect([runtime.peers, scripted.connections]).toEqual([[], []]);
  return trace;
}

it("produces the same long run from the same seed, and does not keep closed connections", async () => {
  const minutes = steps(30);
  const first = await run(1, minutes);
  expect(first.length).toBeGreaterThan(5);
  expect(await run(1, minutes)).toEqual(first);
  const other = await run(2, 3);
  expect(other.length).toBeGreaterThan(0);
  expect(first.slice(0, other.length)).not.toEqual(other);
});

it("advances over many timers in one call, and throws if callbacks schedule each other without end", () => {
  const runtime = new VirtualRuntime();
  let ticks = 0;
  const tick = (): void => {
    ticks++;
    runtime.setTimer(1, tick);
  };
  tick();
  runtime.advance(120_000);
  expect(ticks).toBe(120_001);
  const again = (): void => runtime.afterTurn(again);
  again();
  expect(() => runtime.advance(1)).toThrow("Not idle after");
});
