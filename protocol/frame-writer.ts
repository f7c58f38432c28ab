import { copyBytes } from "./copy-bytes.js";
import { maxFrameHeaderSize, Opcode, type Role } from "./constants.js";
import { firstByteOf, headerSizeFor, writeHeader } from "./frame-header.js";
import type { Masker } from "./mask.js";
import type { MaskingKeys } from "./masking-keys.js";
import type { SegmentChain } from "./segment-chain.js";
import { type Segment, segmentSize } from "./segment-pool.js";

/** A method that every Node has on its buffers; `write` finds its way to it, 10 ns later. */
interface WritableBuffer {
  utf8Write(text: string, at: number, size: number): number;
}

/** A smaller payload of bytes is not cut in two: its frame leaves in one write. */
const minCutSize = 4096;

/** The most bytes of one character. */
const maxCharacterSize = 4;

const wholeText = firstByteOf(Opcode.text, false);

/** A payload above this size is written piece by piece, over as many segments as it takes. */
const maxWholePayloadSize = segmentSize - maxFrameHeaderSize;

/**
 * Writes header and masked payload of whole messages into one stretch of memory: one system call takes many frames. It has no state, and
 * serves all connections that play the same part.
 */
export class FrameWriter {
  readonly #isMasked: boolean;
  readonly #maskingKeys: MaskingKeys;
  readonly #masker: Masker;

  constructor(role: Role, maskingKeys: MaskingKeys, masker: Masker) {
    // RFC 6455 5.1: a client masks every frame, a server none.
    this.#isMasked = role === "client";
    this.#maskingKeys = maskingKeys;
    this.#masker = masker;
  }

  /** The bytes that a payload of `size` takes on the wire. */
  frameSize(size: number): number {
    return headerSizeFor(size, this.#isMasked) + size;
  }

  /** Writes a text frame straight from the string, and gives the size of the frame. */
  writeText(chain: SegmentChain, text: string): number {
    const frameSize = this.#writeUnmeasured(chain.last ?? chain.addSegment(), text);
    return frameSize > 0 ? frameSize : this.#writeMeasured(chain, text);
  }

  /**
   * Writes a text as if each character took one byte, which spares to measure it first: a third of the time of a short one.
   * Gives 0, and has done nothing, where it is too long or another form of header is needed.
   */
  #writeUnmeasured(segment: Segment, text: string): number {
    const { bytes, end } = segment;
    const headerSize = headerSizeFor(text.length, this.#isMasked);
    const at = end + headerSize;
    const freeSize = segmentSize - at;
    if (text.length + maxCharacterSize > freeSize) return 0;
    const size = (bytes as Buffer & WritableBuffer).utf8Write(text, at, freeSize);
    // Where another character would have had room, the text is whole.
    if (freeSize - size < maxCharacterSize) return 0;
    if (size !== text.length && headerSizeFor(size, this.#isMasked) !== headerSize) return 0;
    if (segment.firstFrame === -1) segment.firstFrame = end;
    this.#finish(segment, size);
    return headerSize + size;
  }

  /** Writes the header before a payload that stands already, and masks it. */
  #finish(segment: Segment, size: number): void {
    const key = this.#isMasked ? this.#maskingKeys.next() : 0;
    const at = this.#writeHeaderAndKey(segment.bytes, segment.end, wholeText, size, key);
    if (this.#isMasked) this.#mask(segment, at, at + size, key);
    segment.end = at + size;
  }

  #writeMeasured(chain: SegmentChain, text: string): number {
    const size = Buffer.byteLength(text);
    if (size > maxWholePayloadSize) {
      this.writeBytes(chain, wholeText, Buffer.from(text));
      return this.frameSize(size);
    }
    const headerSize = headerSizeFor(size, this.#isMasked);
    const segment = chain.beginFrame(headerSize + size);
    (segment.bytes as Buffer & WritableBuffer).utf8Write(text, segment.end + headerSize, size);
    this.#finish(segment, size);
    return headerSize + size;
  }

  #mask(segment: Segment, start: number, end: number, key: number): number {
    const { bytes, offset, wideMask } = segment;
    if (wideMask === undefined) return this.#masker.mask(bytes, segment.words, start, end, key);
    return wideMask(offset + start, offset + end, key);
  }

  /**
   * Writes a frame of any type, and gives the segment that it begins in.
   * The bytes are copied: the caller may use them again.
   */
  writeBytes(chain: SegmentChain, first: number, payload: Uint8Array): Segment {
    const size = payload.length;
    const headerSize = headerSizeFor(size, this.#isMasked);
    // A large payload begins in the room that is left in this segment: a write costs as much as 4 KiB of it.
    const firstSegment = chain.beginFrame(size >= minCutSize ? headerSize : headerSize + size);
    let segment = firstSegment;
    let key = this.#isMasked ? this.#maskingKeys.next() : 0;
    segment.end = this.#writeHeaderAndKey(segment.bytes, segment.end, first, size, key);
    let done = 0;
    while (done < size) {
      if (segment.freeSize === 0) segment = chain.addSegment();
      const pieceSize = Math.min(size - done, segment.freeSize);
      const at = segment.end;
      const isWhole = pieceSize === size;
      copyBytes(segment.bytes, isWhole ? payload : payload.subarray(done, done + pieceSize), at);
      if (this.#isMasked) key = this.#mask(segment, at, at + pieceSize, key);
      segment.end = at + pieceSize;
      done += pieceSize;
    }
    return firstSegment;
  }

  #writeHeaderAndKey(bytes: Buffer, at: number, first: number, size: number, key: number): number {
    const keyOffset = writeHeader(bytes, at, first, this.#isMasked, size);
    if (!this.#isMasked) return keyOffset;
    bytes[keyOffset] = key;
    bytes[keyOffset + 1] = key >>> 8;
    bytes[keyOffset + 2] = key >>> 16;
    bytes[keyOffset + 3] = key >>> 24;
    return keyOffset + 4;
  }
}
