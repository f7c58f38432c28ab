import { MemoryBudget } from "./memory-budget.js";
import { ReorderBuffer } from "./reorder-buffer.js";
import type { Arrival, MessageStream } from "./message-stream.js";

/** The hold of one stream. */
export type StreamBuffer<Message> = ReorderBuffer<Arrival<Message>>;

/** The streams that hold something, the memory of it, and when one of them is to be looked at. */
export class ReorderBuffers<Message> {
  readonly #onNextAt: (at: number) => void;
  readonly #streams = new Set<MessageStream<Message>>();
  readonly #memory: MemoryBudget;
  #nextAt = Infinity;

  /** @param maxBytes - The bound of all holds together. */
  constructor(maxBytes: number, onNextAt: (at: number) => void) {
    this.#memory = new MemoryBudget(maxBytes);
    this.#onNextAt = onNextAt;
  }

  /** Never later than the first look that is due. */
  get nextAt(): number {
    return this.#nextAt;
  }

  /** How many messages are held. */
  get messageCount(): number {
    return this.#memory.count;
  }

  /** The bound of bytes is met; one message always fits. */
  get isFull(): boolean {
    return this.#memory.isFull && this.#memory.count > 1;
  }

  /** Streams that are given up next have no need to be. */
  get isBelowThreshold(): boolean {
    return this.#memory.isBelowThreshold || this.#memory.count <= 1;
  }

  begin(stream: MessageStream<Message>, at: number, requestsBefore: number): StreamBuffer<Message> {
    const buffer: StreamBuffer<Message> = new ReorderBuffer(stream.window.isOrdered, at, requestsBefore);
    stream.buffer = buffer;
    this.#streams.add(stream);
    return buffer;
  }

  /** @returns `false` where a message with the same id is held already. */
  add(buffer: StreamBuffer<Message>, arrival: Arrival<Message>, isInOrder: boolean): boolean {
    if (!isInOrder) buffer.append(arrival);
    else if (!buffer.insert(arrival)) return false;
    buffer.bytes += arrival.bytes;
    this.#memory.add(arrival.bytes);
    return true;
  }

  /** Takes out the first message of a hold. */
  shift(buffer: StreamBuffer<Message>): void {
    const arrival = buffer.shift();
    if (arrival === undefined) return;
    buffer.bytes -= arrival.bytes;
    this.#memory.remove(arrival.bytes);
  }

  /** Ends the hold of a stream. What it still holds is its owner's. */
  end(stream: MessageStream<Message>): void {
    const { buffer } = stream;
    if (buffer !== undefined) this.#memory.remove(buffer.bytes, buffer.length);
    stream.buffer = undefined;
    this.#streams.delete(stream);
  }

  /** The streams that hold, those first that hold the most bytes. */
  largestFirst(): MessageStream<Message>[] {
    const bytesOf = ({ buffer }: MessageStream<Message>): number => buffer?.bytes ?? 0;
    return [...this.#streams].sort((left, right) => bytesOf(right) - bytesOf(left));
  }

  schedule(at: number): void {
    if (at >= this.#nextAt) return;
    this.#nextAt = at;
    this.#onNextAt(at);
  }

  /** Calls `forEach` with each stream that holds, and arms for the time that it gives. */
  forEach(forEach: (stream: MessageStream<Message>, buffer: StreamBuffer<Message>) => number): void {
    this.#nextAt = Infinity;
    let nextAt = Infinity;
    for (const stream of [...this.#streams]) {
      if (stream.buffer !== undefined) nextAt = Math.min(nextAt, forEach(stream, stream.buffer));
    }
    this.schedule(nextAt);
  }
}
