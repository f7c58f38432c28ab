// A realtime session, as LLM services offer: a fresh token for each attempt, a message that sets up each new
// connection, and an answer that continues after the connection was lost in the middle of it.
import { WebSocket } from "jetsocket";
import { serve } from "./embedded-server.mjs";

/** @typedef {{ type: "session.created", id: string } | { type: "delta", index: number, text: string } | { type: "done" }} FromServer */
/** @typedef {{ type: "session.update", after: number } | { type: "prompt", text: string }} FromClient */

const answer = ["Nothing ", "is ", "lost ", "between ", "two ", "connections."];
let issued = 0;
let connections = 0;

const server = await serve({
  refuse: ({ headers }) => {
    const token = headers.find(([name]) => name.toLowerCase() === "authorization")?.[1];
    return token === `Bearer token-${issued}`
      ? undefined
      : { statusCode: 401, body: "this token has expired" };
  },
  onConnection: (peer) => {
    const number = ++connections;
    peer.onMessage = (data) => {
      const { type, after } = JSON.parse(String(data));
      if (type === "session.update") peer.send(JSON.stringify({ type: "session.created", id: "s-1" }));
      const first = type === "prompt" ? 0 : after + 1;
      if (type === "session.update" && after < 0) return;
      // The token expires in the middle of the answer.
      const end = number === 1 ? 3 : answer.length;
      for (let index = first; index < end; index++) {
        peer.send(JSON.stringify({ type: "delta", index, text: answer[index] }));
      }
      if (number === 1) peer.close(4401, "token expired");
      else peer.send(JSON.stringify({ type: "done" }));
    };
  },
});

/** In a real program this calls the service that issues tokens. */
const requestToken = async () => `token-${++issued}`;
let last = -1;

/** @type {WebSocket<FromServer, FromClient>} */
const ws = new WebSocket(server.url, {
  backoff: { base: 50 },
  headers: async () => {
    const token = await requestToken();
    console.log(`Dialling with ${token}`);
    return { Authorization: `Bearer ${token}` };
  },
  onConnection: async (connection) => {
    await connection.send({ type: "session.update", after: last });
    // Messages that do not match keep their order, and the loop below receives them.
    await connection.recv({ match: ({ type }) => type === "session.created" });
  },
});
ws.on("reconnecting", ({ report }) => console.log(`Lost: ${report.verdict}, ${report.reason}`));

await ws.connect();
await ws.send({ type: "prompt", text: "What is lost?" });
for await (const message of ws) {
  if (message.type === "done") break;
  if (message.type !== "delta") continue;
  console.log(`  ${message.text}`);
  last = message.index;
}
await ws.close();
server.close();
