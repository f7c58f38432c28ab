// Measures sending messages.
import { clientFrame } from "../frames.mjs";
import { messagesOf } from "../payloads.mjs";
import { settingsFor } from "./settings.mjs";
import { Stretch } from "../stretch.mjs";

/**
 * Sends bursts. Each burst waits until the server has confirmed the previous one, so that the queue is bounded. The
 * messages of a burst are sent in one tick, or in one tick each.
 *
 * @param {import("../clients/index.mjs").Client} client
 * @param {import("../scenarios/index.mjs").Scenario} scenario
 * @param {import("../client-process.mjs").Server} server
 */
export async function measure(client, scenario, server) {
  const { burst, isOnePerTick = false, compression } = scenario;
  const stretch = new Stretch(burst, scenario);
  const { sendings, count } = sendingsOf(client, scenario);
  let next = 0;
  let bytes;
  let bytesAtBegin;
  const connection = await client.connect(
    server,
    settingsFor(scenario, {
      onMessage: onAcknowledged,
      onBytes: () => onAcknowledged(),
    }),
  );
  const sendBurst = isOnePerTick ? () => sendSingly(count) : () => sendTogether(count);
  sendBurst();
  const result = await stretch.finished;
  connection.disconnect();
  if (compression === undefined) return result;
  return { ...result, more: (bytes - bytesAtBegin) / result.messages };

  function onAcknowledged(text) {
    bytes = Number(text);
    stretch.add(burst);
    if (stretch.hasBegun) bytesAtBegin ??= bytes;
    if (!stretch.isOver) setImmediate(sendBurst);
  }

  function sendOne() {
    connection.send(sendings[next]);
    if (++next === sendings.length) next = 0;
  }

  function sendTogether(left) {
    for (; left > 0; left--) sendOne();
  }

  function sendSingly(left) {
    sendOne();
    if (left > 1) setImmediate(sendSingly, left - 1);
  }
}

/**
 * Returns the values that are passed to `send` in rotation, and the number of calls per burst. The floor writes frames
 * made in advance, a whole burst in one call.
 */
function sendingsOf(client, { payload, burst, isOnePerTick = false }) {
  const messages = messagesOf(payload);
  if (client.isFloor !== true) {
    const sendings = payload.type === "text" ? messages.map((bytes) => bytes.toString()) : messages;
    return { sendings, count: burst };
  }
  const frame = clientFrame(messages[0], payload.type);
  if (isOnePerTick) return { sendings: [frame], count: burst };
  return { sendings: [Buffer.concat(Array(burst).fill(frame))], count: 1 };
}
