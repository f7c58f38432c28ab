/** Where one of them stands; it is the key to {@link LinkedQueue.leave}. */
export interface LinkedQueueNode<Item> {
  readonly item: Item;
  previous: LinkedQueueNode<Item> | undefined;
  next: LinkedQueueNode<Item> | undefined;
  isTaken: boolean;
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
  get firstPlace(): LinkedQueueNode<Item> | undefined {
    return this.#first;
  }

  get last(): Item | undefined {
    return this.#last?.item;
  }

  enter(item: Item): LinkedQueueNode<Item> {
    const place: LinkedQueueNode<Item> = { item, previous: this.#last, next: undefined, isTaken: true };
    if (this.#last === undefined) this.#first = place;
    else this.#last.next = place;
    this.#last = place;
    this.#length++;
    return place;
  }

  /** `false` where it has left already. */
  leave(place: LinkedQueueNode<Item>): boolean {
    if (!place.isTaken) return false;
    place.isTaken = false;
    if (place.previous === undefined) this.#first = place.next;
    else place.previous.next = place.next;
    if (place.next === undefined) this.#last = place.previous;
    else place.next.previous = place.previous;
    place.previous = undefined;
    place.next = undefined;
    this.#length--;
    return true;
  }

  /** Takes the first one out. */
  shift(): Item | undefined {
    const place = this.#first;
    if (place !== undefined) this.leave(place);
    return place?.item;
  }

  /** Takes all of them out, in their order. */
  takeAll(): Item[] {
    const items = [...this];
    while (this.#first !== undefined) this.leave(this.#first);
    return items;
  }

  *[Symbol.iterator](): Generator<Item, void> {
    for (let place = this.#first; place !== undefined; place = place.next) yield place.item;
  }
}
