import { lookEvery, Stretch } from "../stretch.mjs";
import { messagesOf } from "../payloads.mjs";
import { settingsFor } from "./settings.mjs";

/** What is added up of each message, so that none can come wrong and each has been in the user's hands. */
const measureOf = {
  text: (text) => text.length,
  binary: (bytes) => bytes.byteLength,
  parsed: (value) => value.size,
};

/**
 * The server sends as fast as it can, or one message at a time.
 *
 * @param {import("../clients/index.mjs").Client} client
 * @param {import("../scenarios/index.mjs").Scenario} scenario
 * @param {import("../client-process.mjs").Server} server
 */
export async function measure(client, scenario, server) {
  const { payload, isParsed = false } = scenario;
  const stretch = new Stretch(scenario.isOneAtATime ? 64 : lookEvery(payload.size), scenario);
  const measured = measureOf[isParsed ? "parsed" : payload.type];
  let sum = 0;
  const connection = await client.connect(
    server,
    settingsFor(scenario, {
      onMessage: (data) => {
        sum += measured(data);
        stretch.add(1);
      },
      onBytes: (size) => stretch.add(size / server.bytesPerMessage),
    }),
  );
  const result = await stretch.finished;
  // What came behind the stretch was counted too.
  if (client.isFloor !== true) check(sum, stretch.count, payload, isParsed);
  connection.disconnect();
  return result;
}

function check(sum, count, payload, isParsed) {
  const isOfBytes = isParsed || payload.type === "binary";
  const each = isOfBytes ? payload.size : messagesOf(payload)[0].toString().length;
  if (sum !== each * count)
    throw new Error(`${sum} characters or bytes came in ${count} messages of ${each}`);
}
