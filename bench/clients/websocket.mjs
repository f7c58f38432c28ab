// The client of the package `websocket`.
import websocket from "websocket";

/** @type {import("./index.mjs").Client["connect"]} */
export function connect({ url, ca }, { isBinary, isParsed, onMessage }) {
  const client = new websocket.client(ca === undefined ? {} : { tlsOptions: { ca } });
  return new Promise((resolve, reject) => {
    client.on("connectFailed", reject);
    client.on("connect", (connection) => {
      if (isBinary) connection.on("message", ({ binaryData }) => onMessage(binaryData));
      else if (isParsed) connection.on("message", ({ utf8Data }) => onMessage(JSON.parse(utf8Data)));
      else connection.on("message", ({ utf8Data }) => onMessage(utf8Data));
      resolve({
        send: (data) => connection.send(data),
        disconnect: () => connection.drop(),
      });
    });
    client.connect(url);
  });
}
