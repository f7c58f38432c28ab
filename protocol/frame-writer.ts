// Writes frames into segments. This module does not choose the order of the frames, and it does not compress payloads.
import { copyBytes } from "./copy-bytes.js";
import { maxFrameHeaderSize, Opcode, type Role } from "./constants.js";
import { utf8Bytes, utf8Write } from "./fast-buffer.js";
import { firstByteOf, headerSizeFor, writeHeader } from "./frame-header.js";
import { Masker } from "./mask.js";
import { type FillRandom, MaskingKeys } from "./masking-keys.js";
import type { SegmentChain } from "./segment-chain.js";
import { type Segment, segmentSize } from "./segment-pool.js";

/** Smallest payload in bytes that may be split across two segments. A frame in one segment is sent by one write. */
const minSplitSize = 4096;

/** Maximum size of a character in UTF-8, in bytes. */
const maxCharacterSize = 4;

const textFirstByte = firstByteOf(Opcode.text, false);

/** Largest payload in bytes that fits into one segment. A larger payload is written into several segments. */
const maxWholePayloadSize = segmentSize - maxFrameHeaderSize;

/**
 * Writes the header and the payload of complete messages into contiguous memory, so that one system call sends many
 * frames. The writer stores no state of a connection, so all connections with the same role share one writer.
 */
export class FrameWriter {
  readonly #isMasked: boolean;
  readonly #maskingKeys: MaskingKeys;
  readonly #masker: Masker = new Masker();

  constructor(role: Role, fillRandom: FillRandom) {
    // RFC 6455 5.1: a client masks every frame. A server masks no frame.
    this.#isMasked = role === "client";
    this.#maskingKeys = new MaskingKeys(fillRandom);
  }

  /** Returns the size in bytes of a frame with a payload of `size` bytes. */
  frameSize(size: number): number {
    return headerSizeFor(size, this.#isMasked) + size;
  }

  /**
   * Writes a text frame directly from the string. Returns the size of the frame in bytes.
   *
   * At first, the method assumes one byte per character: without measuring the text, writing a short text takes a third
   * less time. If the header then has the wrong size, or if the text possibly does not fit into the segment, the text
   * is measured and written again.
   */
  writeText(chain: SegmentChain, text: string): number {
    const segment = chain.last ?? chain.addSegment();
    const { bytes, end } = segment;
    const headerSize = headerSizeFor(text.length, this.#isMasked);
    const at = end + headerSize;
    const freeSize = segmentSize - at;
    if (text.length + maxCharacterSize > freeSize) return this.#writeMeasured(chain, text);
    const size = utf8Write(bytes, text, at, freeSize);
    // If the segment has space for one more character, the text was written completely.
    if (freeSize - size < maxCharacterSize) return this.#writeMeasured(chain, text);
    if (size !== text.length && headerSizeFor(size, this.#isMasked) !== headerSize)
      return this.#writeMeasured(chain, text);
    if (segment.firstFrame === -1) segment.firstFrame = end;
    this.#finish(segment, size);
    return headerSize + size;
  }

  /** Writes the header before a payload that is already in the segment, and masks the payload. */
  #finish(segment: Segment, size: number): void {
    const key = this.#isMasked ? this.#maskingKeys.next() : 0;
    const at = this.#writeHeaderAndKey(segment.bytes, segment.end, textFirstByte, size, key);
    if (this.#isMasked) this.#mask(segment, at, at + size, key);
    segment.end = at + size;
  }

  #writeMeasured(chain: SegmentChain, text: string): number {
    const size = Buffer.byteLength(text);
    if (size > maxWholePayloadSize) {
      this.writeBytes(chain, textFirstByte, utf8Bytes(text));
      return this.frameSize(size);
    }
    const headerSize = headerSizeFor(size, this.#isMasked);
    const segment = chain.beginFrame(headerSize + size);
    utf8Write(segment.bytes, text, segment.end + headerSize, size);
    this.#finish(segment, size);
    return headerSize + size;
  }

  #mask(segment: Segment, start: number, end: number, key: number): number {
    const { bytes, offset, wideMask } = segment;
    if (wideMask === undefined) return this.#masker.mask(bytes, segment.words, start, end, key);
    return wideMask(offset + start, offset + end, key);
  }

  /**
   * Writes a frame of any type. The payload is copied, so the caller may change it afterwards.
   * @returns The segment in which the frame starts.
   */
  writeBytes(chain: SegmentChain, first: number, payload: Uint8Array): Segment {
    const size = payload.length;
    const headerSize = headerSizeFor(size, this.#isMasked);
    // Only a large payload is split across two segments, because the split can need an extra write. An extra write
    // costs as much as sending 4 KiB.
    const firstSegment = chain.beginFrame(size >= minSplitSize ? headerSize : headerSize + size);
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
