// A consumer that is slower than the server: reading pauses, memory stays bounded, and nothing is lost.
import { setImmediate as turn } from "node:timers/promises";
import { connect } from "jetsocket";
import { serve } from "./embedded-server.mjs";

const messages = 40_000;
const payload = "x".repeat(1_000);

const server = await serve({
  onConnection: (peer) => {
    let sent = 0;
    // The server sends as fast as the client reads.
    const sendSome = () => {
      for (let burst = 0; burst < 500 && sent < messages; burst++) {
        peer.send(JSON.stringify({ number: ++sent, payload }));
      }
      if (sent === messages) peer.close(1000, "that was all");
    };
    peer.onDrain = sendSome;
    sendSome();
  },
});

/** @type {import("jetsocket").WebSocket<{ number: number }>} */
const ws = await connect(server.url, { buffer: 1_000, compress: false, reconnect: false });
const counts = { paused: 0, resumed: 0 };
ws.on("paused", () => counts.paused++);
ws.on("resumed", () => counts.resumed++);

let expected = 1;
let most = 0;
for await (const { number } of ws) {
  if (number !== expected++) throw new Error(`${number} came in the place of ${expected - 1}`);
  most = Math.max(most, ws.stats().messagesWaiting);
  // Simulates slow work: the loop waits for one turn of the event loop after every hundred messages.
  if (number % 100 === 0) await turn();
}

const { messagesReceived, messagesDropped, bytesReceived } = ws.stats();
console.log(`${messagesReceived} messages, ${(bytesReceived / 1024 ** 2).toFixed(1)} MiB`);
console.log(`${messagesDropped} dropped`);
console.log(`${most} waited at the most`);
console.log(`Reading paused ${counts.paused} times, and went on ${counts.resumed} times`);
console.log(`The end: ${ws.lastReport?.verdict} (${ws.lastReport?.reason})`);
server.close();
