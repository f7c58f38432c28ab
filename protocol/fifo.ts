/** First in, first out; what leaves moves each of those behind it once at the most. */
export class Fifo<Item> {
  #items: (Item | undefined)[] = [];
  #head = 0;

  push(item: Item): void {
    this.#items.push(item);
  }

  /** Forgets the first `count` of them, and passes each to `onDropped`. */
  drop(count: number, onDropped?: (item: Item) => void): void {
    const head = this.#head + count;
    if (onDropped !== undefined)
      for (let at = this.#head; at < head; at++) onDropped(this.#items[at] as Item);
    // The memory of an item goes back now, its place when half of all places are empty.
    this.#items.fill(undefined, this.#head, head);
    this.#head = head;
    if (head * 2 < this.#items.length) return;
    this.#items = this.#items.slice(head);
    this.#head = 0;
  }

  /** Gives all of them, in their order, and is empty then. */
  takeAll(): Item[] {
    const items = this.#items.slice(this.#head) as Item[];
    this.#items = [];
    this.#head = 0;
    return items;
  }
}
