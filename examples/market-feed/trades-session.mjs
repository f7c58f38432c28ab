/** @typedef {import("../embedded-server.mjs").Peer} Peer */
/** @typedef {import("./trade-feed.mjs").TradeFeed} TradeFeed */
/** @typedef {{ readonly type?: unknown, readonly channel?: unknown, readonly after?: unknown }} Message */

/** What goes wrong on purpose, once trade `at` was sent; each once, in this order. */
/** @typedef {{ readonly at: number, readonly kind: "reset" | "silence" }} Fault */

/** Milliseconds that it takes to look up earlier trades; new ones are sent meanwhile. */
const lookUpTime = 50;
/** With so many bytes waiting for a slow client it gets no more for now. */
const maxWaiting = 1024 * 1024;

/**
 * What the server says to one client: trades from now on for a subscription to "trades", and earlier ones where they are
 * asked for.
 * @param {Peer} peer
 * @param {TradeFeed} feed
 * @param {Fault[]} faults
 */
export function tradesSession(peer, feed, faults = []) {
  let next = 0;
  let stop = () => {};

  const sendSome = () => {
    while (peer.bufferedSize <= maxWaiting && next <= feed.last) {
      // A client that is slower than the market for so long finds a gap.
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
