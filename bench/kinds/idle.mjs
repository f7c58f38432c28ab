// Measures the memory of idle connections.
import { setTimeout as sleep } from "node:timers/promises";
import { messagesOf } from "../payloads.mjs";
import { settingsFor } from "./settings.mjs";

const atOnce = 50;
/** Connections opened before the first measurement of memory, so that one-time allocations are not counted. */
const before = 100;

/**
 * Opens connections, leaves them idle for two heartbeats, and measures the memory of the process.
 *
 * @param {import("../clients/index.mjs").Client} client
 * @param {import("../scenarios/index.mjs").Scenario} scenario
 * @param {import("../client-process.mjs").Server} server
 */
export async function measure(client, scenario, server) {
  const message = messagesOf(scenario.payload)[0].toString();
  const kept = [];
  await open(before);
  await sleep(scenario.idleMilliseconds);
  const memory = usedMemory();
  await open(scenario.connections);
  await sleep(scenario.idleMilliseconds);
  const { rss, held } = usedMemory();
  const kibibytes = scenario.connections * 1024;
  return { cost: (rss - memory.rss) / kibibytes, more: (held - memory.held) / kibibytes };

  async function open(count) {
    for (let left = count; left > 0; left -= atOnce) {
      kept.push(...(await Promise.all(Array.from({ length: Math.min(left, atOnce) }, openOne))));
    }
  }

  async function openOne() {
    let answer;
    // Resolves without a value, so that the promise does not retain the answer.
    const answered = new Promise((resolve) => (answer = () => resolve()));
    const connection = await client.connect(
      server,
      settingsFor(scenario, { onMessage: answer, onBytes: answer }),
    );
    if (scenario.compression !== undefined) {
      connection.send(message);
      await answered;
    }
    return connection;
  }
}

/** Returns the memory after a garbage collection: the RSS, and the bytes that V8 and Node report as used. */
function usedMemory() {
  for (let times = 0; times < 4; times++) globalThis.gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, held: heapUsed + external };
}
