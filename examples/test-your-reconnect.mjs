// A test of your own reconnect logic in virtual time: three faults and a minute of delays take no real time.
import { WebSocket } from "jetsocket";
import { ScriptedServer, VirtualRuntime } from "jetsocket/testing";

/**
 * The code under test. The test checks its delays, and that it subscribes again on each new connection.
 *
 * @param {string} url
 * @param {import("jetsocket").Runtime} runtime
 * @param {(line: string) => void} print
 */
function follow(url, runtime, print) {
  const ws = new WebSocket(url, {
    runtime,
    connectTimeout: 10_000,
    backoff: { base: 10_000, jitter: false, resetAfter: 0 },
    onConnection: (connection) => connection.send({ subscribe: "trades" }),
  });
  ws.on("reconnecting", ({ delayMs, report }) => {
    print(`${report.verdict}, dialling again in ${delayMs / 1_000} s`);
  });
  ws.on("message", ({ data }) => print(`received ${JSON.stringify(data)}`));
  return ws;
}

const server = new ScriptedServer({
  onConnection: async (connection, n) => {
    if (n === 1) return connection.reject(503);
    if (n === 2) return; // the handshake is never answered
    connection.accept();
    const { subscribe } = await connection.receiveJson();
    connection.send({ channel: subscribe, connection: n });
    if (n === 3) connection.reset();
  },
});
const runtime = new VirtualRuntime({ server });

/** @param {string} line */
const print = (line) => console.log(`${runtime.now() / 1_000} s: ${line}`);
const ws = follow("wss://stream.example.com/trades", runtime, print);
void ws.run(); // retries even if the first attempt fails
await runtime.advanceAsync(60_000);
ws.terminate();
await server.close();
