// A market-data feed with the preset `trading` and a schema: every trade has the right type, and a message that does not
// match is reported instead of delivered.
import { ValidationError, WebSocket } from "jetsocket";
import { trading } from "jetsocket/presets";
import { serve } from "./embedded-server.mjs";

/** @typedef {{ symbol: string, price: number }} Trade */

// Each schema of zod, valibot or arktype works as well. This one is written by hand, so that the example needs no library.
/** @type {import("jetsocket").StandardSchema<Trade>} */
const schema = {
  "~standard": {
    version: 1,
    vendor: "example",
    validate: (value) => {
      const { symbol, price } = /** @type {Partial<Trade>} */ (value);
      if (typeof symbol !== "string") return { issues: [{ message: "is no string", path: ["symbol"] }] };
      if (typeof price !== "number") return { issues: [{ message: "is no number", path: ["price"] }] };
      return { value: { symbol, price } };
    },
  },
};

let connections = 0;
const server = await serve({
  onConnection: (peer) => {
    const number = ++connections;
    const messages = [
      { symbol: "ABC", price: number, venue: "X" },
      { symbol: "ABC", price: "n/a" },
      { symbol: "ABC", price: number + 0.5 },
    ];
    for (const message of messages) peer.send(JSON.stringify(message));
    // The exchange restarts. With `backoff.base: 250`, the feed is back within a fraction of a second.
    if (number === 1) peer.close(1012, "restart");
  },
});

const ws = new WebSocket(server.url, {
  // Why these values: `heartbeat` finds a dead connection within 15 s. `compress: false` saves the time of inflating each
  // message. `buffer.overflow: "pause"` never drops a message, because an order book without one of its changes is wrong.
  // `insecureCredentials: "forbid"` keeps the API key off unencrypted connections.
  ...trading,
  schema,
  // With "lenient", bad messages would be dropped and counted, but would be no errors.
  schemaMode: "strict",
});
ws.on("error", ({ error }) => {
  if (!(error instanceof ValidationError)) throw error;
  console.log(`${error.code}: ${error.issues.map(({ path, message }) => `${path} ${message}`)}`);
});
ws.on("reconnecting", ({ report }) => console.log(`Lost: ${report.verdict}`));

await ws.connect();
for await (const { symbol, price } of ws) {
  console.log(`${symbol} ${price.toFixed(2)}`);
  if (price === 2.5) break;
}
console.log(`${ws.stats().messagesDropped} messages were dropped`);
await ws.close();
server.close();
