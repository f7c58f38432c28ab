// The market feed, in a process of its own: numbered trades as JSON for each client that subscribes.
// `node examples/market-feed/server.mjs [port]` prints its url. Started by another process it tells it the url, and ends
// with it.
import { serve } from "../embedded-server.mjs";
import { tradesSession } from "./trades-session.mjs";

const { url } = await serve({ port: Number(process.argv[2] ?? 0), onConnection: tradesSession });

if (process.send === undefined) {
  console.log(`The market feed is at ${url}`);
} else {
  process.once("disconnect", () => process.exit());
  process.send({ url });
}
