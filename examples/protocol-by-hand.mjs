// `jetsocket/protocol` without the client: a connection in five steps, over your own socket.
import { randomFillSync } from "node:crypto";
import { connect } from "node:net";
import { ClientHandshake, deflateOffer, parseUri, ProtocolConnection, Resources } from "jetsocket/protocol";
import { serve } from "./embedded-server.mjs";

const server = await serve({
  onConnection: (peer) => (peer.onMessage = (data) => peer.send(`You said: ${data}`)),
});

// 1. Create the resources that all connections of a process share, and the opening handshake.
const resources = new Resources({ fillRandom: randomFillSync });
const uri = parseUri(server.url);
const handshake = new ClientHandshake({ uri, fillRandom: randomFillSync, offers: [deflateOffer({})] });

// 2. Write the request, and pass received bytes to the handshake until it returns a result.
const socket = connect({ host: uri.host, port: uri.port });
socket.write(handshake.request);
/** @type {ProtocolConnection | undefined} */
let connection;

// 3. Create the connection, and pass it the bytes after the response head.
/** @param {Buffer} bytes */
function open(bytes) {
  const result = handshake.receive(bytes);
  if (result === undefined) return;
  if (result.kind === "rejected") throw result.error;
  const { extension, consumed } = result;
  connection = new ProtocolConnection({ role: "client", resources, extension, handler });
  connection.text("hello, and hello, and hello again", { compress: true });
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
  onEnd: () => console.log("The stream has ended"),
};

// 4. Pass received bytes to the connection, write its output, and call `written` when the socket has finished with it.
socket.on("data", (bytes) => {
  if (connection === undefined) open(bytes);
  else connection.receive(bytes);
  write();
});

function write() {
  const bytes = connection?.take();
  if (bytes === undefined) return;
  socket.write(bytes, () => {
    connection?.written();
    write();
  });
}

// 5. Report the end of the stream, and of the socket.
socket.on("end", () => connection?.receiveEnd());
socket.on("close", () => {
  connection?.abandon();
  server.close();
});
