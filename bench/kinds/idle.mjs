import { setTimeout as sleep } from "node:timers/promises";
import { messagesOf } from "../payloads.mjs";
import { settingsFor } from "./settings.mjs";

const atOnce = 50;
/** Connections that are there before the first look at the memory, so that what is made once is made. */
const before = 100;

/**
 * Opens connections, lets them idle for two heartbeats, and looks at the memory of the process.
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
    // The promise does not keep what was answered.
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

/** After collection: of the whole process, and what V8 and Node know to be held. */
function usedMemory() {
  for (let times = 0; times < 4; times++) globalThis.gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, held: heapUsed + external };
}
