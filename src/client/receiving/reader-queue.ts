import { LinkedQueue } from "../../runtime/linked-queue.js";
import type { Reader } from "./reader.js";

/** The calls that wait for a message, in their order. A message goes to the first of them that accepts it. */
export class ReaderQueue<Received> {
  readonly #line = new LinkedQueue<Reader<Received>>();
  #enteredCount = 0;

  get length(): number {
    return this.#line.length;
  }

  /** How many readers have waited so far. */
  get enteredCount(): number {
    return this.#enteredCount;
  }

  enter(reader: Reader<Received>): void {
    this.#enteredCount++;
    reader.place = this.#line.enter(reader);
  }

  /** @returns `false` where it does not wait any more. */
  leave(reader: Reader<Received>): boolean {
    return reader.place !== undefined && this.#line.leave(reader.place);
  }

  /** Takes out the first reader that accepts the message. */
  take(message: Received): Reader<Received> | undefined {
    const { first } = this.#line;
    return first?.filter === undefined ? this.#line.shift() : this.#findFor(message);
  }

  #findFor(message: Received): Reader<Received> | undefined {
    const asked = new Set<Reader<Received>>();
    // A `match` may make calls of its own: those that come meanwhile are asked after the others.
    for (let waiting = [...this.#line]; waiting.length > 0; waiting = this.#notIn(asked)) {
      for (const reader of waiting) {
        asked.add(reader);
        if (reader.place?.isTaken !== true) continue;
        if (this.#accepts(reader, message) && this.leave(reader)) return reader;
      }
    }
    return undefined;
  }

  #notIn(asked: ReadonlySet<Reader<Received>>): Reader<Received>[] {
    const { last } = this.#line;
    if (last === undefined || asked.has(last)) return [];
    return [...this.#line].filter((reader) => !asked.has(reader));
  }

  #accepts(reader: Reader<Received>, message: Received): boolean {
    const { filter } = reader;
    try {
      return filter === undefined || filter.match(message);
    } catch (error) {
      if (this.leave(reader)) filter?.reject(error);
      return false;
    }
  }

  /** Rejects the readers that wait for one message of many. */
  rejectFiltered(error: unknown): void {
    for (const reader of [...this.#line])
      if (reader.filter !== undefined && this.leave(reader)) reader.filter.reject(error);
  }

  takeAll(): Reader<Received>[] {
    return this.#line.takeAll();
  }
}
