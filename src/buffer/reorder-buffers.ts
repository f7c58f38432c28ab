// The reorder buffers of all streams: their common memory limit and their common timer. It does not decide when

// messages are released.
import { MemoryBudget } from "./memory-budget.js";
import { ReorderBuffer } from "./reorder-buffer.js";
import type { Arrival, MessageStream } from "./message-stream.js";

/** The reorder buffer of one stream. */
export type StreamBuffer<Message> = ReorderBuffer<Arrival<Message>>;

/** Knows the streams that have a reorder buffer, their memory, and when one of them must be checked. */
export class ReorderBuffers<Message> {
  readonly #onNextAt: (at: number) => void;
  readonly #streams = new Set<MessageStream<Message>>();
  readonly #memory: MemoryBudget;
  #nextAt = Infinity;

  /** @param maxBytes - The memory limit of all buffers together. */
  constructor(maxBytes: number, onNextAt: (at: number) => void) {
    this.#memory = new MemoryBudget(maxBytes);
    this.#onNextAt = onNextAt;
  }

  /** When the next check is due, or an earlier time. */
  get nextAt(): number {
    return this.#nextAt;
  }

  /** Number of buffered messages. */
  get messageCount(): number {
    return this.#memory.count;
  }

  /** True when the memory limit is reached. One message always fits. */
  get isFull(): boolean {
    return this.#memory.isFull && this.#memory.count > 1;
  }

  /** True when enough memory is free, so that no more buffers need to be released. */
  get isBelowThreshold(): boolean {
    return this.#memory.isBelowThreshold || this.#memory.count <= 1;
  }

  begin(stream: MessageStream<Message>, at: number, requestsBefore: number): StreamBuffer<Message> {
    const buffer: StreamBuffer<Message> = new ReorderBuffer(stream.window.isOrdered, at, requestsBefore);
    stream.buffer = buffer;
    this.#streams.add(stream);
    return buffer;
  }

  /** @returns `false` if a message with the same id is already buffered. */
  add(buffer: StreamBuffer<Message>, arrival: Arrival<Message>, isInOrder: boolean): boolean {
    if (!isInOrder) buffer.append(arrival);
    else if (!buffer.insert(arrival)) return false;
    buffer.bytes += arrival.bytes;
    this.#memory.add(arrival.bytes);
    return true;
  }

  /** Removes the first message of a buffer. */
  shift(buffer: StreamBuffer<Message>): void {
    const arrival = buffer.shift();
    if (arrival === undefined) return;
    buffer.bytes -= arrival.bytes;
    this.#memory.remove(arrival.bytes);
  }

  /** Removes the buffer of a stream. The caller takes over the messages in it. */
  end(stream: MessageStream<Message>): void {
    const { buffer } = stream;
    if (buffer !== undefined) this.#memory.remove(buffer.bytes, buffer.length);
    stream.buffer = undefined;
    this.#streams.delete(stream);
  }

  /** The streams that have a buffer, the largest buffer first. */
  largestFirst(): MessageStream<Message>[] {
    const bytesOf = ({ buffer }: MessageStream<Message>): number => buffer?.bytes ?? 0;
    return [...this.#streams].sort((left, right) => bytesOf(right) - bytesOf(left));
  }

  schedule(at: number): void {
    if (at >= this.#nextAt) return;
    this.#nextAt = at;
    this.#onNextAt(at);
  }

  /** Calls `visit` for each stream that has a buffer, and schedules the earliest time that it returns. */
  forEach(visit: (stream: MessageStream<Message>, buffer: StreamBuffer<Message>) => number): void {
    this.#nextAt = Infinity;
    let nextAt = Infinity;
    for (const stream of [...this.#streams]) {
      if (stream.buffer !== undefined) nextAt = Math.min(nextAt, visit(stream, stream.buffer));
    }
    this.schedule(nextAt);
  }
}
