// Collects the bytes that zlib produces for one message, up to a size limit. It does not call zlib.
import { Buffer, isAscii } from "node:buffer";
import { inflatesTooBig } from "./deflate-errors.js";
import { Slab } from "../../slab.js";
import type { SlidingWindow } from "./sliding-window.js";

/** Size in bytes of the chunk that is reused for every message. Most messages fit into it. */
const firstChunkSize = 64 * 1024;
/** In bytes. */
const maxChunkSize = 1024 * 1024;
/** Size in bytes from which passing chunks to a {@link ChunkSink} is worth its calls. */
const minSpillSize = 8 * 1024 * 1024;
const emptyBuffer = Buffer.alloc(0);

/** Receives the full chunks of a large message, so that the message is not collected as a whole. */
export interface ChunkSink {
  /** Called before one or more full chunks are passed to {@link onFullChunk}, in their order. */
  onSpillStart(): void;
  /** @param bytes - The chunk. Its memory may be reused after this call returns. */
  onFullChunk(bytes: Buffer): void;
}

/** The output of one message at a time. Many codecs share an instance. */
export class ChunkedOutput {
  readonly #slab: Slab = new Slab();
  #first: Buffer = emptyBuffer;
  #full: Buffer[] = [];
  #fullSize = 0;
  #chunk: Buffer = emptyBuffer;
  #offset = 0;
  #limit = 0;
  /** Number of bytes that were passed to the {@link ChunkSink}. */
  #spilledSize = 0;
  #sink: ChunkSink | undefined;

  /**
   * @param limit - Largest size of the message in bytes. One more byte can be written, so that an excess is detected.
   * @param sink - Receives the chunks of a message of more than 8 MiB that is not ASCII. {@link finish} then returns
   *   only the rest of the message.
   */
  begin(limit: number, sink?: ChunkSink): void {
    this.clear();
    this.#sink = sink;
    if (this.#first === emptyBuffer) this.#first = Buffer.allocUnsafeSlow(firstChunkSize);
    this.#chunk = this.#first;
    this.#limit = limit;
  }

  get size(): number {
    return this.#spilledSize + this.#fullSize + this.#offset;
  }

  /** The next bytes are written here, starting at {@link offset}. */
  get chunk(): Buffer {
    return this.#chunk;
  }

  get offset(): number {
    return this.#offset;
  }

  /** Number of bytes that may be written at {@link offset}. */
  get freeSpace(): number {
    return Math.min(this.#chunk.length - this.#offset, this.#limit + 1 - this.size);
  }

  advance(size: number): void {
    this.#offset += size;
  }

  /**
   * Makes space when {@link freeSpace} is 0.
   * @throws ProtocolError (1009) if the message exceeds the limit.
   */
  grow(): void {
    if (this.size > this.#limit) throw inflatesTooBig(this.#limit);
    if (this.#sink !== undefined && this.#shouldSpill()) {
      this.#spill(this.#sink);
      return;
    }
    this.#full.push(this.#chunk);
    this.#fullSize += this.#offset;
    const rest = this.#limit + 1 - this.#spilledSize - this.#fullSize;
    const size = Math.min(this.#fullSize, maxChunkSize, rest);
    this.#chunk = Buffer.allocUnsafeSlow(size);
    this.#offset = 0;
  }

  /** ASCII is not passed on in chunks: decoding it as a whole is fastest, and the string needs no more memory. */
  #shouldSpill(): boolean {
    return this.size >= minSpillSize && !isAscii(this.#chunk.subarray(0, this.#offset));
  }

  #spill(sink: ChunkSink): void {
    sink.onSpillStart();
    for (const chunk of this.#full) sink.onFullChunk(chunk);
    sink.onFullChunk(this.#chunk.subarray(0, this.#offset));
    this.#full = [];
    this.#spilledSize = this.size;
    this.#fullSize = 0;
    this.#offset = 0;
  }

  /** Appends to `window` all bytes from position `from` on that are still in memory. */
  appendTo(window: SlidingWindow, from: number): void {
    let start = Math.max(from - this.#spilledSize, 0);
    for (const chunk of this.#full) {
      if (start < chunk.length) window.append(chunk, start, chunk.length);
      start = Math.max(start - chunk.length, 0);
    }
    window.append(this.#chunk, start, this.#offset);
  }

  /**
   * Ends the message and returns its first `size` bytes.
   * @param isKept - `true` if the caller keeps the result. If `false`, the next message may overwrite it.
   */
  finish(isKept: boolean, size: number = this.size): Buffer {
    const rest = size - this.#spilledSize;
    const result = this.#full.length > 0 ? this.#join(rest) : this.#firstBytes(rest, isKept);
    this.clear();
    return result;
  }

  /** Releases all memory except the first chunk. */
  clear(): void {
    if (this.#full.length > 0) this.#full = [];
    this.#fullSize = 0;
    this.#spilledSize = 0;
    this.#chunk = emptyBuffer;
    this.#offset = 0;
    this.#sink = undefined;
  }

  #join(size: number): Buffer {
    return Buffer.concat([...this.#full, this.#chunk.subarray(0, this.#offset)], size);
  }

  #firstBytes(size: number, isKept: boolean): Buffer {
    return isKept ? this.#slab.copy(this.#chunk, 0, size) : this.#chunk.subarray(0, size);
  }
}
