import { handled, rejected } from "../runtime/wait.js";
import type { Reader, ReadingEnd } from "./reader.js";

export interface IteratorSource<Received> {
  take(): { readonly value: Received } | undefined;
  ended(): ReadingEnd | undefined;
  wait(reader: Reader<Received>): void;
  /** The loop was left; these readers of it wait no more. */
  onReturn(readers: ReadonlySet<Reader<Received>>): void;
}

/** Gives received messages one by one; leaving the loop leaves the connection open. */
export class MessageIterator<Received> implements AsyncIterableIterator<Received> {
  readonly #source: IteratorSource<Received>;
  readonly #waiting = new Map<Reader<Received>, (result: IteratorResult<Received>) => void>();
  #isDone = false;

  constructor(source: IteratorSource<Received>) {
    this.#source = source;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Received>> {
    if (this.#isDone) return Promise.resolve({ value: undefined, done: true });
    const entry = this.#source.take();
    if (entry !== undefined) return Promise.resolve({ value: entry.value, done: false });
    const end = this.#source.ended();
    if (end === undefined) return this.#wait();
    this.#close();
    if (end.iteratorError === undefined) return Promise.resolve({ value: undefined, done: true });
    return rejected(end.iteratorError);
  }

  #wait(): Promise<IteratorResult<Received>> {
    const result = new Promise<IteratorResult<Received>>((resolve) => {
      const reader: Reader<Received> = {
        resolve: (value) => {
          this.#waiting.delete(reader);
          resolve({ value, done: false });
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

  return(): Promise<IteratorResult<Received>> {
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
