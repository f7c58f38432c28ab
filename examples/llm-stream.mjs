// A realtime session with a language model, with the preset `llmStream`: the model is silent for a while, and then its
// answer arrives in many small pieces.
import { WebSocket } from "jetsocket";
import { llmStream } from "jetsocket/presets";
import { serve } from "./embedded-server.mjs";

/** @typedef {{ type: "session.created" } | { type: "delta", text: string } | { type: "done" }} FromServer */
/** @typedef {{ type: "prompt", text: string }} FromClient */

const words = Array.from({ length: 2_000 }, (_, index) => `word${index} `);
const server = await serve({
  onConnection: (peer) => {
    peer.send(JSON.stringify({ type: "session.created" }));
    peer.onMessage = () => {
      // The model thinks first.
      setTimeout(() => {
        for (const text of words) peer.send(JSON.stringify({ type: "delta", text }));
        peer.send(JSON.stringify({ type: "done" }));
      }, 100);
    };
  },
});

/** @type {WebSocket<FromServer, FromClient>} */
const ws = new WebSocket(server.url, {
  // Why these values: a model may think for minutes, so `heartbeat` pings every 15 s, before a proxy closes the silent
  // connection, and waits 30 s for an answer. `backoff.maxElapsed` gives up after two minutes, because a user waits.
  // `buffer.overflow: "pause"` loses no piece of an answer, however slowly the program reads. `setupTimeout` leaves the
  // service 20 s to create the session. `insecureCredentials: "forbid"` never sends the API key without encryption.
  ...llmStream,
  headers: { Authorization: "Bearer key" },
  onConnection: (connection) => connection.recv({ match: ({ type }) => type === "session.created" }),
});

await ws.connect();
await ws.send({ type: "prompt", text: "Tell me a story." });
let text = "";
for await (const message of ws) {
  if (message.type === "done") break;
  if (message.type === "delta") text += message.text;
}
console.log(`${text.split(" ").length - 1} words, complete: ${text === words.join("")}`);
console.log(`${ws.stats().messagesDropped} messages were dropped`);
await ws.close();
server.close();
