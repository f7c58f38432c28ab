// A client with the class of `jetsocket`. It sends JSON and bytes, waits for a pong, and reads the status of a refusal.
import { connect, HandshakeError } from "jetsocket";

const server = process.env["PLAYGROUND"] ?? "ws://127.0.0.1:8080";

const ws = await connect(server, {
  headers: { Authorization: "Bearer token" },
  connectTimeout: 5_000,
  maxMessageSize: 1024 * 1024,
});
await ws.send({ price: 42 });
await ws.send(Buffer.from([1, 2, 3]));
await ws.flush();
console.log("sent", true);
console.log("received", await ws.recv());
console.log("received", await ws.recv());
await ws.ping();
await ws.close(1000, "done");
console.log("closed", ws.lastReport?.codeReceived);

await connect(`${server}/refuse?status=401`).catch((error) => {
  if (!(error instanceof HandshakeError)) throw error;
  console.log("refused", error.statusCode);
});
