// Collects the bytes that zlib produces for one message, up to a size limit. This module does not call zlib.
import { Buffer, isAscii } from "node:buffer";
import { Slab } from "../../slab.js";
import type { InflatedSink } from "./codec.js";
import { inflatesTooBig } from "./deflate-errors.js";
import type { SlidingWindow } from "./sliding-window.js";

/** Size in bytes of the chunk that is reused for every message. Most messages fit into this chunk. */
const firstChunkSize = 64 * 1024;
/** Largest size of a chunk in bytes. */
const maxChunkSize = 1024 * 1024;
/**
 * Smallest message in bytes whose chunks are passed to a sink. For smaller messages, the calls of the sink would cost
 * too much.
 */
const minSpillSize = 8 * 1024 * 1024;
const emptyBuffer = Buffer.alloc(0);

/** The output of one message at a time. Many codecs share an instance. */
export class ChunkedOutput {
  readonly #slab: Slab = new Slab();
  #first: Buffer = emptyBuffer;
  #full: Buffer[] = [];
  #fullSize = 0;
  #chunk: Buffer = emptyBuffer;
  #offset = 0;
  #limit = 0;
  /** Number of bytes of the current message that were passed to the sink. */
  #spilledSize = 0;
  /** Number of bytes of the current message that were appended to the window. */
  #recordedSize = 0;
  #window: SlidingWindow | undefined;
  #sink: InflatedSink | undefined;

  /**
   * Starts a message.
   * @param limit - Largest size of the message in bytes. One more byte can be written, so that an excess is detected.
   * @param window - {@link record} appends the bytes of the message to this window.
   * @param sink - Receives the full chunks of the message, if the message exceeds 8 MiB and is not ASCII. Then
   *   {@link finish} returns only the rest of the message.
   */
  begin(limit: number, window?: SlidingWindow, sink?: InflatedSink): void {
    this.clear();
    this.#window = window;
    this.#sink = sink;
    if (this.#first === emptyBuffer) this.#first = Buffer.allocUnsafeSlow(firstChunkSize);
    this.#chunk = this.#first;
    this.#limit = limit;
  }

  get size(): number {
    return this.#spilledSize + this.#fullSize + this.#offset;
  }

  /** The buffer to which the next bytes are written, starting at {@link offset}. */
  get chunk(): Buffer {
    return this.#chunk;
  }

  get offset(): number {
    return this.#offset;
  }

  /** Number of bytes that can be written at {@link offset}. */
  get freeSpace(): number {
    return Math.min(this.#chunk.length - this.#offset, this.#limit + 1 - this.size);
  }

  /** Number of bytes by which the message may still grow. */
  get remaining(): number {
    return this.#limit - this.size;
  }

  append(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      if (this.freeSpace === 0) this.grow();
      const size = Math.min(this.freeSpace, bytes.length - at);
      bytes.copy(this.#chunk, this.#offset, at, at + size);
      this.#offset += size;
      at += size;
    }
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

  /**
   * Returns `true` if the sink should receive the chunks. ASCII text is not divided into chunks, because decoding a
   * whole text by one call is fastest.
   */
  #shouldSpill(): boolean {
    return this.size >= minSpillSize && !isAscii(this.#chunk.subarray(0, this.#offset));
  }

  /** Passes all chunks to the sink. Before that, appends their bytes to the window, because the chunks are reused. */
  #spill(sink: InflatedSink): void {
    this.record();
    for (const chunk of this.#full) sink.onInflated(chunk);
    sink.onInflated(this.#chunk.subarray(0, this.#offset));
    this.#full = [];
    this.#spilledSize = this.size;
    this.#fullSize = 0;
    this.#offset = 0;
  }

  /** Appends to the window all bytes of the message that the window has not received yet. */
  record(): void {
    let start = this.#recordedSize - this.#spilledSize;
    for (const chunk of this.#full) {
      if (start < chunk.length) this.#window?.append(chunk, start, chunk.length);
      start = Math.max(start - chunk.length, 0);
    }
    this.#window?.append(this.#chunk, start, this.#offset);
    this.#recordedSize = this.size;
  }

  /**
   * Ends the message and returns its first `size` bytes.
   * @param isKept - `true` if the caller keeps the result. If `false`, the next message can overwrite the result.
   */
  finish(isKept: boolean, size: number = this.size): Buffer {
    const result = this.#take(size - this.#spilledSize, isKept);
    this.clear();
    return result;
  }

  /** Releases all memory except the first chunk. */
  clear(): void {
    if (this.#full.length > 0) this.#full = [];
    this.#fullSize = 0;
    this.#spilledSize = 0;
    this.#recordedSize = 0;
    this.#chunk = emptyBuffer;
    this.#offset = 0;
    this.#window = undefined;
    this.#sink = undefined;
  }

  #take(size: number, isKept: boolean): Buffer {
    if (this.#full.length > 0) {
      return Buffer.concat([...this.#full, this.#chunk.subarray(0, this.#offset)], size);
    }
    return isKept ? this.#slab.copy(this.#chunk, 0, size) : this.#chunk.subarray(0, size);
  }
}
