// Measures receiving messages.
import { lookEvery, Stretch } from "../stretch.mjs";
import { messagesOf } from "../payloads.mjs";
import { settingsFor } from "./settings.mjs";

/** The value added up per message. It proves that every message was delivered completely to the handler. */
const measureOf = {
  text: (text) => text.length,
  binary: (bytes) => bytes.byteLength,
  parsed: (value) => value.size,
};

/**
 * Receives messages while the server sends as fast as it can, or one message at a time.
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
  // `stretch.count` includes messages that arrived after the measured time.
  if (client.isFloor !== true) check(sum, stretch.count, payload, isParsed);
  connection.disconnect();
  return result;
}

function check(sum, count, payload, isParsed) {
  const isOfBytes = isParsed || payload.type === "binary";
  const each = isOfBytes ? payload.size : messagesOf(payload)[0].toString().length;
  if (sum !== each * count)
    throw new Error(`${sum} characters or bytes were received in ${count} messages of ${each}`);
}
