/** Counts the messages in a stream of client frames. It reads only headers and accepts any segmentation. */
export class FrameCounter {
  messages = 0;
  bytes = 0;
  /** Remaining bytes of the current frame. */
  #left = 0;
  #header = Buffer.alloc(14);
  #headerSize = 0;

  /** True if the last counted message is incomplete. */
  get isInsideFrame() {
    return this.#left > 0;
  }

  /** @param {Buffer} piece */
  add(piece) {
    this.bytes += piece.length;
    let offset = 0;
    while (offset < piece.length) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, piece.length - offset);
        this.#left -= step;
        offset += step;
      } else if (this.#headerSize === 0 && piece.length - offset >= 14) {
        offset += this.#begin(piece, offset);
      } else {
        this.#header[this.#headerSize++] = piece[offset++];
        if (this.#headerSize >= 2 && this.#headerSize === headerSize(this.#header[1])) {
          this.#begin(this.#header, 0);
          this.#headerSize = 0;
        }
      }
    }
  }

  /**
   * Counts the last frame of a message (RFC 6455 5.4), but no control frame.
   * @returns The size of the header in bytes.
   */
  #begin(bytes, offset) {
    if (bytes[offset] & 0x80 && (bytes[offset] & 0x08) === 0) this.messages++;
    const length = bytes[offset + 1] & 0x7f;
    if (length < 126) this.#left = length;
    else if (length === 126) this.#left = bytes.readUInt16BE(offset + 2);
    else this.#left = Number(bytes.readBigUInt64BE(offset + 2));
    return headerSize(bytes[offset + 1]);
  }
}

function headerSize(secondByte) {
  const length = secondByte & 0x7f;
  return 2 + (length < 126 ? 0 : length === 126 ? 2 : 8) + (secondByte & 0x80 ? 4 : 0);
}
