// Subscriptions that are never lost: one that is added while onConnection awaits an answer, one that is added on an
// open connection, and all of them after a loss. The server triggers one more subscription at the most difficult
// moment.
import { WebSocket } from "jetsocket";
import { serve } from "./embedded-server.mjs";

/** @typedef {{ subscribe: string }} Request */
/** @typedef {{ subscribed: string }} Reply */

let connections = 0;
const server = await serve({
  onConnection: (peer) => {
    const number = ++connections;
    peer.onMessage = (data) => {
      /** @type {Request} */
      const { subscribe: channel } = JSON.parse(String(data));
      console.log(`Connection ${number} is asked for ${channel}`);
      // While onConnection awaits the answer to "trades", another part of the program subscribes to "quotes".
      if (channel === "trades") subscribe("quotes");
      peer.send(JSON.stringify({ subscribed: channel }));
      if (number === 1 && channel === "news") peer.reset();
    };
  },
});

/**
 * All wanted channels, independent of any connection.
 * @type {Set<string>}
 */
const wanted = new Set();
/** Channels that were requested on the current connection. */
let asked = new Set();
/** Channels that were requested on the newest connection. The events below make it the current one. */
let prepared = new Set();

/** @type {WebSocket<Reply, Request>} */
const ws = new WebSocket(server.url, {
  backoff: { base: 50, floor: 50 },
  onConnection: async (connection) => {
    const own = new Set();
    prepared = own;
    // A loop over a Set also visits elements that are added while its body awaits.
    for (const channel of wanted) {
      own.add(channel);
      await connection.send({ subscribe: channel });
      await connection.recv({ match: ({ subscribed }) => subscribed === channel, timeout: 2_000 });
    }
  },
});

/** Requests missing channels. Without a connection it does nothing, because onConnection requests all channels. */
function catchUp() {
  if (ws.state !== "connected") return;
  for (const channel of wanted) {
    if (asked.has(channel)) continue;
    asked.add(channel);
    void ws.send({ subscribe: channel });
  }
}

/** Makes the newest connection the current one. Requests channels that were added after the loop of onConnection. */
function adopt() {
  asked = prepared;
  catchUp();
}
ws.on("connected", adopt).on("reconnected", adopt).on("rotated", adopt);

/** @param {string} channel */
function subscribe(channel) {
  wanted.add(channel);
  catchUp();
}

subscribe("trades"); // there is no connection yet
await ws.connect();
subscribe("news"); // the connection is open
await new Promise((resolve) => ws.once("reconnected", resolve));
console.log(`Back after ${ws.lastReport?.verdict}, with ${[...asked].join(", ")}`);
await ws.close();
server.close();
