// `jetsocket` read by `recv()`.
import { reading } from "./jetsocket.mjs";

export const connect = reading(async (ws, onMessage) => {
  while (ws.state === "connected") onMessage(await ws.recv());
});
