// How every class with the interface of browsers is used.

/**
 * Wraps a client with the browser interface, which has no call that drops the connection.
 *
 * @param {WebSocket} ws
 * @param {import("./index.mjs").Settings} settings
 * @param {BinaryType | "nodebuffer"} [binaryType] - Default: the type that every such class has, apart from a Blob.
 * @returns {Promise<import("./index.mjs").Connection>}
 */
export function connectWhatwg(ws, { isParsed, onMessage }, binaryType = "arraybuffer") {
  ws.binaryType = binaryType;
  ws.addEventListener(
    "message",
    isParsed ? ({ data }) => onMessage(JSON.parse(data)) : ({ data }) => onMessage(data),
  );
  return new Promise((resolve, reject) => {
    ws.addEventListener("error", (event) => reject(event.error ?? new Error("the connection has failed")));
    ws.addEventListener("open", () => {
      resolve({ send: (data) => ws.send(data), disconnect: () => ws.close() });
    });
  });
}
