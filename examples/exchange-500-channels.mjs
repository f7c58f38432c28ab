// 500 channels of an exchange over one connection. The exchange permits 20 names per message, and breaks the connection
// once. Each channel is subscribed again, and `replay` requests the trades that were missed.
import { WebSocket } from "jetsocket";
import { channels } from "jetsocket/channels";
import { serve } from "./embedded-server.mjs";

/** @typedef {{ op: string, names?: readonly string[], after?: Record<string, { sequence: number | string }> }} Request */
/** @typedef {{ subscribed?: readonly string[], channel?: string, number?: number }} Message */

/** Counts the subscribe messages of each connection. @type {{ count: number }[]} */
const requests = [];
const server = await serve({
  onConnection: (peer) => {
    const request = { count: 0 };
    const isFirst = requests.push(request) === 1;
    const send = (/** @type {Message} */ message) => peer.send(JSON.stringify(message));
    peer.onMessage = (data) => {
      /** @type {Request} */
      const { op, names = [], after = {} } = JSON.parse(String(data));
      if (op === "break") peer.reset();
      // The trades 2 and 3 of each channel happen while there is no connection.
      for (const channel of Object.keys(after)) for (const number of [2, 3]) send({ channel, number });
      if (op !== "subscribe") return;
      request.count++;
      send({ subscribed: names });
      for (const channel of names) send({ channel, number: isFirst ? 1 : 4 });
    };
  },
});

/** @type {import("jetsocket/channels").Feed<Message, Request>} */
const feed = channels({
  channelOf: ({ channel }) => channel,
  subscribe: (names) => ({ op: "subscribe", names }),
  unsubscribe: (names) => ({ op: "unsubscribe", names }),
  isAck: ({ subscribed }) => subscribed,
  batch: 20,
});
/** @type {WebSocket<Message, Request>} */
const ws = new WebSocket(server.url, {
  backoff: { base: 50, floor: 50 },
  onConnection: feed.onConnection,
  replay: {
    sequence: ({ number }) => number,
    streamOf: ({ channel }) => channel,
    onReplay: (after, connection) => connection.send({ op: "repeat", after }),
  },
});
feed.attach(ws);
ws.once("disconnected", ({ report }) => console.log(`Lost: ${report.verdict}`));
void ws.connect();

let started = 0;
/** @param {import("jetsocket/channels").Channel<Message>} channel */
async function read(channel) {
  const numbers = [];
  for await (const { number } of channel) {
    if (number === 1 && ++started === 500) await ws.send({ op: "break" });
    if (numbers.push(number) === 4) break;
  }
  return numbers.join();
}

const all = Array.from({ length: 500 }, (_, index) => feed.open(`trades.${index}`));
const trades = await Promise.all(all.map(read));
const { channelCount, readyCount } = feed.stats();
console.log(`${readyCount} of ${channelCount} channels are accepted on connection ${requests.length}`);
console.log(`Subscribe messages of each connection: ${requests.map(({ count }) => count).join(" and ")}`);
console.log(
  `Channels with the trades 1, 2, 3, 4: ${trades.filter((numbers) => numbers === "1,2,3,4").length}`,
);
await feed.close();
await ws.close();
await server.close();
