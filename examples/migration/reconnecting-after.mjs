// A client with `jetsocket/whatwg`. The server closes the first connection, and a message waits for the second one.
import { once } from "node:events";
import { ReconnectingWebSocket } from "jetsocket/whatwg";

const server = process.env["PLAYGROUND"] ?? "ws://127.0.0.1:8080";

let attempt = 0;
const url = async () => (++attempt === 1 ? `${server}/close?code=1012` : server);
const ws = new ReconnectingWebSocket(url, [], {
  minReconnectionDelay: 10,
  maxReconnectionDelay: 100,
  maxRetries: 5,
  maxEnqueuedMessages: 100,
});
ws.addEventListener("open", () => console.log("open at attempt", attempt));
ws.addEventListener("message", ({ data }) => {
  console.log(data, "with retryCount", ws.retryCount);
  ws.close(1000, "done");
});
ws.addEventListener("close", ({ code }) => {
  console.log("closed", code);
  if (code === 1012) ws.send("sent without a connection");
});
await once(ws, "close"); // the first connection
await once(ws, "close"); // the second connection
