// A sorted list that stores its items in chunks of at most 512. An insertion moves the items of one chunk only,
// whatever the length of the list. It does not compare items itself: the caller passes the comparison.

/** Maximum number of items in a chunk. A longer chunk is split. */
const maxChunkLength = 512;

/** A position between two items. */
export interface ListPosition {
  readonly chunk: number;
  readonly index: number;
}

/** A sorted list in chunks, with fast insertion at any position and fast removal at the start. */
export class ChunkedList<Item> {
  /** Only an empty list has an empty chunk. */
  readonly #chunks: (Item | undefined)[][] = [[]];
  /** Number of items that were removed from the start of the first chunk. */
  #shiftedCount = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): Item | undefined {
    return this.#chunks[0]![this.#shiftedCount];
  }

  /**
   * Finds the position before the first item for which `isAfter` is `true`. Items at the end of the list are ignored if
   * `isExcluded` is `true` for them. If all items are excluded, returns the end of the list.
   */
  find(isExcluded: (item: Item) => boolean, isAfter: (item: Item) => boolean): ListPosition {
    const end = this.endOf(isExcluded);
    // The list is empty, or all its items are excluded.
    if (this.before(end) === undefined) return this.end;
    const chunk = lowestIndex(0, end.chunk, (index) => isAfter(this.#chunks[index]!.at(-1)!));
    const items = this.#chunks[chunk]!;
    const start = chunk === 0 ? this.#shiftedCount : 0;
    const length = chunk === end.chunk ? end.index : items.length;
    return { chunk, index: lowestIndex(start, length, (index) => isAfter(items[index]!)) };
  }

  /**
   * Returns the position after the last item that is not excluded, or the start of the list if all items are excluded.
   */
  endOf(isExcluded: (item: Item) => boolean): ListPosition {
    for (let chunk = this.#chunks.length - 1; chunk >= 0; chunk--) {
      const items = this.#chunks[chunk]!;
      const start = chunk === 0 ? this.#shiftedCount : 0;
      for (let index = items.length; index > start; index--)
        if (!isExcluded(items[index - 1]!)) return { chunk, index };
    }
    return { chunk: 0, index: this.#shiftedCount };
  }

  get end(): ListPosition {
    const chunk = this.#chunks.length - 1;
    return { chunk, index: this.#chunks[chunk]!.length };
  }

  /** Returns the item before a position. */
  before({ chunk, index }: ListPosition): Item | undefined {
    if (chunk === 0) return index > this.#shiftedCount ? this.#chunks[0]![index - 1] : undefined;
    return index > 0 ? this.#chunks[chunk]![index - 1] : this.#chunks[chunk - 1]!.at(-1);
  }

  insert({ chunk, index }: ListPosition, item: Item): void {
    const items = this.#chunks[chunk]!;
    this.#length++;
    if (index === items.length) items.push(item);
    else items.splice(index, 0, item);
    if (items.length > maxChunkLength) this.#split(chunk);
  }

  /** Adds an item at the end. */
  push(item: Item): void {
    this.insert(this.end, item);
  }

  #split(chunk: number): void {
    const items = this.#chunks[chunk]!;
    if (chunk === 0) {
      items.splice(0, this.#shiftedCount);
      this.#shiftedCount = 0;
    }
    if (items.length <= maxChunkLength) return;
    // If the list grows at its end, the last chunk stays full and a new chunk begins after it.
    const isLast = chunk === this.#chunks.length - 1;
    this.#chunks.splice(chunk + 1, 0, items.splice(isLast ? maxChunkLength : maxChunkLength / 2));
  }

  shift(): Item | undefined {
    const [items] = this.#chunks as [(Item | undefined)[]];
    if (this.#length === 0) return undefined;
    const item = items[this.#shiftedCount];
    items[this.#shiftedCount++] = undefined;
    this.#length--;
    if (this.#shiftedCount === items.length) {
      this.#shiftedCount = 0;
      if (this.#chunks.length > 1) this.#chunks.shift();
      else items.length = 0;
    }
    return item;
  }
}

/** Binary search: returns the lowest index from `low` for which `isAfter` is `true`, or `high` if there is none. */
function lowestIndex(low: number, high: number, isAfter: (index: number) => boolean): number {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isAfter(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
