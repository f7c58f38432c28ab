// Checks of pings by either side.
import { ok, strictEqual as equal } from "node:assert";
import { eventOf } from "../check-context.mjs";

export const pingChecks = [
  { name: "ping by the client", run: pingServer },
  { name: "ping by the server", run: answerPing },
];

async function pingServer(context) {
  const { ws } = await context.open("/echo");
  const pong = eventOf(ws, "pong");
  const roundTrip = await ws.ping({ timeout: 5_000 });
  ok(roundTrip >= 0 && roundTrip < 5_000, `a round trip of ${roundTrip} ms`);
  ok((await pong).latencyMs >= 0, "the event `pong` has no latency");
}

async function answerPing(context) {
  const payload = "are you there?";
  const connection = await context.client("/ping", { query: { payload } });
  const ping = eventOf(connection.ws, "ping");
  await connection.ws.connect();
  equal(String((await ping).payload), payload);
  equal((await connection.serverReport("pong")).payload, payload);
}
