// Receives the embedded market feed through two broken connections, and checks that no trade is lost or duplicated.
import { WebSocket } from "jetsocket";
import { startFeed } from "./feed-process.mjs";
import { printConnections, printProgress, printSummary } from "./progress.mjs";
import { SequenceCheck } from "./sequence-check.mjs";

/** @typedef {import("./random-walk.mjs").Trade} Trade */
/** @typedef {{ readonly type: "subscribed", readonly channel: string }} Subscribed */
/** @typedef {{ readonly type: "history", readonly trades: readonly Trade[] }} History */
/** @typedef {{ readonly type: "error", readonly message: string }} Refused */
/** @typedef {Trade | Subscribed | History | Refused} Received */
/** @typedef {{ readonly type: "subscribe", readonly channel: string }} Subscribe */
/** @typedef {{ readonly type: "history", readonly after: number }} AskHistory */
/** @typedef {Subscribe | AskHistory} Sent */
/** @typedef {WebSocket<Received, Sent>} Feed */
/** @typedef {import("jetsocket").SetupConnection<Received, Sent>} Connection */

/**
 * Receives trades from the embedded feed. The feed resets the connection after a third of them and stops sending after
 * another third. Fails if a trade is missing or duplicated, or if one of the two faults did not happen.
 * @param {number} trades - Smallest number of trades to receive.
 */
export async function watchFeed(trades) {
  const faults = ["--reset-at", `${Math.ceil(trades / 3)}`, "--silent-at", `${Math.ceil((trades * 2) / 3)}`];
  const { url, stop } = await startFeed(faults);
  const feed = makeClient(url);
  /** @type {Set<string>} */
  const drops = new Set();
  let returns = 0;
  printConnections(feed);
  feed.on("disconnected", ({ report }) => drops.add(report.verdict));
  feed.on("reconnected", () => returns++);
  const isThrough = () =>
    returns >= 2 &&
    drops.has("network-lost") &&
    drops.has("heartbeat-timeout") &&
    feed.stats().messagesHeld === 0; // no gap is open
  // Ends the program even if a broken connection is not detected.
  const deadline = setTimeout(() => feed.terminate(), 30_000 + trades);
  try {
    await feed.connect();
    const check = await receive(feed, (count) => count >= trades && isThrough());
    await feed.close();
    sayHowItWent(feed, check);
  } finally {
    clearTimeout(deadline);
    feed.terminate();
    stop();
  }
}

/** @param {string} url @returns {Feed} */
function makeClient(url) {
  return new WebSocket(url, {
    backoff: { base: 200, cap: 2_000 },
    heartbeat: { interval: 500, timeout: 1_000 },
    onConnection: subscribe,
    replay: {
      sequence: (message) => (message.type === "trade" ? message.sequence : undefined),
      onReplay: async (cursors, connection) => {
        await connection.send({ type: "history", after: Number(cursors["default"]?.sequence) });
        const answer = await connection.recv({ match: ({ type }) => type === "history", timeout: 5_000 });
        return answer.type === "history" ? answer.trades : [];
      },
    },
  });
}

/** Prepares each new connection. @param {Connection} connection */
async function subscribe(connection) {
  await connection.send({ type: "subscribe", channel: "trades" });
  const answer = await connection.recv({ match: ({ type }) => type === "subscribed" || type === "error" });
  if (answer.type === "error") throw new Error(`The feed refused the subscription: ${answer.message}`);
  console.log("Subscribed to trades");
}

/**
 * @param {Feed} feed
 * @param {(count: number) => boolean} isEnough
 */
async function receive(feed, isEnough) {
  const check = new SequenceCheck();
  let received = 0;
  let last = "";
  const stopProgress = printProgress(feed, "trades", () => ({ count: received, last }));
  try {
    for await (const message of feed) {
      if (message.type !== "trade") continue;
      check.add(message.sequence);
      last = `${message.symbol} ${message.price}, ${Date.now() - message.time} ms old`;
      if (isEnough(++received)) return check;
    }
  } finally {
    stopProgress();
  }
  throw new Error(
    `Only ${received} trades came, or a broken link was not found (${feed.lastReport?.verdict}).`,
  );
}

/**
 * @param {Feed} feed
 * @param {SequenceCheck} check
 */
function sayHowItWent(feed, { lost, doubled }) {
  const { gapCount, recoveredCount } = feed.stats();
  printSummary(feed, [
    ["gaps found", gapCount],
    ["messages recovered", recoveredCount],
    ["lost", lost],
    ["doubled", doubled],
  ]);
  if (lost + doubled > 0) throw new Error("Trades are lost, or came twice.");
}
