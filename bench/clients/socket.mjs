// The floor: a socket that counts bytes and writes frames made in advance.
import { openSocket } from "./open-socket.mjs";

export const isFloor = true;
/** Short, because this client has little code to compile. */
export const warmUpMilliseconds = 200;

const buffer = Buffer.allocUnsafeSlow(256 * 1024);

/** @type {import("./index.mjs").Client["connect"]} */
export function connect({ url, ca }, { isCompressed, onBytes }) {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let head = "";
    const socket = openSocket({ host: hostname, port }, ca, buffer, onRead);
    socket.on("error", reject);
    const offer = isCompressed ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "";
    socket.write(
      `GET / HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${offer}` +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    );

    function onRead(size) {
      if (head === undefined) onBytes(size);
      else readHead(buffer.toString("latin1", 0, size));
    }

    function readHead(text) {
      head += text;
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      const rest = head.length - end - 4;
      head = undefined;
      resolve({ send: (frames) => socket.write(frames), disconnect: () => socket.destroy() });
      if (rest > 0) onBytes(rest);
    }
  });
}
