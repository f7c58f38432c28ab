// `jetsocket` read by `batches()`.
import { reading } from "./jetsocket.mjs";

export const connect = reading(async (ws, onMessage) => {
  for await (const batch of ws.batches()) for (const data of batch) onMessage(data);
});
