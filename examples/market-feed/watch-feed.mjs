import { WebSocket } from "jetsocket";
import { startFeed } from "./feed-process.mjs";
import { printProgress, printSummary } from "./progress.mjs";
import { SequenceCheck } from "./sequence-check.mjs";

/** @typedef {import("./random-walk.mjs").Trade} Trade */
/** @typedef {{ readonly type: "subscribed", readonly channel: string }} Subscribed */
/** @typedef {{ readonly type: "error", readonly message: string }} Refused */
/** @typedef {{ readonly type: "subscribe", readonly channel: string }} Subscribe */
/** @typedef {WebSocket<Trade | Subscribed | Refused, Subscribe>} Feed */

/**
 * Receives trades from the embedded feed, and fails where one is missing or comes twice.
 * @param {number} trades - How many.
 */
export async function watchFeed(trades) {
  const { url, stop } = await startFeed();
  /** @type {Feed} */
  const feed = new WebSocket(url);
  feed.on("connected", (event) => console.log(`Connected to ${event.url}`));
  try {
    await feed.connect();
    await subscribe(feed, "trades");
    const check = await receive(feed, trades);
    await feed.close();
    printSummary(feed);
    console.log(`missing             ${check.missing}\ndoubled             ${check.doubled}`);
    if (check.missing + check.doubled > 0) throw new Error("Trades are missing, or came twice.");
  } finally {
    feed.terminate();
    stop();
  }
}

/** @param {Feed} feed @param {string} channel */
async function subscribe(feed, channel) {
  await feed.send({ type: "subscribe", channel });
  const answer = await feed.recv({ timeout: 5_000 });
  if (answer.type === "error") throw new Error(`The feed refused the subscription: ${answer.message}`);
  if (answer.type !== "subscribed") throw new Error(`The feed answered with "${answer.type}" at first.`);
  console.log(`Subscribed to ${answer.channel}`);
}

/** @param {Feed} feed @param {number} trades */
async function receive(feed, trades) {
  const check = new SequenceCheck();
  let received = 0;
  let last = "";
  const stopProgress = printProgress(feed, "trades", () => ({ count: received, last }));
  try {
    for await (const message of feed) {
      if (message.type !== "trade") continue;
      check.add(message.sequence);
      last = `${message.symbol} ${message.price}, ${Date.now() - message.time} ms old`;
      if (++received === trades) return check;
    }
  } finally {
    stopProgress();
  }
  throw new Error(`The feed ended after ${received} of ${trades} trades: ${feed.lastReport?.advice}`);
}
