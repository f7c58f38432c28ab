import { createClient } from "./jetsocket.mjs";

/** @type {import("./index.mjs").Client["connect"]} */
export async function connect(server, settings) {
  const ws = createClient(server, settings);
  await ws.connect();
  void consume(ws, settings.onMessage);
  return { send: (data) => ws.send(data), disconnect: () => ws.terminate() };
}

async function consume(ws, onMessage) {
  for await (const data of ws) onMessage(data);
}
