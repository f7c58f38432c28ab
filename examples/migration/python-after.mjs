// A client with the class of `jetsocket`. It sums the numbers of a feed, and calls a listener for each connection.
import { WebSocket } from "jetsocket";

const server = process.env["PLAYGROUND"] ?? "ws://127.0.0.1:8080";

/** @type {WebSocket<{ number: number }>} */
const ws = new WebSocket(`${server}/burst?count=100`, {
  headers: { Authorization: "Bearer token" },
  heartbeat: { interval: 20_000, timeout: 10_000 },
  backoff: { base: 500, cap: 30_000 },
  buffer: { capacity: 10_000, overflow: "dropOldest" },
});
ws.on("connected", () => console.log("connected"));

await ws.connect();
let sum = 0;
for await (const { number } of ws) {
  sum += number;
  if (number === 100) break;
}
console.log("sum", sum, "of", ws.stats().messagesReceived, "messages");
await ws.close();
console.log("state", ws.state);
