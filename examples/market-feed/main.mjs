// The main example: `npm start` uses the embedded market feed, `npm start -- wss://any/url` another server.
import { readArguments } from "./arguments.mjs";
import { watchFeed } from "./watch-feed.mjs";
import { watchUrl } from "./watch-url.mjs";

try {
  const given = readArguments(process.argv.slice(2));
  if (given.url === undefined) await watchFeed(given.trades);
  else await watchUrl(given.url, given);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
