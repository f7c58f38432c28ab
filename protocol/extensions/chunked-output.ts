import { Buffer } from "node:buffer";
import { inflatesTooBig } from "./deflate-errors.js";
import { Slab } from "../slab.js";
import type { SlidingWindow } from "./sliding-window.js";

/** The chunk that is kept from message to message: most of them fit in. */
const firstChunkSize = 64 * 1024;
const maxChunkSize = 1024 * 1024;
const nothing = Buffer.alloc(0);

/** Collects what zlib yields for one message, up to a limit. Serves many codecs, one message after the other. */
export class ChunkedOutput {
  readonly #slab: Slab = new Slab();
  #first: Buffer = nothing;
  #full: Buffer[] = [];
  #fullSize = 0;
  #chunk: Buffer = nothing;
  #offset = 0;
  #limit = 0;

  /** @param limit - The most bytes that may come; there is room for one more, so that an excess shows. */
  begin(limit: number): void {
    this.clear();
    if (this.#first === nothing) this.#first = Buffer.allocUnsafeSlow(firstChunkSize);
    this.#chunk = this.#first;
    this.#limit = limit;
  }

  get size(): number {
    return this.#fullSize + this.#offset;
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
    this.#full.push(this.#chunk);
    this.#fullSize += this.#offset;
    const size = Math.min(this.#fullSize, maxChunkSize, this.#limit + 1 - this.#fullSize);
    this.#chunk = Buffer.allocUnsafeSlow(size);
    this.#offset = 0;
  }

  /** Appends what has come from the position `from` on. */
  appendTo(window: SlidingWindow, from: number): void {
    let start = from;
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
    const result = this.#full.length > 0 ? this.#join(size) : this.#firstBytes(size, isKept);
    this.clear();
    return result;
  }

  /** Lets go of all memory but the first chunk. */
  clear(): void {
    if (this.#full.length > 0) this.#full = [];
    this.#fullSize = 0;
    this.#chunk = nothing;
    this.#offset = 0;
  }

  #join(size: number): Buffer {
    return Buffer.concat([...this.#full, this.#chunk.subarray(0, this.#offset)], size);
  }

  #firstBytes(size: number, isKept: boolean): Buffer {
    return isKept ? this.#slab.copy(this.#chunk, 0, size) : this.#chunk.subarray(0, size);
  }
}
