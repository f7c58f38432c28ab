// The market feed in its own process: sends numbered trades as JSON to each client that subscribes.
// `node examples/market-feed/server.mjs [port]` prints its URL. `--reset-at N` resets the connection after trade N,
// `--silent-at N` stops sending on it. If another process has started it, it sends the URL to that process and exits
// with it.
import { parseArgs } from "node:util";
import { serve } from "../embedded-server.mjs";
import { TradeFeed } from "./trade-feed.mjs";
import { tradesSession } from "./trades-session.mjs";

/** @typedef {import("./trades-session.mjs").Fault} Fault */

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { "reset-at": { type: "string" }, "silent-at": { type: "string" } },
});
/** @type {Fault[]} */
const faults = [];
if (values["reset-at"] !== undefined) faults.push({ at: Number(values["reset-at"]), kind: "reset" });
if (values["silent-at"] !== undefined) faults.push({ at: Number(values["silent-at"]), kind: "silence" });

const feed = new TradeFeed();
const { url } = await serve({
  port: Number(positionals[0] ?? 0),
  onConnection: (peer) => tradesSession(peer, feed, faults),
});

if (process.send === undefined) {
  console.log(`The market feed is at ${url}`);
} else {
  process.once("disconnect", () => process.exit());
  process.send({ url });
}
