import { wsconnect } from "@nats-io/nats-core";
import WebSocket from "ws";

export async function run({ url, drop }) {
  const wsFactory = async (address) => ({ socket: new WebSocket(address), encrypted: false });
  const connection = await wsconnect({ servers: url, wsFactory, reconnectTimeWait: 20, reconnectJitter: 0 });
  const subscription = connection.subscribe("t", { max: 1000 });
  for (let index = 0; index < 1000; index++) connection.publish("t", Buffer.alloc(index));
  let received = 0;
  for await (const { data } of subscription) if (data.length === received) received++;
  const again = (async () => {
    for await (const { type } of connection.status()) if (type === "reconnect") return;
  })();
  await drop();
  await again;
  const second = connection.subscribe("u", { max: 1 });
  connection.publish("u", "again");
  await second[Symbol.asyncIterator]().next();
  await connection.close();
  return { received };
}
