// A first-in, first-out queue that can remove several items at a time. The number of items is not limited.

/** Stores the items in an array with a start index. The average cost of removing an item is constant. */
export class Fifo<Item> {
  #items: (Item | undefined)[] = [];
  #head = 0;

  push(item: Item): void {
    this.#items.push(item);
  }

  /** Removes the first `count` items and calls `onDropped` for each of them. */
  drop(count: number, onDropped?: (item: Item) => void): void {
    const head = this.#head + count;
    for (let at = this.#head; at < head; at++) onDropped?.(this.#items[at] as Item);
    // The removed items are released at once. Their empty places are removed when half of the array is empty.
    this.#items.fill(undefined, this.#head, head);
    this.#head = head;
    if (head * 2 < this.#items.length) return;
    this.#items = this.#items.slice(head);
    this.#head = 0;
  }

  /** Removes and returns all items in order. */
  takeAll(): Item[] {
    const items = this.#items.slice(this.#head) as Item[];
    this.#items = [];
    this.#head = 0;
    return items;
  }
}
