// The server side of one market feed connection.

/** @typedef {import("../embedded-server.mjs").Peer} Peer */
/** @typedef {import("./trade-feed.mjs").TradeFeed} TradeFeed */
/** @typedef {{ readonly type?: unknown, readonly channel?: unknown, readonly after?: unknown }} Message */

/** A deliberate fault after trade `at` was sent. Each one happens once, in this order. */
/** @typedef {{ readonly at: number, readonly kind: "reset" | "silence" }} Fault */

/** Simulated milliseconds of a lookup of earlier trades. New trades are sent meanwhile. */
const lookUpTime = 50;
/** Bytes that may wait for a slow client. Above it no trades are sent to it for now. */
const maxWaiting = 1024 * 1024;

/**
 * Serves one client: sends new trades after a subscription to "trades", and earlier ones on request.
 * @param {Peer} peer
 * @param {TradeFeed} feed
 * @param {Fault[]} faults
 */
export function tradesSession(peer, feed, faults = []) {
  let next = 0;
  let stop = () => {};

  const sendSome = () => {
    while (peer.bufferedSize <= maxWaiting && next <= feed.last) {
      // A client that is too slow for too long gets a gap.
      next = Math.max(next, feed.first);
      peer.send(/** @type {string} */ (feed.at(next)));
      if (next++ >= (faults[0]?.at ?? Infinity)) return breakLink();
    }
  };
  /** @param {number} sequence */
  const sendHistory = (sequence) => peer.send(`{"type":"history","trades":[${feed.after(sequence).join()}]}`);
  const breakLink = () => {
    stop();
    if (faults.shift()?.kind === "reset") peer.reset();
    else peer.freeze();
  };
  const subscribe = () => {
    next = feed.last + 1;
    stop();
    const stopListening = feed.listen(sendSome);
    stop = () => {
      stopListening();
      peer.onDrain = () => {};
    };
    peer.onDrain = sendSome;
  };

  peer.onGone = () => stop();
  peer.onMessage = (data) => {
    const message = read(data);
    if (message.type === "subscribe" && message.channel === "trades") {
      peer.send(JSON.stringify({ type: "subscribed", channel: "trades" }));
      subscribe();
    } else if (message.type === "history" && typeof message.after === "number") {
      setTimeout(sendHistory, lookUpTime, message.after);
    } else {
      peer.send(JSON.stringify({ type: "error", message: `Nothing is known of ${String(data)}.` }));
    }
  };
}

/** @param {string | Buffer} data @returns {Message} */
function read(data) {
  try {
    return Object(JSON.parse(String(data)));
  } catch {
    return {};
  }
}
