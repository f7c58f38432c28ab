import { afterEach, expect, it } from "vitest";
import { ScriptedServer, VirtualRuntime } from "../../src/testing/index.js";
import { PlainClient } from "./worlds.js";

let server: ScriptedServer | undefined;

afterEach(() => server?.close());

/** One message a second in each direction for half an hour, over connections that are broken every few minutes. */
async function run(seed: number): Promise<string[]> {
  const trace: string[] = [];
  const scripted = new ScriptedServer({
    onConnection: async (connection, n) => {
      connection.accept();
      connection.resetAfterSending(2_000 + (n % 7));
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
        `${runtime.now()}: ${client.told.length} messages, ${String(client.told.at(-1))}, ${client.error?.message}`,
      );
      client = new PlainClient(runtime, url, {});
    } else client.send(`${++sent} ${Math.floor(runtime.random() * 1_000)}`);
    runtime.setTimer(1_000, tick);
  };
  tick();
  await runtime.advanceAsync(1_800_000);
  expect(runtime.peers.length).toBe(1);
  expect(runtime.peers[0]!.received.length).toBe(0);
  client.transport.destroy();
  await runtime.advanceAsync(0);
  expect([runtime.peers, scripted.connections]).toEqual([[], []]);
  return trace;
}

it("runs half an hour and many connections, the same from the same seed, and keeps nothing of them", async () => {
  const first = await run(1);
  expect(first.length).toBeGreaterThan(5);
  expect(await run(1)).toEqual(first);
  expect(await run(2)).not.toEqual(first);
});

it("advances far in one call, and finds what feeds itself without a step of time", () => {
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
  expect(() => runtime.advance(1)).toThrow("Not at rest");
});
