import { Centrifuge } from "centrifuge";
import WebSocket from "ws";
import { counter } from "./until.mjs";

export async function run({ url, drop }) {
  const client = new Centrifuge(url, { websocket: WebSocket, minReconnectDelay: 20 });
  const subscription = client.newSubscription("c");
  const all = counter(1000);
  subscription.on("publication", all.add);
  subscription.subscribe();
  client.connect();
  const received = await all.reached;
  const more = counter(1000);
  subscription.on("publication", more.add);
  await drop();
  await more.reached;
  client.disconnect();
  return { received };
}
