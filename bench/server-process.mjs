// A server that costs nothing to speak of: the handshake by hand, then bytes made beforehand. argv: the scenario's name.
import { createHash } from "node:crypto";
import { createServer } from "node:net";
import { prepareChunk } from "./frames.mjs";
import { scenarioNamed } from "./scenarios.mjs";

const scenario = scenarioNamed(process.argv[2]);
const chunk = prepareChunk(scenario.payload);
const handshakeGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const kinds = { receive: sendAll };

const server = createServer({ noDelay: true }, (socket) => {
  let head = "";
  // The client drops the connection when it has measured.
  socket.on("error", () => {});
  socket.on("data", function onHead(bytes) {
    head += bytes.toString("latin1");
    if (!head.includes("\r\n\r\n")) return;
    socket.off("data", onHead).resume();
    socket.write(answerTo(head));
    kinds[scenario.kind](socket);
  });
});

function answerTo(head) {
  const [, key] = /^sec-websocket-key: *(\S+)/im.exec(head);
  const accept = createHash("sha1")
    .update(key + handshakeGuid)
    .digest("base64");
  const upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  return `${upgrade}Sec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

function sendAll(socket) {
  let left = scenario.warmUp + scenario.messages;
  const write = () => {
    while (left > 0 && !socket.destroyed) {
      const frames = Math.min(left, chunk.frames);
      left -= frames;
      if (!socket.write(chunk.bytes.subarray(0, frames * chunk.frameSize))) return;
    }
  };
  socket.on("drain", write);
  write();
}

server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.resume().on("end", () => process.exit());
