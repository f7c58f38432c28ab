// A client with the class of `jetsocket`. The server closes the first connection, and a message waits for the second one.
import { WebSocket } from "jetsocket";

const server = process.env["PLAYGROUND"] ?? "ws://127.0.0.1:8080";

let attempt = 0;
const url = async () => (++attempt === 1 ? `${server}/close?code=1012` : server);
const ws = new WebSocket(url, {
  backoff: { base: 10, cap: 100, maxAttempts: 6 },
  outbox: 100,
});
ws.on("connected", () => console.log("open at attempt", attempt));
ws.on("reconnected", () => console.log("open at attempt", attempt));
ws.on("disconnected", ({ report }) => {
  console.log("closed", report.codeReceived);
  if (report.verdict === "server-restart") void ws.send("sent without a connection");
});
await ws.connect();
console.log(await ws.recv(), "with retryCount", ws.stats().reconnectCount);
await ws.close(1000, "done");
