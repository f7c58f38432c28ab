import WebSocket from "ws";
import * as Y from "yjs";
import { WebsocketProvider } from "y-websocket";

export async function run({ url, drop }) {
  const documents = [new Y.Doc(), new Y.Doc()];
  const providers = documents.map(
    (document) =>
      new WebsocketProvider(url.replace(/\/$/, ""), "room", document, {
        WebSocketPolyfill: WebSocket,
        disableBc: true,
        maxBackoffTime: 50,
      }),
  );
  await Promise.all(providers.map((provider) => new Promise((resolve) => provider.once("sync", resolve))));
  const until = (length) =>
    new Promise((resolve) => {
      const check = () => documents[1].getArray("a").length >= length && resolve(length);
      documents[1].on("update", check);
      check();
    });
  for (let index = 0; index < 1000; index++) documents[0].getArray("a").push([index]);
  const received = await until(1000);
  const again = Promise.all(
    providers.map((provider) => new Promise((resolve) => provider.once("sync", resolve))),
  );
  await drop();
  documents[0].getArray("a").push(["offline"]);
  await again;
  await until(1001);
  for (const provider of providers) provider.destroy();
  return { received };
}
