/** What one side sends and the other must see, byte for byte; the servers make the same by the same rules. */

const phrase = "Grüße, 世界 🌍; ";

/** Text whose characters take 1 to 4 bytes, so that a cut at any byte may go through one. */
export function phraseText(count) {
  return phrase.repeat(count);
}

/** Bytes in which every value comes, in an order that a shifted copy does not match. */
export function patternBytes(size) {
  return Buffer.from(Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) & 0xff));
}

/** Text of exactly `size` bytes: {@link phraseText}, filled up with full stops. */
export function textOfSize(size) {
  const text = phraseText(Math.floor(size / Buffer.byteLength(phrase)));
  return text + ".".repeat(size - Buffer.byteLength(text));
}

/** A message of some 196 bytes which differs little from the one before it, as those of a feed do. */
export function tradeText(sequence) {
  return (
    `{"sequence":${sequence},"channel":"trades","symbol":"BTC-USD","price":"${64_000 + (sequence % 97)}.25",` +
    `"quantity":"0.0125","side":"buy","venue":"interop","conditions":["regular","odd-lot"],` +
    `"maker":"a7c1e0b2","taker":"90f3d4b8"}`
  );
}
