// A fresh token for each attempt: `headers` is a function that the client calls at each attempt.
import { HandshakeError, WebSocket } from "jetsocket";
import { serve } from "./embedded-server.mjs";

let valid = "token-1";
const server = await serve({
  refuse: ({ headers }) => {
    const given = headers.find(([name]) => name.toLowerCase() === "authorization")?.[1];
    return given === `Bearer ${valid}` ? undefined : { statusCode: 401, body: "the token has expired" };
  },
  onConnection: (peer) => peer.send("welcome"),
});

let kept = "token-1";
/** In a real program this calls the service that issues tokens. */
const requestToken = async () => (kept = valid);

const ws = new WebSocket(server.url, {
  headers: async ({ lastReport }) => {
    // Uses the same token until the server refuses it.
    const token = lastReport?.verdict === "auth" ? await requestToken() : kept;
    console.log(`Dialling with ${token}`);
    return { Authorization: `Bearer ${token}` };
  },
});

valid = "token-2";
try {
  await ws.connect();
} catch (error) {
  if (!(error instanceof HandshakeError)) throw error;
  console.log(`Refused with ${error.statusCode}: ${error.body}`);
}

// A client that has failed may connect again.
await ws.connect();
console.log(`The server says: ${await ws.recv()}`);
await ws.close();
server.close();
