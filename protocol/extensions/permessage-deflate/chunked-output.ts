import { Buffer, isAscii } from "node:buffer";
import { inflatesTooBig } from "./deflate-errors.js";
import { Slab } from "../../slab.js";
import type { SlidingWindow } from "./sliding-window.js";

/** The chunk that is kept from message to message: most of them fit in. */
const firstChunkSize = 64 * 1024;
const maxChunkSize = 1024 * 1024;
/** What a {@link ChunkOwner} takes is worth its calls from this size of a message on. */
const minSpillSize = 8 * 1024 * 1024;
const nothing = Buffer.alloc(0);

/** Takes the chunks of a large message that is not to be collected whole. */
export interface ChunkOwner {
  /** Some chunks are full, and are given to {@link onFullChunk} next, in their order. */
  onFullChunks(): void;
  /** @param bytes - The chunk, whose memory may be used again after this returns. */
  onFullChunk(bytes: Buffer): void;
}

/** Collects what zlib yields for one message, up to a limit. Serves many codecs, one message after the other. */
export class ChunkedOutput {
  readonly #slab: Slab = new Slab();
  #first: Buffer = nothing;
  #full: Buffer[] = [];
  #fullSize = 0;
  #chunk: Buffer = nothing;
  #offset = 0;
  #limit = 0;
  /** What a {@link ChunkOwner} has taken of the message. */
  #spilledSize = 0;
  #owner: ChunkOwner | undefined;

  /**
   * @param limit - The most bytes that may come; there is room for one more, so that an excess shows.
   * @param owner - Is given the chunks of a message of more than 8 MiB that is not ASCII; {@link take} then gives the rest of
   *   the message alone.
   */
  begin(limit: number, owner?: ChunkOwner): void {
    this.clear();
    this.#owner = owner;
    if (this.#first === nothing) this.#first = Buffer.allocUnsafeSlow(firstChunkSize);
    this.#chunk = this.#first;
    this.#limit = limit;
  }

  get size(): number {
    return this.#spilledSize + this.#fullSize + this.#offset;
  }

  /** Where the next bytes go, from {@link offset} on. */
  get chunk(): Buffer {
    return this.#chunk;
  }

  get offset(): number {
    return this.#offset;
  }

  /** How many bytes may be written at {@link offset}. */
  get room(): number {
    return Math.min(this.#chunk.length - this.#offset, this.#limit + 1 - this.size);
  }

  advance(size: number): void {
    this.#offset += size;
  }

  /**
   * Makes room where there is none.
   * @throws ProtocolError (1009) where the limit is passed.
   */
  grow(): void {
    if (this.size > this.#limit) throw inflatesTooBig(this.#limit);
    if (this.#owner !== undefined && this.#isWorthSpilling()) {
      this.#spill(this.#owner);
      return;
    }
    this.#full.push(this.#chunk);
    this.#fullSize += this.#offset;
    const rest = this.#limit + 1 - this.#spilledSize - this.#fullSize;
    const size = Math.min(this.#fullSize, maxChunkSize, rest);
    this.#chunk = Buffer.allocUnsafeSlow(size);
    this.#offset = 0;
  }

  /** ASCII is decoded fastest at once, and takes no more memory as a string. */
  #isWorthSpilling(): boolean {
    return this.size >= minSpillSize && !isAscii(this.#chunk.subarray(0, this.#offset));
  }

  #spill(owner: ChunkOwner): void {
    owner.onFullChunks();
    for (const chunk of this.#full) owner.onFullChunk(chunk);
    owner.onFullChunk(this.#chunk.subarray(0, this.#offset));
    this.#full = [];
    this.#spilledSize = this.size;
    this.#fullSize = 0;
    this.#offset = 0;
  }

  /** Appends what has come from the position `from` on, and is here. */
  appendTo(window: SlidingWindow, from: number): void {
    let start = Math.max(from - this.#spilledSize, 0);
    for (const chunk of this.#full) {
      if (start < chunk.length) window.append(chunk, start, chunk.length);
      start = Math.max(start - chunk.length, 0);
    }
    window.append(this.#chunk, start, this.#offset);
  }

  /**
   * Ends the message and gives its first `size` bytes.
   * @param isKept - Otherwise the next {@link begin} may hand the same memory out again.
   */
  take(isKept: boolean, size: number = this.size): Buffer {
    const here = size - this.#spilledSize;
    const result = this.#full.length > 0 ? this.#join(here) : this.#firstBytes(here, isKept);
    this.clear();
    return result;
  }

  /** Lets go of all memory but the first chunk. */
  clear(): void {
    if (this.#full.length > 0) this.#full = [];
    this.#fullSize = 0;
    this.#spilledSize = 0;
    this.#chunk = nothing;
    this.#offset = 0;
    this.#owner = undefined;
  }

  #join(size: number): Buffer {
    return Buffer.concat([...this.#full, this.#chunk.subarray(0, this.#offset)], size);
  }

  #firstBytes(size: number, isKept: boolean): Buffer {
    return isKept ? this.#slab.copy(this.#chunk, 0, size) : this.#chunk.subarray(0, size);
  }
}
