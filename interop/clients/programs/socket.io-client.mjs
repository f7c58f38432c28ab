import { io } from "socket.io-client";
import { counter } from "./until.mjs";

export async function run({ url, drop }) {
  const socket = io(url.replace("ws:", "http:"), {
    transports: ["websocket"],
    reconnectionDelay: 20,
    extraHeaders: { "X-A": "1" },
  });
  await new Promise((resolve) => socket.once("connect", resolve));
  const all = counter(1000);
  socket.on("tick", (index, bytes) => bytes[0] === (index & 255) && all.add());
  await socket.emitWithAck("subscribe");
  const received = await all.reached;
  const again = new Promise((resolve) => socket.once("connect", resolve));
  await drop();
  await again;
  await socket.emitWithAck("subscribe");
  socket.disconnect();
  return { received };
}
