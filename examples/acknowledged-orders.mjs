// Orders that arrive even if the connection breaks. Orders that are sent without a connection wait in the outbox, and
// each order is sent again until the server acknowledges it. This is "at least once": the server must recognise
// duplicate orders by their id.
import { WebSocket } from "jetsocket";
import { serve } from "./embedded-server.mjs";

/** @typedef {{ id: number, item: string }} Order */
/** @typedef {{ acknowledged: number }} Acknowledgement */

/** @type {Map<number, string>} */
const orders = new Map();
let doubles = 0;
let connections = 0;

const server = await serve({
  onConnection: (peer) => {
    const number = ++connections;
    peer.onMessage = (data) => {
      /** @type {Order} */
      const { id, item } = JSON.parse(String(data));
      if (orders.has(id)) doubles++;
      orders.set(id, item);
      // On the first connection only order 1 is acknowledged. The connection breaks when order 3 arrives.
      if (number > 1 || id === 1) peer.send(JSON.stringify({ acknowledged: id }));
      else if (id === 3) peer.reset();
    };
  },
});

/** @type {WebSocket<Acknowledgement, Order>} */
const ws = new WebSocket(server.url, {
  backoff: { base: 200 },
  outbox: {
    capacity: 100,
    idOf: ({ id }) => id,
    acknowledges: ({ acknowledged }) => acknowledged,
  },
});
ws.on("reconnecting", ({ report }) => console.log(`The link broke: ${report.verdict}`));

await ws.send({ id: 1, item: "tea" }); // there is no connection yet
await ws.connect();
await ws.recv(); // its acknowledgement
await ws.send({ id: 2, item: "milk" });
await ws.send({ id: 3, item: "sugar" });
await new Promise((resolve) => ws.once("reconnecting", resolve));
await ws.send({ id: 4, item: "honey" });
console.log(`${ws.state}, with ${ws.stats().outboxMessages} orders in the outbox`);

for await (const { acknowledged } of ws) {
  console.log(`Order ${acknowledged} is acknowledged`);
  if (acknowledged === 4) break;
}
console.log(`The server has ${[...orders.values()].join(", ")}, and saw ${doubles} of them twice`);
console.log(`${ws.stats().outboxMessages} orders in the outbox`);
await ws.close();
server.close();
