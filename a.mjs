import { WebSocket } from "jetsocket";
import { channels } from "jetsocket/channels";
import { ScriptedServer, VirtualRuntime } from "jetsocket/testing";

const server = new ScriptedServer({
  onConnection: async (connection, n) => {
    connection.accept();
    for (;;) {
      const { op, names } = await connection.receiveJson();
      if (op !== "subscribe") continue;
      for (const name of names) connection.send({ subscribed: name });
      for (const name of names) connection.send({ channel: name, price: n * 100 });
      if (n === 1) connection.reset();
    }
  },
});
const runtime = new VirtualRuntime({ server });

/** @typedef {{ subscribed?: string, channel?: string, price?: number }} Message */
/** @typedef {{ op: "subscribe" | "unsubscribe", names: readonly string[] }} Request */

/** @type {import("jetsocket/channels").Feed<Message, Request>} */
const feed = channels({
  channelOf: (message) => message.channel,
  subscribe: (names) => ({ op: "subscribe", names }),
  unsubscribe: (names) => ({ op: "unsubscribe", names }),
  isAck: (message) => message.subscribed,
});
/** @type {WebSocket<Message, Request>} */
const ws = new WebSocket("wss://exchange.example.com/", { runtime, onConnection: feed.onConnection });
feed.attach(ws);

const bitcoin = feed.open("btc");
bitcoin.on("ready", () => console.log("btc is subscribed"));
const ether = feed.open("eth");
ether.on("message", ({ data }) => console.log(`eth costs ${data.price}`));
const prices = (async () => {
  for await (const { price } of bitcoin) console.log(`btc costs ${price}`);
})();

void ws.connect();
await runtime.advanceAsync(10_000); // the server resets the first connection
ws.terminate();
await prices;
await server.close();
