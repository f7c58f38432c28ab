// Counts garbage collections of the young generation while receiving.
import { constants, PerformanceObserver } from "node:perf_hooks";
import { setImmediate as turn } from "node:timers/promises";
import { measure as measureReceive } from "./receive.mjs";

const million = 1_000_000;

/**
 * Receives messages and counts the scavenges of the young generation.
 *
 * @type {typeof measureReceive}
 */
export async function measure(client, scenario, server) {
  const scavenges = [];
  const collect = (list) => {
    for (const entry of list.getEntries()) {
      if (entry.detail.kind === constants.NODE_PERFORMANCE_GC_MINOR) scavenges.push(entry.startTime);
    }
  };
  const observer = new PerformanceObserver(collect);
  observer.observe({ entryTypes: ["gc"] });
  const { messages, from, to } = await measureReceive(client, scenario, server);
  await turn();
  collect({ getEntries: () => observer.takeRecords() });
  const during = scavenges.filter((time) => time >= from && time < to);
  return { cost: (during.length / messages) * million };
}
