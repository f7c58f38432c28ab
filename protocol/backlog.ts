import type { SpareBuffer } from "./spare-buffer.js";

const minChunkSize = 1024;
const maxChunkSize = 64 * 1024;

/** Part of the kept bytes: those of `memory` from `start` to `end`. What is after `end` is room for more. */
interface Chunk {
  readonly memory: Buffer;
  /** The memory belongs to the spare buffer, and is returned to it. */
  readonly isBorrowed: boolean;
  start: number;
  end: number;
  next: Chunk | undefined;
}

/**
 * Keeps bytes that arrived but were not parsed, because of a pause or of a handler that threw. It does not parse them.
 *
 * The bytes are copies in a queue of chunks. Each byte is copied once, however many reads it takes to collect them and
 * however many calls it takes to parse them: the work is linear in the bytes.
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

  /** The kept bytes in their order. They are only lent. */
  *pieces(): Generator<Buffer> {
    for (let chunk = this.#first; chunk !== undefined; chunk = chunk.next)
      yield chunk.memory.subarray(chunk.start, chunk.end);
  }

  /** @param bytes - Only lent. */
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
   * The least size of the next chunk. The first chunk is as large as its bytes, since most pauses keep one read. The
   * others double what is kept, up to 64 KiB, so that many small reads share a chunk.
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
    // Small memory of a fixed size comes from Node's pool.
    return size >= minSize ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(minSize);
  }

  /** Takes the first chunk out, to be parsed. What is not parsed of it, even if that is nothing, is returned by {@link putBack}. */
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
   * Puts the end of what was parsed before the bytes that have arrived meanwhile.
   * @param wasTaken - `rest` is the end of what {@link take} returned; otherwise it is only lent.
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

  /** Discards all that is kept, but for what was taken out. */
  clear(): void {
    for (let chunk = this.#first; chunk !== undefined; chunk = chunk.next) this.#release(chunk);
    this.#first = undefined;
    this.#last = undefined;
    this.#size = 0;
  }
}
