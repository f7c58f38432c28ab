// Measures opening connections.
import { settingsFor } from "./settings.mjs";
import { Stretch } from "../stretch.mjs";

/** Number of connections that are opened concurrently. */
const lanes = 16;

/**
 * Repeatedly opens a connection and drops it.
 *
 * @param {import("../clients/index.mjs").Client} client
 * @param {import("../scenarios/index.mjs").Scenario} scenario
 * @param {import("../client-process.mjs").Server} server
 */
export async function measure(client, scenario, server) {
  const stretch = new Stretch(lanes, scenario);
  const nothing = () => {};
  const settings = settingsFor(scenario, { onMessage: nothing, onBytes: nothing });
  const lane = async () => {
    while (!stretch.isOver) {
      const connection = await client.connect(server, settings);
      connection.disconnect();
      stretch.add(1);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const result = await stretch.finished;
  const seconds = (result.to - result.from) / 1000;
  return { ...result, more: result.messages / seconds };
}
