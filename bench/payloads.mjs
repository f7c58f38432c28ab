/**
 * The content of the messages of a scenario.
 *
 * @typedef {object} Payload
 * @property {"text" | "binary"} type
 * @property {number} size - Size in bytes, as UTF-8.
 * @property {"trade" | "words" | "feed" | "numbered"} [content] - `trade`, the default, is repetitive ASCII; `words` is
 *   text with non-ASCII characters; `feed` is JSON, different in each message; `numbered` is `trade` with a leading
 *   sequence number.
 */

/** Bytes of different messages before they repeat. Much larger than a window of deflate. */
const feedSize = 1024 * 1024;
const mostFeedMessages = 4096;

/**
 * Returns the messages, each of exactly `size` bytes. They are sent in rotation.
 *
 * @param {Payload} payload
 * @returns {Buffer[]}
 */
export function messagesOf({ size, content = "trade" }) {
  if (content === "trade") return [Buffer.alloc(size, trade, "latin1")];
  if (content === "words") return [wordsOf(size)];
  if (content === "numbered")
    return [Buffer.alloc(size, `{"sequence":${sequenceStart},"trade":${trade}`, "latin1")];
  const random = randomFrom(1);
  const count = Math.min(mostFeedMessages, Math.ceil(feedSize / size));
  return Array.from({ length: count }, (_, sequence) => feedMessage(size, sequence, random));
}

/** Position and first value of the sequence number in a `numbered` message. Its width is constant. */
export const sequencePlace = { begin: 12, end: 21 };
export const sequenceStart = 100_000_000;

const trade = '{"symbol":"BTC-USD","price":"64000.25","quantity":"0.0125","side":"buy"},';
const words =
  "Сделка закрыта по цене 64 000,25 €. 取引が成立しました。Η συναλλαγή έκλεισε. Transação concluída. ";

function wordsOf(size) {
  let text = "";
  const step = Buffer.byteLength(words);
  for (let left = size; left >= step; left -= step) text += words;
  for (const character of words) {
    if (Buffer.byteLength(text + character) > size) break;
    text += character;
  }
  return Buffer.from(text + " ".repeat(size - Buffer.byteLength(text)));
}

/** JSON of exactly `size` bytes: a trade, and as many levels of an order book as fit. */
function feedMessage(size, sequence, random) {
  const price = 64_000 + random() * 50;
  const message = {
    type: "trade",
    symbol: ["BTC-USD", "ETH-USD", "SOL-USD"][Math.floor(random() * 3)],
    sequence: 812_000_000 + sequence,
    size,
    price: price.toFixed(2),
    quantity: (random() * 2).toFixed(8),
    side: random() < 0.5 ? "buy" : "sell",
    time: new Date(1_735_689_600_000 + sequence * 37).toISOString(),
    levels: [],
    pad: "",
  };
  let room = size - JSON.stringify(message).length;
  for (let level = 0; room > 0; level++) {
    const entry = [(price + level * 0.25).toFixed(2), (random() * 5).toFixed(8)];
    room -= JSON.stringify(entry).length + 1;
    if (room > 0) message.levels.push(entry);
  }
  message.pad = "-".repeat(size - JSON.stringify(message).length);
  return Buffer.from(JSON.stringify(message));
}

/** Pseudo-random numbers, the same in every process (mulberry32). */
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
