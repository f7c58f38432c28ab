import { HeldBytes } from "./held-bytes.js";
import { ReorderBuffer } from "./reorder-buffer.js";
import type { Arrival, MessageStream } from "./message-stream.js";

/** The hold of one stream. */
export type StreamBuffer<Message> = ReorderBuffer<Arrival<Message>>;

/** The streams that hold something, the memory of it, and when one of them is to be looked at. */
export class ReorderBuffers<Message> {
  readonly #onNextAt: (at: number) => void;
  readonly #streams = new Set<MessageStream<Message>>();
  readonly #held: HeldBytes;
  #nextAt = Infinity;

  /** @param maxBytes - The bound of all holds together. */
  constructor(maxBytes: number, onNextAt: (at: number) => void) {
    this.#held = new HeldBytes(maxBytes);
    this.#onNextAt = onNextAt;
  }

  /** Never later than the first look that is due. */
  get nextAt(): number {
    return this.#nextAt;
  }

  /** How many messages are held. */
  get messageCount(): number {
    return this.#held.count;
  }

  /** The bound of bytes is met; one message always fits. */
  get isFull(): boolean {
    return this.#held.isFull && this.#held.count > 1;
  }

  /** Streams that are given up next have no need to be. */
  get hasRoom(): boolean {
    return this.#held.hasRoom || this.#held.count <= 1;
  }

  begin(stream: MessageStream<Message>, at: number, requestsBefore: number): StreamBuffer<Message> {
    const hold: StreamBuffer<Message> = new ReorderBuffer(stream.window.isOrdered, at, requestsBefore);
    stream.hold = hold;
    this.#streams.add(stream);
    return hold;
  }

  /** @returns `false` where a message with the same id is held already. */
  add(hold: StreamBuffer<Message>, arrival: Arrival<Message>, isInOrder: boolean): boolean {
    if (!isInOrder) hold.append(arrival);
    else if (!hold.insert(arrival)) return false;
    hold.bytes += arrival.bytes;
    this.#held.add(arrival.bytes);
    return true;
  }

  /** Takes out the first message of a hold. */
  shift(hold: StreamBuffer<Message>): void {
    const arrival = hold.shift();
    if (arrival === undefined) return;
    hold.bytes -= arrival.bytes;
    this.#held.remove(arrival.bytes);
  }

  /** Ends the hold of a stream. What it still holds is its owner's. */
  end(stream: MessageStream<Message>): void {
    const { hold } = stream;
    if (hold !== undefined) this.#held.remove(hold.bytes, hold.length);
    stream.hold = undefined;
    this.#streams.delete(stream);
  }

  /** The streams that hold, those first that hold the most bytes. */
  largestFirst(): MessageStream<Message>[] {
    const bytesOf = ({ hold }: MessageStream<Message>): number => hold?.bytes ?? 0;
    return [...this.#streams].sort((left, right) => bytesOf(right) - bytesOf(left));
  }

  arm(at: number): void {
    if (at >= this.#nextAt) return;
    this.#nextAt = at;
    this.#onNextAt(at);
  }

  /** Calls `look` with each stream that holds, and arms for the time that it gives. */
  look(look: (stream: MessageStream<Message>, hold: StreamBuffer<Message>) => number): void {
    this.#nextAt = Infinity;
    let nextAt = Infinity;
    for (const stream of [...this.#streams]) {
      if (stream.hold !== undefined) nextAt = Math.min(nextAt, look(stream, stream.hold));
    }
    this.arm(nextAt);
  }
}
