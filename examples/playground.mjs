// The server for the snippets of the README and of the guide. It sends back each message, except on a few paths.
// Usage: `node node_modules/jetsocket/examples/playground.mjs [port]`. The default port is 8080.
import { serve } from "./embedded-server.mjs";
import { TradeFeed } from "./market-feed/trade-feed.mjs";
import { tradesSession } from "./market-feed/trades-session.mjs";

/** @typedef {import("./embedded-server.mjs").Peer} Peer */

const feed = new TradeFeed();

/**
 * What the server does for each path. For any other path it sends back each message.
 * @type {Readonly<Record<string, (peer: Peer, query: URLSearchParams) => void>>}
 */
const sessions = {
  "/trades": (peer) => tradesSession(peer, feed),
  "/burst": (peer, query) => {
    const count = Number(query.get("count") ?? 1_000);
    for (let number = 1; number <= count; number++) peer.send(JSON.stringify({ number }));
  },
  "/close": (peer, query) => peer.close(Number(query.get("code") ?? 1000), query.get("reason") ?? ""),
  "/drop": (peer) => peer.drop(),
};

/** @param {Peer} peer */
function echo(peer) {
  peer.onMessage = (data) => peer.send(data);
}

/** @param {string} resource */
function locate(resource) {
  return new URL(resource, "ws://127.0.0.1");
}

const { url } = await serve({
  port: Number(process.argv[2] ?? 8080),
  refuse: ({ resource }) => {
    const { pathname, searchParams } = locate(resource);
    if (pathname !== "/refuse") return undefined;
    return { statusCode: Number(searchParams.get("status") ?? 401), body: "refused, as asked for\n" };
  },
  onConnection: (peer, { resource }) => {
    const { pathname, searchParams } = locate(resource);
    (sessions[pathname] ?? echo)(peer, searchParams);
  },
});

if (process.send === undefined) {
  console.log(`The playground is at ${url}`);
} else {
  process.once("disconnect", () => process.exit());
  process.send({ url });
}
