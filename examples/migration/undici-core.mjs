// A client with the class of `jetsocket`. It sends a text and bytes, and reads how three connections end.
import { WebSocket } from "jetsocket";

const server = process.env["PLAYGROUND"] ?? "ws://127.0.0.1:8080";

/** @type {WebSocket<string | Buffer>} */
const ws = new WebSocket(server);
await ws.connect();
await ws.send("hello");
await ws.send(new Uint8Array([1, 2, 3]));
console.log(await ws.recv());
console.log(Uint8Array.from(/** @type {Buffer} */ (await ws.recv())));
await ws.close(1000, "done");
print(ws.lastReport);

for (const path of ["/close?code=4000&reason=enough", "/drop"]) {
  const other = new WebSocket(server + path, { reconnect: false });
  await other.run().catch(({ report }) => print(report));
}

/** @param {import("jetsocket").CloseReport | undefined} report */
function print(report) {
  const { codeReceived = 1006, reasonReceived = "", wasClean } = report ?? { wasClean: false };
  console.log("closed", codeReceived, JSON.stringify(reasonReceived), wasClean);
}
