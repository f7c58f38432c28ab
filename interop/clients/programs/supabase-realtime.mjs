import { RealtimeClient } from "@supabase/realtime-js";
import WebSocket from "ws";
import { counter } from "./until.mjs";

export async function run({ url, drop }) {
  const client = new RealtimeClient(`${url}realtime/v1`, {
    transport: WebSocket,
    params: { apikey: "key" },
    reconnectAfterMs: () => 20,
  });
  const all = counter(1000);
  const more = counter(2000);
  const channel = client.channel("room").on("broadcast", { event: "tick" }, () => {
    all.add();
    more.add();
  });
  channel.subscribe();
  const received = await all.reached;
  await drop();
  await more.reached;
  await client.removeAllChannels();
  await client.disconnect();
  return { received };
}
