// A display with the preset `dashboard`: it is suspended while the server sends 5,000 states, and then continues with the
// newest ones.
import { WebSocket } from "jetsocket";
import { dashboard } from "jetsocket/presets";
import { serve } from "./embedded-server.mjs";

/** @typedef {{ state: number, servers: readonly string[] }} State */

const count = 5_000;
const server = await serve({
  onConnection: (peer) => {
    const servers = Array.from({ length: 20 }, (_, index) => `server ${index} is healthy`);
    for (let state = 1; state <= count; state++) peer.send(JSON.stringify({ state, servers }));
  },
});

/** @type {WebSocket<State>} */
const ws = new WebSocket(server.url, {
  // Why these values: `buffer` keeps the newest 200 states and drops older ones, because an old state is worth nothing, and
  // a display that reads slowly must not slow the server down. `compress` makes the repetitive states small. `retryInitial`
  // fills the display as soon as the server is up. `backoff.cap` reconnects within 30 s, at a random time, because all
  // displays lose their connections at once.
  ...dashboard,
});
let dropped = 0;
const allDropped = new Promise((resolve) => {
  ws.on("dropped", () => {
    if (++dropped === count - dashboard.buffer.capacity) resolve(undefined);
  });
});

await ws.connect();
await allDropped; // the display is suspended meanwhile
const { state: first } = await ws.recv();
let last = first;
while (last < count) last = (await ws.recv()).state;
console.log(`The display shows the states ${first} to ${last}`);
const { messagesDropped, compressionRatioReceived = 0 } = ws.stats();
console.log(`${messagesDropped} states were dropped, compressed well: ${compressionRatioReceived > 5}`);
await ws.close();
server.close();
