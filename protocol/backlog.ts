// Buffers received bytes that were not parsed yet, because reading is paused or because a handler threw. It does not
// parse them.
import type { SpareBuffer } from "./spare-buffer.js";

const minChunkSize = 1024;
const maxChunkSize = 64 * 1024;

/** One piece of the buffered bytes: `memory` from `start` to `end`. The memory after `end` is free. */
interface Chunk {
  readonly memory: Buffer;
  /** The memory was borrowed from the spare buffer and must be released to it. */
  readonly isBorrowed: boolean;
  start: number;
  end: number;
  next: Chunk | undefined;
}

/**
 * A queue of chunks that hold copies of the buffered bytes.
 *
 * Each byte is copied once, no matter how many reads deliver the bytes and how many calls parse them. The work is
 * linear in the number of bytes.
 */
export class Backlog {
  readonly #spare: SpareBuffer;
  #first: Chunk | undefined;
  #last: Chunk | undefined;
  #size = 0;
  /** The chunk that {@link take} returned last and that is being parsed. */
  #taken: Chunk | undefined;

  constructor(spare: SpareBuffer) {
    this.#spare = spare;
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /** The buffered bytes in order. The returned buffers are views of the backlog's memory. */
  *pieces(): Generator<Buffer> {
    for (let chunk = this.#first; chunk !== undefined; chunk = chunk.next)
      yield chunk.memory.subarray(chunk.start, chunk.end);
  }

  /** @param bytes - Copied; the caller keeps its memory. */
  append(bytes: Buffer): void {
    const last = this.#last;
    const freeSize = last === undefined ? 0 : Math.min(last.memory.length - last.end, bytes.length);
    if (last !== undefined && freeSize > 0) {
      bytes.copy(last.memory, last.end, 0, freeSize);
      last.end += freeSize;
      this.#size += freeSize;
    }
    if (freeSize === bytes.length) return;
    const chunk = this.#copy(freeSize === 0 ? bytes : bytes.subarray(freeSize), this.#nextChunkSize());
    if (last === undefined) this.#first = chunk;
    else last.next = chunk;
    this.#last = chunk;
  }

  /**
   * Minimum size in bytes of the next chunk. The first chunk is exactly as large as its bytes, because most pauses
   * buffer a single read. Later chunks are as large as all buffered bytes, from 1 KiB to 64 KiB, so that many small
   * reads share one chunk.
   */
  #nextChunkSize(): number {
    return this.isEmpty ? 0 : Math.min(Math.max(this.#size, minChunkSize), maxChunkSize);
  }

  #copy(bytes: Buffer, minSize: number): Chunk {
    const borrowed = this.#spare.borrow(bytes.length);
    const memory = borrowed ?? this.#allocate(bytes.length, minSize);
    bytes.copy(memory);
    this.#size += bytes.length;
    return { memory, isBorrowed: borrowed !== undefined, start: 0, end: bytes.length, next: undefined };
  }

  #allocate(size: number, minSize: number): Buffer {
    // A chunk without free space may use Node's pool. A chunk that will grow gets memory of its own.
    return size >= minSize ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(minSize);
  }

  /**
   * Removes the first chunk and returns its bytes for parsing. The caller must then call {@link putBack} with the
   * unparsed rest, which may be empty.
   */
  take(): Buffer | undefined {
    const chunk = this.#first;
    if (chunk === undefined) return undefined;
    this.#first = chunk.next;
    if (chunk.next === undefined) this.#last = undefined;
    chunk.next = undefined;
    this.#size -= chunk.end - chunk.start;
    this.#taken = chunk;
    return chunk.memory.subarray(chunk.start, chunk.end);
  }

  /**
   * Puts unparsed bytes back at the front of the queue, before bytes that arrived in the meantime.
   * @param wasTaken - `true`: `rest` is the end of the bytes that {@link take} returned last. `false`: `rest` belongs
   *   to the caller and is copied.
   */
  putBack(rest: Buffer, wasTaken: boolean): void {
    if (!wasTaken) {
      if (rest.length > 0) this.#prepend(this.#copy(rest, 0));
      return;
    }
    const chunk = this.#taken!;
    this.#taken = undefined;
    if (rest.length === 0) {
      this.#release(chunk);
      return;
    }
    chunk.start = chunk.end - rest.length;
    this.#size += rest.length;
    this.#prepend(chunk);
  }

  #prepend(chunk: Chunk): void {
    chunk.next = this.#first;
    this.#first = chunk;
    this.#last ??= chunk;
  }

  #release({ memory, isBorrowed }: Chunk): void {
    if (isBorrowed) this.#spare.release(memory);
  }

  /** Discards all buffered bytes except the chunk that {@link take} returned. */
  clear(): void {
    for (let chunk = this.#first; chunk !== undefined; chunk = chunk.next) this.#release(chunk);
    this.#first = undefined;
    this.#last = undefined;
    this.#size = 0;
  }
}
