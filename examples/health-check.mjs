// A health check with the preset `minimal`: one attempt, one question, and an exit code.
import { WebSocket } from "jetsocket";
import { minimal } from "jetsocket/presets";
import { serve } from "./embedded-server.mjs";

const server = await serve({
  refuse: ({ resource }) => (resource === "/down" ? { statusCode: 503 } : undefined),
  onConnection: (peer) => {
    peer.onMessage = (data) => peer.send(data);
  },
});

/** @param {string} path */
async function check(path) {
  const ws = new WebSocket(server.url + path, {
    // Why these values: with `reconnect: false` the first failure is the result. `heartbeat: false` sends no pings, because
    // the call of recv() has its own time limit. `compress: false` saves the memory of zlib. `connectTimeout` and
    // `closeTimeout` end the check within seconds, whatever the server does.
    ...minimal,
  });
  try {
    await ws.connect();
    await ws.send("are you well?");
    await ws.recv({ timeout: 2_000 });
    await ws.close();
    return "healthy";
  } catch {
    return `unhealthy: ${ws.lastReport?.verdict}`;
  }
}

console.log(await check("/up"));
console.log(await check("/down"));
server.close();
