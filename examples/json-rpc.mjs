// JSON-RPC 2.0 over WebSocket: answers in any order, a timeout and its late answer, and a call that is sent again after
// the connection was lost.
import { TimeoutError, WebSocket } from "jetsocket";
import { RequestError, requests } from "jetsocket/channels";
import { serve } from "./embedded-server.mjs";

/** @typedef {{ jsonrpc: "2.0", id: number, method: string, params: readonly number[] }} Call */
/** @typedef {{ jsonrpc: "2.0", id: number, result?: number, error?: { code: number, message: string } }} Answer */

let connections = 0;
const server = await serve({
  onConnection: (peer) => {
    const connection = ++connections;
    peer.onMessage = (data) => {
      /** @type {Call} */
      const { id, method, params } = JSON.parse(String(data));
      const answer = () => {
        const sum = params.reduce((one, other) => one + other, 0);
        const error = { code: -32601, message: `there is no method ${method}` };
        peer.send(
          JSON.stringify({ jsonrpc: "2.0", id, ...(method.endsWith("sum") ? { result: sum } : { error }) }),
        );
      };
      if (method === "break.sum" && connection === 1) peer.reset();
      else setTimeout(answer, method === "slow.sum" ? 300 : 0);
    };
  },
});

// The id of a message is its property `id` by default.
/** @type {import("jetsocket/channels").Requester<Answer, Call>} */
const rpc = requests();
/** @type {WebSocket<Answer, Call>} */
const ws = new WebSocket(server.url, { backoff: { base: 50, floor: 50 }, onConnection: rpc.onConnection });
rpc.attach(ws);
await ws.connect();

/** @param {string} method @param {readonly number[]} params @param {{ timeout?: number, retry?: boolean }} [options] */
async function call(method, params, options) {
  const { result, error } = await rpc.request({ jsonrpc: "2.0", id: rpc.nextId(), method, params }, options);
  if (error !== undefined) throw new Error(`${error.message} (${error.code})`);
  return result;
}

console.log(
  "Sums:",
  ...(await Promise.all([call("sum", [1, 2]), call("slow.sum", [3, 4]), call("sum", [5, 6])])),
);
await call("multiply", [2, 3]).catch((error) => console.log(`Refused: ${error.message}`));

const late = new Promise((resolve) => rpc.once("unrouted", resolve));
await call("slow.sum", [7, 8], { timeout: 50 }).catch((error) =>
  console.log("Timeout:", error instanceof TimeoutError),
);
console.log("Reported:", await late);

const lost = call("break.sum", [9, 10]);
const sentAgain = call("sum", [11, 12], { retry: true });
await lost.catch((error) => console.log("Lost:", error instanceof RequestError && error.report?.verdict));
console.log("Sent again:", await sentAgain, "on connection", connections);
await ws.close();
await server.close();
