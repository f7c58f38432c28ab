/** Payloads of the checks. The servers make the same bytes by the same rules, so that both sides can compare them. */

const phrase = "Grüße, 世界 🌍; ";

/** Text with characters of 1 to 4 bytes, so that a cut at any byte can split a character. */
export function phraseText(count) {
  return phrase.repeat(count);
}

/** Bytes with every value, in an order that differs from any shifted copy. */
export function patternBytes(size) {
  return Buffer.from(Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) & 0xff));
}

/** Text of exactly `size` bytes: {@link phraseText}, padded with full stops. */
export function textOfSize(size) {
  const text = phraseText(Math.floor(size / Buffer.byteLength(phrase)));
  return text + ".".repeat(size - Buffer.byteLength(text));
}

/** A message of about 196 bytes that differs little from the previous one, as in a feed. */
export function tradeText(sequence) {
  return (
    `{"sequence":${sequence},"channel":"trades","symbol":"BTC-USD","price":"${64_000 + (sequence % 97)}.25",` +
    `"quantity":"0.0125","side":"buy","venue":"interop","conditions":["regular","odd-lot"],` +
    `"maker":"a7c1e0b2","taker":"90f3d4b8"}`
  );
}
