// Measures round trips.
import { clientFrame } from "../frames.mjs";
import { messagesOf } from "../payloads.mjs";
import { settingsFor } from "./settings.mjs";
import { Stretch } from "../stretch.mjs";

/**
 * Keeps `underWay` messages in flight; each reply triggers the next message. One message in flight measures a round
 * trip, several a pipeline.
 *
 * @param {import("../clients/index.mjs").Client} client
 * @param {import("../scenarios/index.mjs").Scenario} scenario
 * @param {import("../client-process.mjs").Server} server
 */
export async function measure(client, scenario, server) {
  const { payload, underWay } = scenario;
  const stretch = new Stretch(Math.max(64, underWay), scenario);
  const [message] = messagesOf(payload);
  const isFloor = client.isFloor === true;
  const sending = isFloor ? clientFrame(message, payload.type) : message.toString();
  let bytesLeft = 0;
  const connection = await client.connect(
    server,
    settingsFor(scenario, {
      onMessage: (text) => {
        if (text.length !== sending.length) throw new Error(`${text.length} characters were returned`);
        stretch.add(1);
        if (!stretch.isOver) connection.send(sending);
      },
      onBytes: (size) => {
        bytesLeft += size;
        for (; bytesLeft >= server.bytesPerMessage; bytesLeft -= server.bytesPerMessage) {
          stretch.add(1);
          if (!stretch.isOver) connection.send(sending);
        }
      },
    }),
  );
  for (let count = 0; count < underWay; count++) connection.send(sending);
  const result = await stretch.finished;
  connection.disconnect();
  return result;
}
