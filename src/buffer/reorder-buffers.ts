// The reorder buffers of all streams: their common memory limit and their common timer. It does not decide when
// messages are released.
import { MemoryBudget } from "./memory-budget.js";
import type { Arrival, MessageStream } from "./message-stream.js";
import { ReorderBuffer } from "./reorder-buffer.js";

/** The reorder buffer of one stream. */
export type StreamBuffer<Message> = ReorderBuffer<Arrival<Message>>;

/** Stores which streams have a reorder buffer, counts the memory of all buffers, and schedules their next check. */
export class ReorderBuffers<Message> {
  readonly #dueAtOf: (buffer: StreamBuffer<Message>) => number;
  readonly #onNextAt: (at: number) => void;
  readonly #streams = new Set<MessageStream<Message>>();
  readonly #memory: MemoryBudget;
  /** The next check is due at this time or later. */
  #nextAt = Infinity;

  /**
   * @param maxBytes - The memory limit of all buffers together.
   * @param dueAtOf - Returns the time of the next check of a buffer.
   * @param onNextAt - Called when the next check of all buffers becomes earlier.
   */
  constructor(
    maxBytes: number,
    dueAtOf: (buffer: StreamBuffer<Message>) => number,
    onNextAt: (at: number) => void,
  ) {
    this.#memory = new MemoryBudget(maxBytes);
    this.#dueAtOf = dueAtOf;
    this.#onNextAt = onNextAt;
  }

  /** Number of buffered messages. */
  get messageCount(): number {
    return this.#memory.count;
  }

  /** True when the memory limit is reached. A single message always fits. */
  get isFull(): boolean {
    return this.#memory.isFull && this.#memory.count > 1;
  }

  /** True when enough memory is free, so that no more buffers need to be released. */
  get isBelowThreshold(): boolean {
    return this.#memory.isBelowThreshold || this.#memory.count <= 1;
  }

  begin(stream: MessageStream<Message>, at: number, requestsBefore: number): StreamBuffer<Message> {
    const { isOrdered } = stream.window;
    const buffer: StreamBuffer<Message> = new ReorderBuffer(isOrdered, this.#memory, at, requestsBefore);
    stream.buffer = buffer;
    this.#streams.add(stream);
    return buffer;
  }

  /** Removes the buffer of a stream. The caller must remove the messages from the buffer. */
  end(stream: MessageStream<Message>): void {
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

  /** Calls `visit` for each stream that has a buffer, then schedules the next check of the remaining buffers. */
  forEach(visit: (stream: MessageStream<Message>, buffer: StreamBuffer<Message>) => void): void {
    this.#nextAt = Infinity;
    let nextAt = Infinity;
    for (const stream of [...this.#streams]) {
      const { buffer } = stream;
      if (buffer === undefined) continue;
      visit(stream, buffer);
      if (stream.buffer === buffer) nextAt = Math.min(nextAt, this.#dueAtOf(buffer));
    }
    this.schedule(nextAt);
  }
}
