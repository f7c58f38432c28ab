// The async iterator over received messages or batches. It does not close the connection when the loop is left.
import { handled, rejected } from "../../runtime/wait.js";
import type { Reader, ReadingEnd } from "./reader.js";

export interface IteratorSource<Received, Item> {
  /** Removes and returns the next item from the inbox; `undefined` if there is none. */
  take(): { readonly value: Item } | undefined;
  /** Creates an item for a call that waited and received the message `first`. */
  itemOf(first: Received): Item | Promise<Item>;
  /** The end, if it has been reached. */
  ended(): ReadingEnd | undefined;
  /** Adds a reader for the next message. */
  wait(reader: Reader<Received>): void;
  /** The loop has ended. `readers` are those of its readers that were still waiting. */
  onReturn(readers: ReadonlySet<Reader<Received>>): void;
}

type Resolve<Item> = (result: IteratorResult<Item> | Promise<IteratorResult<Item>>) => void;

export class MessageIterator<Received, Item> implements AsyncIterableIterator<Item> {
  readonly #source: IteratorSource<Received, Item>;
  readonly #waiting = new Map<Reader<Received>, Resolve<Item>>();
  #isDone = false;

  constructor(source: IteratorSource<Received, Item>) {
    this.#source = source;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Item>> {
    if (this.#isDone) return Promise.resolve({ value: undefined, done: true });
    const entry = this.#source.take();
    if (entry !== undefined) return Promise.resolve({ value: entry.value, done: false });
    const end = this.#source.ended();
    if (end === undefined) return this.#wait();
    this.#close();
    if (end.iteratorError === undefined) return Promise.resolve({ value: undefined, done: true });
    return rejected(end.iteratorError);
  }

  #wait(): Promise<IteratorResult<Item>> {
    const result = new Promise<IteratorResult<Item>>((resolve) => {
      const reader: Reader<Received> = {
        resolve: (value) => {
          this.#waiting.delete(reader);
          const item = this.#source.itemOf(value);
          if (item instanceof Promise) resolve(item.then((later) => ({ value: later, done: false })));
          else resolve({ value: item, done: false });
        },
        end: ({ iteratorError }) => {
          this.#waiting.delete(reader);
          this.#close();
          if (iteratorError === undefined) resolve({ value: undefined, done: true });
          else resolve(rejected(iteratorError));
        },
      };
      this.#waiting.set(reader, resolve);
      this.#source.wait(reader);
    });
    return handled(result);
  }

  return(): Promise<IteratorResult<Item>> {
    this.#close();
    return Promise.resolve({ value: undefined, done: true });
  }

  #close(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    this.#source.onReturn(new Set(waiting.map(([reader]) => reader)));
    for (const [, resolve] of waiting) resolve({ value: undefined, done: true });
  }
}
