import { once } from "node:events";
import mqtt from "mqtt";
import { counter } from "./until.mjs";

export async function run({ url, drop }) {
  const client = mqtt.connect(url, { reconnectPeriod: 20, clientId: "interop", clean: true });
  await once(client, "connect");
  await client.subscribeAsync("t", { qos: 1 });
  const all = counter(1000);
  client.on("message", all.add);
  for (let index = 0; index < 1000; index++) client.publish("t", Buffer.alloc(1 + index, index), { qos: 1 });
  const received = await all.reached;
  const again = once(client, "connect");
  await drop();
  await again;
  const more = counter(10);
  client.on("message", more.add);
  await client.subscribeAsync("t", { qos: 1 });
  for (let index = 0; index < 10; index++) client.publish("t", "again", { qos: 1 });
  await more.reached;
  await client.endAsync();
  return { received };
}
