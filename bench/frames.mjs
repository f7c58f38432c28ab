const chunkSize = 64 * 1024;

/**
 * The bytes of one stream of messages, made beforehand: a chunk of about 64 KiB of whole frames, to be written again and
 * again, so that many messages come with each read.
 *
 * @param {{ type: "text", size: number }} payload
 */
export function prepareChunk({ size }) {
  const frame = textFrame(size);
  const frames = Math.max(1, Math.floor(chunkSize / frame.length));
  return { bytes: Buffer.concat(Array(frames).fill(frame)), frames, frameSize: frame.length };
}

/** An unmasked text frame (RFC 6455 5.2) with `size` bytes of ASCII that look like a feed's. */
function textFrame(size) {
  const trade = '{"symbol":"BTC-USD","price":"64000.25","quantity":"0.0125","side":"buy"},';
  const payload = Buffer.alloc(size, trade, "latin1");
  if (size < 126) return Buffer.concat([Buffer.from([0x81, size]), payload]);
  const header =
    size < 65_536 ? Buffer.from([0x81, 126, 0, 0]) : Buffer.from([0x81, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  if (size < 65_536) header.writeUInt16BE(size, 2);
  else header.writeBigUInt64BE(BigInt(size), 2);
  return Buffer.concat([header, payload]);
}
