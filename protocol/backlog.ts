// Stores received bytes that cannot be parsed yet, because reading is paused or because a handler threw an error. This
// module does not parse bytes.
import type { SpareBuffer } from "./spare-buffer.js";

const minChunkSize = 1024;
const maxChunkSize = 64 * 1024;

/** One piece of the stored bytes: `memory` from `start` to `end`. The memory after `end` is free. */
interface Chunk {
  /** Either the shared spare buffer, or memory that only this chunk uses. */
  readonly memory: Buffer;
  start: number;
  end: number;
  next: Chunk | undefined;
}

/**
 * A queue of chunks that contain copies of the received bytes.
 *
 * Each byte is copied only once, even if many reads deliver the bytes and many calls parse them. The work is linear in
 * the number of bytes.
 */
export class Backlog {
  readonly #spare: SpareBuffer;
  #first: Chunk | undefined;
  #last: Chunk | undefined;
  #size = 0;
  /** The chunk that {@link take} returned last. Its bytes are being parsed. */
  #taken: Chunk | undefined;

  constructor(spare: SpareBuffer) {
    this.#spare = spare;
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /** Yields the stored bytes in order, as views of the backlog's memory. */
  *pieces(): Generator<Buffer> {
    for (let chunk = this.#first; chunk !== undefined; chunk = chunk.next)
      yield chunk.memory.subarray(chunk.start, chunk.end);
  }

  /** @param bytes - Copied. The caller may reuse the memory afterwards. */
  append(bytes: Buffer): void {
    const last = this.#last;
    let rest = bytes;
    if (last !== undefined) {
      const copiedSize = bytes.copy(last.memory, last.end);
      last.end += copiedSize;
      this.#size += copiedSize;
      rest = bytes.subarray(copiedSize);
    }
    if (rest.length === 0) return;
    // During most pauses, only one read is stored. Therefore the first chunk is only as large as the first read. The
    // size of each later chunk is the number of stored bytes, but at least 1 KiB and at most 64 KiB. Therefore many
    // small reads share one chunk.
    const minSize = last === undefined ? 0 : Math.min(Math.max(this.#size, minChunkSize), maxChunkSize);
    const chunk = this.#copy(rest, minSize);
    this.#size += rest.length;
    if (last === undefined) this.#first = chunk;
    else last.next = chunk;
    this.#last = chunk;
  }

  #copy(bytes: Buffer, minSize: number): Chunk {
    const memory = this.#spare.borrow(bytes.length) ?? allocate(bytes.length, minSize);
    return { memory, start: 0, end: bytes.copy(memory), next: undefined };
  }

  /**
   * Removes the first chunk and returns its bytes for parsing. The caller must then call {@link putBack} with the
   * unparsed rest, even if the rest is empty.
   */
  take(): Buffer | undefined {
    const chunk = this.#first;
    if (chunk === undefined) return undefined;
    this.#first = chunk.next;
    if (chunk.next === undefined) this.#last = undefined;
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
    const chunk = wasTaken ? this.#taken! : this.#copy(rest, 0);
    this.#taken = undefined;
    if (rest.length === 0) {
      this.#spare.release(chunk.memory);
      return;
    }
    chunk.start = chunk.end - rest.length;
    chunk.next = this.#first;
    this.#first = chunk;
    this.#last ??= chunk;
    this.#size += rest.length;
  }

  /** Discards all stored bytes, except the bytes that {@link take} returned last. */
  clear(): void {
    for (let chunk = this.#first; chunk !== undefined; chunk = chunk.next) this.#spare.release(chunk.memory);
    this.#first = undefined;
    this.#last = undefined;
    this.#size = 0;
  }
}

/**
 * A chunk that will not grow can be allocated in Node's pool. A chunk with space for later bytes gets memory of its
 * own.
 */
function allocate(size: number, minSize: number): Buffer {
  return size >= minSize ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(minSize);
}
