// The async iterator over received messages or batches. The end of a loop does not close the connection.
import { handled, rejected } from "../../runtime/wait.js";
import type { Reader, ReadingEnd } from "./reader.js";

export interface IteratorSource<Item> {
  /** Removes and returns the next item of the inbox; `undefined` if the inbox is empty. */
  take(): { readonly value: Item } | undefined;
  /** Creates an item for a call that waited. `first` is the message that ended the wait. */
  itemOf(first: unknown): Item | Promise<Item>;
  /** Returns how reading ended; `undefined` if reading has not ended. */
  ended(): ReadingEnd | undefined;
  /** Adds a reader for the next message. */
  wait(reader: Reader): void;
  /** The iterator was closed. @param readers - The readers that were still waiting. */
  onReturn(readers: readonly Reader[]): void;
}

export class MessageIterator<Item> implements AsyncIterableIterator<Item> {
  readonly #source: IteratorSource<Item>;
  readonly #waiting = new Set<Reader>();
  #isDone = false;

  constructor(source: IteratorSource<Item>) {
    this.#source = source;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Item>> {
    if (this.#isDone) return Promise.resolve(resultOf(normalEnd));
    const entry = this.#source.take();
    if (entry !== undefined) return Promise.resolve({ value: entry.value, done: false });
    const end = this.#source.ended();
    if (end === undefined) return this.#wait();
    this.#close();
    return Promise.resolve(resultOf(end));
  }

  #wait(): Promise<IteratorResult<Item>> {
    const result = new Promise<IteratorResult<Item>>((resolve) => {
      const reader: Reader = {
        resolve: (value) => {
          this.#waiting.delete(reader);
          const item = this.#source.itemOf(value);
          if (item instanceof Promise) resolve(item.then((later) => ({ value: later, done: false })));
          else resolve({ value: item, done: false });
        },
        end: (end) => {
          this.#waiting.delete(reader);
          this.#close();
          resolve(resultOf(end));
        },
      };
      this.#waiting.add(reader);
      this.#source.wait(reader);
    });
    return handled(result);
  }

  return(): Promise<IteratorResult<Item>> {
    this.#close();
    return Promise.resolve(resultOf(normalEnd));
  }

  #close(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    this.#source.onReturn(waiting);
    for (const reader of waiting) reader.end(normalEnd);
  }
}

const normalEnd: ReadingEnd = { iteratorError: undefined, recvError: undefined };

function resultOf({ iteratorError }: ReadingEnd): IteratorResult<never> | Promise<never> {
  return iteratorError === undefined ? { value: undefined, done: true } : rejected(iteratorError);
}
