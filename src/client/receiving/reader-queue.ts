// The queue of readers that wait for a message. It does not store messages.
import { LinkedQueue } from "../../runtime/linked-queue.js";
import type { Reader } from "./reader.js";

/** Waiting readers in the order of their calls. A message is delivered to the first reader that accepts it. */
export class ReaderQueue<Received> {
  readonly #queue = new LinkedQueue<Reader<Received>>();
  #addedCount = 0;

  get length(): number {
    return this.#queue.length;
  }

  /** How many readers were added so far. */
  get addedCount(): number {
    return this.#addedCount;
  }

  add(reader: Reader<Received>): void {
    this.#addedCount++;
    reader.node = this.#queue.add(reader);
  }

  /** @returns `false` if the reader is not in the queue. */
  remove(reader: Reader<Received>): boolean {
    return reader.node !== undefined && this.#queue.remove(reader.node);
  }

  /** Removes and returns the first reader that accepts the message. */
  take(message: Received): Reader<Received> | undefined {
    const { first } = this.#queue;
    return first?.filter === undefined ? this.#queue.shift() : this.#findFor(message);
  }

  #findFor(message: Received): Reader<Received> | undefined {
    const asked = new Set<Reader<Received>>();
    // A `match` function may add readers. They are checked after the existing ones.
    for (let waiting = [...this.#queue]; waiting.length > 0; waiting = this.#notIn(asked)) {
      for (const reader of waiting) {
        asked.add(reader);
        if (reader.node?.isQueued !== true) continue;
        if (this.#accepts(reader, message) && this.remove(reader)) return reader;
      }
    }
    return undefined;
  }

  #notIn(asked: ReadonlySet<Reader<Received>>): Reader<Received>[] {
    const { last } = this.#queue;
    if (last === undefined || asked.has(last)) return [];
    return [...this.#queue].filter((reader) => !asked.has(reader));
  }

  #accepts(reader: Reader<Received>, message: Received): boolean {
    const { filter } = reader;
    try {
      return filter === undefined || filter.match(message);
    } catch (error) {
      if (this.remove(reader)) filter?.reject(error);
      return false;
    }
  }

  /** Rejects the readers that have a filter. */
  rejectFiltered(error: unknown): void {
    for (const reader of [...this.#queue])
      if (reader.filter !== undefined && this.remove(reader)) reader.filter.reject(error);
  }

  takeAll(): Reader<Received>[] {
    return this.#queue.takeAll();
  }
}
