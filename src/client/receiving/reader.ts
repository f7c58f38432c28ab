// The types of a waiting reader and of the end of reading. This module contains types only.
import type { LinkedQueueNode } from "../../runtime/linked-queue.js";

/** A `recv()` call or an iterator call that waits for a message. */
export interface Reader {
  /** The filter of `recv({ match })`. A reader without a filter accepts every message. */
  readonly filter?:
    | {
        match(message: unknown): boolean;
        /** Called if `match` throws, or if the inbox is full of messages that `match` rejects. */
        reject(error: unknown): void;
      }
    | undefined;
  resolve(value: unknown): void;
  /** Ends the call, because no further message arrives. */
  end(end: ReadingEnd): void;
  /** The node of this reader in its queue. */
  node?: LinkedQueueNode<Reader>;
}

/** How calls of `recv()` and of iterators end after the last message. */
export interface ReadingEnd {
  /** The error that iterators reject with; `undefined` if iterators end normally. */
  readonly iteratorError: unknown;
  /** The error that `recv()` rejects with. */
  readonly recvError: unknown;
}
