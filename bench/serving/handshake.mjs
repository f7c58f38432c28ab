// The opening handshake of the benchmark's servers. It does not validate the request.
import { createHash } from "node:crypto";

const handshakeGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const extensions = {
  context: "permessage-deflate",
  "without-context": "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
};

/**
 * Answers the opening handshake and then calls `serve`. It negotiates only the compression that the scenario requires.
 *
 * @param {import("node:stream").Duplex} socket
 * @param {"context" | "without-context" | undefined} compression
 * @param {(socket: import("node:stream").Duplex) => void} serve
 */
export function answerHandshake(socket, compression, serve) {
  let head = "";
  // The client drops the connection after the measurement, which may cause an error here.
  socket.on("error", () => {});
  socket.on("data", function onHead(bytes) {
    head += bytes.toString("latin1");
    if (!head.includes("\r\n\r\n")) return;
    socket.off("data", onHead);
    socket.write(answerTo(head, compression));
    serve(socket);
  });
}

function answerTo(head, compression) {
  const [, key] = /^sec-websocket-key: *(\S+)/im.exec(head);
  const accept = createHash("sha1")
    .update(key + handshakeGuid)
    .digest("base64");
  const lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
  lines.push(`Sec-WebSocket-Accept: ${accept}`);
  if (compression !== undefined) lines.push(`Sec-WebSocket-Extensions: ${extensions[compression]}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}
