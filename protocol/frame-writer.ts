import { maxFrameHeaderSize, Opcode, type Role } from "./constants.js";
import { firstByteOf, headerSizeFor, writeHeader } from "./frame-header.js";
import { Masker } from "./mask.js";
import type { Resources } from "./resources.js";
import type { SegmentChain } from "./segment-chain.js";
import { type Segment, segmentSize } from "./segment-pool.js";

/** A method that every Node has on its buffers; `write` finds its way to it, 10 ns later. */
interface WritableBuffer {
  utf8Write(text: string, at: number, size: number): number;
}

/** A payload above this size is written piece by piece, over as many segments as it takes. */
const maxWholePayloadSize = segmentSize - maxFrameHeaderSize;

/** Writes header and masked payload of whole messages into one stretch of memory: one system call takes many frames. */
export class FrameWriter {
  readonly #isMasked: boolean;
  readonly #resources: Resources;
  readonly #masker: Masker = new Masker();

  constructor(role: Role, resources: Resources) {
    // RFC 6455 5.1: a client masks every frame, a server none.
    this.#isMasked = role === "client";
    this.#resources = resources;
  }

  /** The bytes that a payload of `size` takes on the wire. */
  frameSize(size: number): number {
    return headerSizeFor(size, this.#isMasked) + size;
  }

  /** Writes a text frame straight from the string, and gives the size of the frame. */
  writeText(chain: SegmentChain, text: string): number {
    const size = Buffer.byteLength(text);
    const first = firstByteOf(Opcode.text, false);
    if (size > maxWholePayloadSize) {
      this.writeBytes(chain, first, Buffer.from(text));
      return this.frameSize(size);
    }
    const segment = chain.beginFrame(headerSizeFor(size, this.#isMasked) + size);
    const key = this.#isMasked ? this.#resources.maskingKeys.next() : 0;
    const at = this.#writeHead(segment.bytes, segment.end, first, size, key);
    (segment.bytes as Buffer & WritableBuffer).utf8Write(text, at, size);
    if (this.#isMasked) this.#masker.mask(segment.bytes, segment.words, at, at + size, key);
    segment.end = at + size;
    return this.frameSize(size);
  }

  /**
   * Writes a frame of any type, and gives the segment that it begins in.
   * The bytes are copied: the caller may use them again.
   */
  writeBytes(chain: SegmentChain, first: number, payload: Uint8Array): Segment {
    const size = payload.length;
    const headSize = headerSizeFor(size, this.#isMasked);
    // A payload for several segments begins in the room that is left in this one.
    const firstSegment = chain.beginFrame(size > maxWholePayloadSize ? headSize : headSize + size);
    let segment = firstSegment;
    let key = this.#isMasked ? this.#resources.maskingKeys.next() : 0;
    segment.end = this.#writeHead(segment.bytes, segment.end, first, size, key);
    let done = 0;
    while (done < size) {
      if (segment.room === 0) segment = chain.continueFrame();
      const pieceSize = Math.min(size - done, segment.room);
      const at = segment.end;
      const isWhole = pieceSize === size;
      segment.bytes.set(isWhole ? payload : payload.subarray(done, done + pieceSize), at);
      if (this.#isMasked) key = this.#masker.mask(segment.bytes, segment.words, at, at + pieceSize, key);
      segment.end = at + pieceSize;
      done += pieceSize;
    }
    return firstSegment;
  }

  #writeHead(bytes: Buffer, at: number, first: number, size: number, key: number): number {
    const behindLength = writeHeader(bytes, at, first, this.#isMasked, size);
    if (!this.#isMasked) return behindLength;
    bytes[behindLength] = key;
    bytes[behindLength + 1] = key >>> 8;
    bytes[behindLength + 2] = key >>> 16;
    bytes[behindLength + 3] = key >>> 24;
    return behindLength + 4;
  }
}
