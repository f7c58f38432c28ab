// A queue that is implemented as a doubly linked list. It does not limit the number of items.

/** A node of a {@link LinkedQueue}, and the argument of {@link LinkedQueue.remove}. */
export interface LinkedQueueNode<Item> {
  readonly item: Item;
  previous: LinkedQueueNode<Item> | undefined;
  next: LinkedQueueNode<Item> | undefined;
  /** False after the node was removed. */
  isQueued: boolean;
}

/**
 * A first-in, first-out queue from which any item can be removed. Adding and removing an item take constant time.
 */
export class LinkedQueue<Item> implements Iterable<Item> {
  #first: LinkedQueueNode<Item> | undefined;
  #last: LinkedQueueNode<Item> | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): Item | undefined {
    return this.#first?.item;
  }

  /** The first node. The property `next` of a node leads to the following node. */
  get firstNode(): LinkedQueueNode<Item> | undefined {
    return this.#first;
  }

  get last(): Item | undefined {
    return this.#last?.item;
  }

  add(item: Item): LinkedQueueNode<Item> {
    const node: LinkedQueueNode<Item> = { item, previous: this.#last, next: undefined, isQueued: true };
    if (this.#last === undefined) this.#first = node;
    else this.#last.next = node;
    this.#last = node;
    this.#length++;
    return node;
  }

  /** @returns `false` if the node was removed before. */
  remove(node: LinkedQueueNode<Item>): boolean {
    if (!node.isQueued) return false;
    node.isQueued = false;
    if (node.previous === undefined) this.#first = node.next;
    else node.previous.next = node.next;
    if (node.next === undefined) this.#last = node.previous;
    else node.next.previous = node.previous;
    node.previous = undefined;
    node.next = undefined;
    this.#length--;
    return true;
  }

  /** Removes and returns the first item. */
  shift(): Item | undefined {
    const node = this.#first;
    if (node !== undefined) this.remove(node);
    return node?.item;
  }

  /** Removes and returns all items, in order. */
  takeAll(): Item[] {
    const items = [...this];
    while (this.#first !== undefined) this.remove(this.#first);
    return items;
  }

  *[Symbol.iterator](): Generator<Item, void> {
    for (let node = this.#first; node !== undefined; node = node.next) yield node.item;
  }
}
