// `jetsocket/protocol` without the client: the five steps, over a socket of one's own.
import { randomFillSync } from "node:crypto";
import { connect } from "node:net";
import { ClientHandshake, deflateOffer, parseUri, ProtocolConnection, Resources } from "jetsocket/protocol";
import { serve } from "./embedded-server.mjs";

const server = await serve({
  onConnection: (peer) => (peer.onMessage = (data) => peer.send(`You said: ${data}`)),
});

// 1. What all connections share, and the opening handshake.
const resources = new Resources({ fillRandom: randomFillSync });
const uri = parseUri(server.url);
const handshake = new ClientHandshake({ uri, fillRandom: randomFillSync, offers: [deflateOffer({})] });

// 2. Its request goes out; what comes is the answer's until there is a result.
const socket = connect({ host: uri.host, port: uri.port });
socket.write(handshake.request);
/** @type {ProtocolConnection | undefined} */
let connection;

socket.on("data", (bytes) => {
  if (connection === undefined) open(bytes);
  else connection.receive(bytes);
  write();
});

// 3. The connection takes over, with the bytes behind the head.
/** @param {Buffer} bytes */
function open(bytes) {
  const result = handshake.receive(bytes);
  if (result === undefined) return;
  if (result.kind === "rejected") throw result.error;
  const { extension, extensions, consumed } = result;
  console.log(`Open with ${extensions}`);
  connection = new ProtocolConnection({ role: "client", handler, resources, extension });
  connection.text("hello, and hello, and hello again");
  connection.receive(bytes, consumed);
}

/** @type {import("jetsocket/protocol").ProtocolHandler} */
const handler = {
  onMessage: (data) => {
    console.log(data);
    connection?.close(1000, "done");
  },
  onPing: () => {},
  onPong: () => {},
  onClose: (code) => console.log(`Closed with ${code}`),
  onFailure: (error) => console.error(error.message),
  onEnd: () => socket.end(),
};

// 4. After each call that may have something to say, it is written.
function write() {
  for (let bytes = connection?.take(); bytes !== undefined; bytes = connection?.take()) {
    const piece = bytes;
    // ...
  }
}
