import type { LinkedQueueNode } from "../../runtime/linked-queue.js";

/** Who waits for the next message. */
export interface Reader<Received> {
  /** Of a call that takes one message of many; others take the next one. */
  readonly filter?:
    | {
        match(message: Received): boolean;
        /** `match` threw, or no message can come any more that it accepts. */
        reject(error: unknown): void;
      }
    | undefined;
  resolve(value: Received): void;
  /** Nothing more comes. `undefined` ends an iterator; a `recv()` always gets an error. */
  end(end: ReadingEnd): void;
  /** Where it stands among those who wait. */
  place?: LinkedQueueNode<Reader<Received>>;
}

/** How reading ends: what iterators reject with, `undefined` where they just end, and what `recv()` rejects with. */
export interface ReadingEnd {
  readonly iteratorError: unknown;
  readonly recvError: unknown;
}
