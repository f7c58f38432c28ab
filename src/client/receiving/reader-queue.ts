// The queue of readers that wait for a message. It does not store messages.
import { LinkedQueue, type LinkedQueueNode } from "../../runtime/linked-queue.js";
import type { Reader } from "./reader.js";

/** A search for a reader of a message. A `match` function may change the queue, or start a nested search. */
interface Search {
  /** The reader that is checked next. */
  next: LinkedQueueNode<Reader> | undefined;
  readonly outer: Search | undefined;
}

/** Waiting readers in the order of their calls. A message is delivered to the first reader that accepts the message. */
export class ReaderQueue {
  readonly #queue = new LinkedQueue<Reader>();
  #addedCount = 0;
  /** The innermost search that is in progress. */
  #search: Search | undefined;

  get length(): number {
    return this.#queue.length;
  }

  /** The number of calls of {@link add}. */
  get addedCount(): number {
    return this.#addedCount;
  }

  add(reader: Reader): void {
    this.#addedCount++;
    reader.node = this.#queue.add(reader);
    // A search in progress checks the new reader after all earlier readers.
    for (let search = this.#search; search !== undefined; search = search.outer) search.next ??= reader.node;
  }

  /** @returns `false` if the reader is not in the queue. */
  remove(reader: Reader): boolean {
    const { node } = reader;
    if (node === undefined) return false;
    for (let search = this.#search; search !== undefined; search = search.outer)
      if (search.next === node) search.next = node.next;
    return this.#queue.remove(node);
  }

  /** Removes and returns the first reader that accepts the message. */
  take(message: unknown): Reader | undefined {
    const { first } = this.#queue;
    if (first === undefined || first.filter !== undefined) return this.#findFor(message);
    this.remove(first);
    return first;
  }

  /** Checks the readers in order. It makes no copy, because a copy of a long queue for each message would be slow. */
  #findFor(message: unknown): Reader | undefined {
    const search: Search = { next: this.#queue.firstNode, outer: this.#search };
    this.#search = search;
    let found: Reader | undefined;
    while (found === undefined && search.next !== undefined) {
      const reader = search.next.item;
      search.next = search.next.next;
      if (this.#accepts(reader, message) && this.remove(reader)) found = reader;
    }
    this.#search = search.outer;
    return found;
  }

  #accepts(reader: Reader, message: unknown): boolean {
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

  takeAll(): Reader[] {
    for (let search = this.#search; search !== undefined; search = search.outer) search.next = undefined;
    return this.#queue.takeAll();
  }
}
