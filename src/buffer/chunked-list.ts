/** A chunk that grows beyond this is split in two. */
const maxChunkLength = 512;

/** A place between two items. */
export interface ListPosition {
  readonly chunk: number;
  readonly index: number;
}

/** A sorted list whose items are kept in chunks, so that an insertion moves at most one chunk, however long the list is. */
export class ChunkedList<Item> {
  /** No chunk is empty, except the only one of an empty list. */
  readonly #chunks: (Item | undefined)[][] = [[]];
  /** How many items of the first chunk were taken. */
  #shiftedCount = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): Item | undefined {
    return this.#chunks[0]![this.#shiftedCount];
  }

  /**
   * The position before the first item that comes `after` the one to insert, not counting the items at the end of the list
   * that are `apart`. The end of the list where all items are apart.
   */
  find(isExcluded: (item: Item) => boolean, isAfter: (item: Item) => boolean): ListPosition {
    const end = this.endOf(isExcluded);
    // The start of the list, or nothing is in it.
    if (this.before(end) === undefined) return this.end;
    let [low, high] = [0, end.chunk];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isAfter(this.#chunks[middle]!.at(-1)!)) high = middle;
      else low = middle + 1;
    }
    return { chunk: low, index: this.#findIn(low, low === end.chunk ? end.index : undefined, isAfter) };
  }

  #findIn(chunk: number, end: number | undefined, isAfter: (item: Item) => boolean): number {
    const items = this.#chunks[chunk]!;
    let low = chunk === 0 ? this.#shiftedCount : 0;
    let high = end ?? items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isAfter(items[middle]!)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The position after the last item that is not apart; the start of the list where all are. */
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

  /** The item before a position. */
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

  #split(chunk: number): void {
    const items = this.#chunks[chunk]!;
    if (chunk === 0 && this.#shiftedCount > 0) {
      items.splice(0, this.#shiftedCount);
      this.#shiftedCount = 0;
    }
    // A list that grows at its end leaves full chunks.
    if (items.length > maxChunkLength) {
      const isLast = chunk === this.#chunks.length - 1;
      this.#chunks.splice(chunk + 1, 0, items.splice(isLast ? maxChunkLength : maxChunkLength / 2));
    }
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
