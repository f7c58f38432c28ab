// Subscriptions that are never lost: one that is added while onConnection awaits an answer, one that is added on an open
// connection, and all of them after a loss. The server asks for one more channel at the moment that is easiest to get wrong.
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
      // onConnection awaits the answer to "trades", and another part of the program wants "quotes".
      if (channel === "trades") subscribe("quotes");
      peer.send(JSON.stringify({ subscribed: channel }));
      if (number === 1 && channel === "news") peer.reset();
    };
  },
});

/**
 * What is wanted, whatever becomes of the connection.
 * @type {Set<string>}
 */
const wanted = new Set();
/** What the connection in use was asked for. */
let asked = new Set();
/** What the newest connection was asked for; the events below say when that one is in use. */
let prepared = new Set();

/** @type {WebSocket<Reply, Request>} */
const ws = new WebSocket(server.url, {
  backoff: { base: 50, floor: 50 },
  onConnection: async (connection) => {
    const own = new Set();
    prepared = own;
    // The loop over a Set visits what is added while its body awaits.
    for (const channel of wanted) {
      own.add(channel);
      await connection.send({ subscribe: channel });
      await connection.recv({ match: ({ subscribed }) => subscribed === channel, timeout: 2_000 });
    }
  },
});

/** Asks for what is wanted and was not asked for. Without a connection there is nothing to do: onConnection asks for all. */
function catchUp() {
  if (ws.state !== "connected") return;
  for (const channel of wanted) {
    if (asked.has(channel)) continue;
    asked.add(channel);
    void ws.send({ subscribe: channel });
  }
}

/** A connection is in use. A channel that was added after the loop of onConnection had ended is asked for here. */
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

subscribe("trades"); // nothing is connected yet
await ws.connect();
subscribe("news"); // the connection is open
await new Promise((resolve) => ws.once("reconnected", resolve));
console.log(`Back after ${ws.lastReport?.verdict}, with ${[...asked].join(", ")}`);
await ws.close();
server.close();
