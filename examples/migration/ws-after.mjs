// A client with `jetsocket/ws`. It sends a text and bytes, waits for a pong, and reads the status of a refusal.
import { once } from "node:events";
import WebSocket from "jetsocket/ws";

const server = process.env["PLAYGROUND"] ?? "ws://127.0.0.1:8080";

const ws = new WebSocket(server, {
  headers: { Authorization: "Bearer token" },
  handshakeTimeout: 5_000,
  maxPayload: 1024 * 1024,
});
ws.on("error", console.error);
ws.on("open", () => {
  ws.send(JSON.stringify({ price: 42 }));
  ws.send(Buffer.from([1, 2, 3]), (error) => console.log("sent", !error));
});
ws.on("message", (data, isBinary) => {
  console.log("received", isBinary ? data : JSON.parse(data.toString()));
  if (isBinary) ws.ping();
});
ws.on("pong", () => ws.close(1000, "done"));
ws.on("close", (code) => console.log("closed", code));
await once(ws, "close");

const refused = new WebSocket(`${server}/refuse?status=401`);
refused.on("unexpected-response", (_request, response) => {
  console.log("refused", response.statusCode);
  refused.terminate();
});
await once(refused, "error"); // terminate() ends the attempt with an error
