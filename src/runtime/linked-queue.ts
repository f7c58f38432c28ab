/** Where one of them stands; it is the key to {@link LinkedQueue.leave}. */
export interface LinkedQueueNode<Item> {
  readonly item: Item;
  previous: LinkedQueueNode<Item> | undefined;
  next: LinkedQueueNode<Item> | undefined;
  isQueued: boolean;
}

/** First come, first served; whoever waits may leave. No step takes longer when more of them wait. */
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

  /** The place of the first; `next` leads on. */
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

  /** `false` where it has left already. */
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

  /** Takes the first one out. */
  shift(): Item | undefined {
    const node = this.#first;
    if (node !== undefined) this.remove(node);
    return node?.item;
  }

  /** Takes all of them out, in their order. */
  takeAll(): Item[] {
    const items = [...this];
    while (this.#first !== undefined) this.remove(this.#first);
    return items;
  }

  *[Symbol.iterator](): Generator<Item, void> {
    for (let node = this.#first; node !== undefined; node = node.next) yield node.item;
  }
}
