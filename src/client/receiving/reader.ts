// The types of a waiting reader and of the end of reading.
import type { LinkedQueueNode } from "../../runtime/linked-queue.js";

/** A `recv()` call or an iterator call that waits for a message. */
export interface Reader<Received> {
  /** The filter of `recv({ match })`. A reader without one accepts every message. */
  readonly filter?:
    | {
        match(message: Received): boolean;
        /** Called if `match` throws, or if no further message can arrive that it would accept. */
        reject(error: unknown): void;
      }
    | undefined;
  resolve(value: Received): void;
  /** No further message will arrive. */
  end(end: ReadingEnd): void;
  /** The node of this reader in its queue. */
  node?: LinkedQueueNode<Reader<Received>>;
}

/** The result of reads after the last message. */
export interface ReadingEnd {
  /** The error that iterators reject with; `undefined` if they end normally. */
  readonly iteratorError: unknown;
  /** The error that `recv()` rejects with. */
  readonly recvError: unknown;
}
