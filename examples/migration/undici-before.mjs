// A client with the class that is built into Node. It sends a text and bytes, and reads how three connections end.
import { once } from "node:events";

const server = process.env["PLAYGROUND"] ?? "ws://127.0.0.1:8080";

const ws = new WebSocket(server);
ws.binaryType = "arraybuffer";
ws.addEventListener("open", () => {
  ws.send("hello");
  ws.send(new Uint8Array([1, 2, 3]));
});
ws.addEventListener("message", ({ data }) => {
  console.log(data instanceof ArrayBuffer ? new Uint8Array(data) : data);
  if (data instanceof ArrayBuffer) ws.close(1000, "done");
});
ws.addEventListener("close", print);
await once(ws, "close");

for (const path of ["/close?code=4000&reason=enough", "/drop"]) {
  const other = new WebSocket(server + path);
  other.onclose = print;
  await once(other, "close");
}

/** @param {{ code: number, reason: string, wasClean: boolean }} event */
function print({ code, reason, wasClean }) {
  console.log("closed", code, JSON.stringify(reason), wasClean);
}
