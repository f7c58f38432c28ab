import { randomWalk } from "./random-walk.mjs";

const interval = 10;
const tradesPerInterval = 20;
/** With so many bytes waiting for a slow client no trade is made for it: its numbers have no gap all the same. */
const maxWaiting = 1024 * 1024;

/**
 * What the server says to one client: it answers a subscription to "trades", and trades follow, 2,000 a second.
 * @param {import("../embedded-server.mjs").Peer} peer
 */
export function tradesSession(peer) {
  const trades = randomWalk();
  /** @type {NodeJS.Timeout | undefined} */
  let timer;

  const sendSome = () => {
    if (peer.bufferedSize > maxWaiting) return;
    for (let count = 0; count < tradesPerInterval; count++) peer.send(JSON.stringify(trades.next().value));
  };

  peer.onGone = () => clearInterval(timer);
  peer.onMessage = (data) => {
    const channel = channelOf(data);
    if (channel !== "trades") {
      peer.send(
        JSON.stringify({ type: "error", message: `There is no channel ${JSON.stringify(channel)}.` }),
      );
      return;
    }
    peer.send(JSON.stringify({ type: "subscribed", channel }));
    timer ??= setInterval(sendSome, interval);
  };
}

/**
 * The channel that a client subscribes to; `null` for a message that is no subscription.
 * @param {string | Buffer} data
 */
function channelOf(data) {
  try {
    const message = JSON.parse(String(data));
    return message.type === "subscribe" ? (message.channel ?? null) : null;
  } catch {
    return null;
  }
}
