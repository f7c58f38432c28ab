// `jetsocket` read by `for await`.
import { reading } from "./jetsocket.mjs";

export const connect = reading(async (ws, onMessage) => {
  for await (const data of ws) onMessage(data);
});
