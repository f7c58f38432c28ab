import { Hold } from "./hold.js";
import type { Arrival, MessageStream } from "./message-stream.js";

/** The hold of one stream. */
export type StreamHold<Message> = Hold<Arrival<Message>>;

/** The streams that hold something, and when one of them is to be looked at. */
export class Holds<Message> {
  readonly #onNextAt: (at: number) => void;
  readonly #streams = new Set<MessageStream<Message>>();
  #nextAt = Infinity;

  constructor(onNextAt: (at: number) => void) {
    this.#onNextAt = onNextAt;
  }

  /** Never later than the first look that is due. */
  get nextAt(): number {
    return this.#nextAt;
  }

  /** How many messages are held. */
  get messageCount(): number {
    let count = 0;
    for (const { hold } of this.#streams) count += hold!.length;
    return count;
  }

  begin(stream: MessageStream<Message>, at: number, requestsBefore: number): StreamHold<Message> {
    const hold: StreamHold<Message> = new Hold(stream.window.isOrdered, at, requestsBefore);
    stream.hold = hold;
    this.#streams.add(stream);
    return hold;
  }

  end(stream: MessageStream<Message>): void {
    stream.hold = undefined;
    this.#streams.delete(stream);
  }

  arm(at: number): void {
    if (at >= this.#nextAt) return;
    this.#nextAt = at;
    this.#onNextAt(at);
  }

  /** Calls `look` with each stream that holds, and arms for the time that it gives. */
  look(look: (stream: MessageStream<Message>, hold: StreamHold<Message>) => number): void {
    this.#nextAt = Infinity;
    let nextAt = Infinity;
    for (const stream of [...this.#streams]) {
      if (stream.hold !== undefined) nextAt = Math.min(nextAt, look(stream, stream.hold));
    }
    this.arm(nextAt);
  }
}
