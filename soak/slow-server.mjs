/** A process with a `ws` server that sends as fast as the client reads, or at a fixed rate. */
import { randomBytes } from "node:crypto";
import { WebSocketServer } from "ws";

/** Limit of buffered bytes in the socket. */
const mostBuffered = 2 * 1024 * 1024;
/** The server counts as blocked after this time without progress. */
const blockedAfterMs = 50;

/** @type {import("ws").WebSocket | undefined} */
let client;
let taken = 0;
let blockedMs = 0;
let received = 0;

function start({ size, kind, total, perSecond }) {
  const isCompressed = kind === "compressed";
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: isCompressed });
  server.on("listening", () =>
    process.send?.({ type: "listening", port: /** @type {any} */ (server.address()).port }),
  );
  server.on("connection", (ws) => {
    client = ws;
    ws.on("message", () => received++);
    ws.on("error", () => {});
    offer(ws, makeMaker(size, kind), { size, total, perSecond });
  });
}

function offer(ws, make, { size, total = Infinity, perSecond = Infinity }) {
  let number = 0;
  let lastProgress = performance.now();
  const began = lastProgress;
  const push = () => {
    if (ws.readyState !== ws.OPEN) return;
    const most = Math.min(
      total / size,
      perSecond === Infinity ? Infinity : (perSecond * (performance.now() - began)) / 1_000,
    );
    for (let count = 0; number < most && ws.bufferedAmount < mostBuffered && count < 500; count++) {
      ws.send(make(++number), onWritten);
    }
  };
  const onWritten = () => {
    taken += size;
    const now = performance.now();
    if (now - lastProgress > blockedAfterMs) blockedMs += now - lastProgress;
    lastProgress = now;
  };
  setInterval(push, 2);
  // Also counts a block that still lasts.
  setInterval(() => {
    const now = performance.now();
    if (ws.bufferedAmount > 0 && now - lastProgress > 1_000) {
      blockedMs += now - lastProgress;
      lastProgress = now;
    }
  }, 250);
}

/** Returns a function that makes messages of about `size` bytes that start with their number. */
function makeMaker(size, kind) {
  if (kind === "binary") {
    const body = randomBytes(size);
    return (number) => {
      const message = Buffer.from(body);
      message.writeUInt32BE(number, 0);
      return message;
    };
  }
  // Random text. For the ratio 100:1 a short random text is repeated.
  const isCompressed = kind === "compressed";
  const random = randomBytes(isCompressed ? Math.ceil(size / 260) : size).toString("base64");
  const fill = isCompressed
    ? random.repeat(Math.ceil(size / random.length)).slice(0, size - 24)
    : random.slice(0, size - 24);
  return (number) => `{"seq":${number},"fill":"${fill}"}`;
}

process.on("message", (/** @type {any} */ order) => {
  if (order.do === "start") start(order);
  else if (order.do === "close") client?.close(order.code);
  else process.send?.({ type: "state", taken, blockedMs: Math.round(blockedMs), received });
});
process.on("disconnect", () => process.exit());
