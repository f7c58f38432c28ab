import WebSocket from "isomorphic-ws";
import ReconnectingWebSocket from "reconnecting-websocket";
import { counter } from "./until.mjs";

export async function run({ url, drop }) {
  const socket = new ReconnectingWebSocket(url, [], {
    WebSocket,
    minReconnectionDelay: 20,
    maxReconnectionDelay: 20,
  });
  const echo = async () => {
    const all = counter(1000);
    socket.onmessage = all.add;
    for (let index = 0; index < 1000; index++) socket.send(`message ${index}`);
    return all.reached;
  };
  const received = await echo();
  const again = new Promise((resolve) => (socket.onopen = resolve));
  await drop();
  await again;
  await echo();
  socket.close();
  return { received };
}
