// The queue of readers that wait for a message. It does not store messages.
import { LinkedQueue, type LinkedQueueNode } from "../../runtime/linked-queue.js";
import type { Reader } from "./reader.js";

/** A search for a reader of a message. A `match` function may change the queue, or cause a search inside this one. */
interface Search<Received> {
  /** The reader that is checked next. */
  next: LinkedQueueNode<Reader<Received>> | undefined;
  readonly outer: Search<Received> | undefined;
}

/** Waiting readers in the order of their calls. A message is delivered to the first reader that accepts it. */
export class ReaderQueue<Received> {
  readonly #queue = new LinkedQueue<Reader<Received>>();
  #addedCount = 0;
  /** The innermost of the searches that are in progress. */
  #search: Search<Received> | undefined;

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
    // A reader that is added during a search is checked after the others.
    for (let search = this.#search; search !== undefined; search = search.outer) search.next ??= reader.node;
  }

  /** @returns `false` if the reader is not in the queue. */
  remove(reader: Reader<Received>): boolean {
    const { node } = reader;
    if (node === undefined) return false;
    for (let search = this.#search; search !== undefined; search = search.outer)
      if (search.next === node) search.next = node.next;
    return this.#queue.remove(node);
  }

  /** Removes and returns the first reader that accepts the message. */
  take(message: Received): Reader<Received> | undefined {
    const { first } = this.#queue;
    if (first === undefined || first.filter !== undefined) return this.#findFor(message);
    this.remove(first);
    return first;
  }

  /** Checks the readers in their order, without a copy of the queue: it may be long, and messages may be many. */
  #findFor(message: Received): Reader<Received> | undefined {
    const search: Search<Received> = { next: this.#queue.firstNode, outer: this.#search };
    this.#search = search;
    let found: Reader<Received> | undefined;
    while (found === undefined && search.next !== undefined) {
      const reader = search.next.item;
      search.next = search.next.next;
      if (this.#accepts(reader, message) && this.remove(reader)) found = reader;
    }
    this.#search = search.outer;
    return found;
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
    for (let search = this.#search; search !== undefined; search = search.outer) search.next = undefined;
    return this.#queue.takeAll();
  }
}
