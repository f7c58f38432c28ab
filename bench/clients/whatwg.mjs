/**
 * Wraps a client with the browser interface, which has no call that drops the connection.
 *
 * @param {WebSocket} ws
 * @param {import("./index.mjs").Settings} settings
 * @returns {Promise<import("./index.mjs").Connection>}
 */
export function connectWhatwg(ws, { isParsed, onMessage }) {
  ws.binaryType = "arraybuffer";
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
