// A queue of messages in a ring buffer. It finds the newest message of each key, so that a newer message can replace
// it. The queue does not limit its own size.

/** An entry of a {@link KeyedQueue}. */
export interface KeyedItem {
  /** Size in bytes. */
  readonly size: number;
  /** Additional memory in bytes. */
  readonly overhead?: number;
  /** A newer message with the same key may replace this message. A message without a key is never replaced. */
  readonly key?: unknown;
}

const minCapacity = 16;
/** A ring with more slots than this number is released when the queue becomes empty. */
const maxIdleCapacity = 1024;

/**
 * A queue of messages. A message without a key is a barrier: older messages can no longer be replaced, because the
 * replacement would overtake the message without a key.
 */
export class KeyedQueue<Entry extends KeyedItem> {
  #ring: (Entry | undefined)[] = [];
  /**
   * The position of the first entry. Each new entry has the next position. The low bits of a position are the number of
   * the entry's slot in the ring.
   */
  #head = 0;
  #length = 0;
  #bytes = 0;
  #overhead = 0;
  /** The position of the newest entry of each key. */
  #positions: Map<unknown, number> | undefined;
  /** The position of the newest entry without a key. */
  #barrier = -1;

  get length(): number {
    return this.#length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get overhead(): number {
    return this.#overhead;
  }

  get first(): Entry | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head & (this.#ring.length - 1)];
  }

  push(entry: Entry): void {
    if (this.#length === this.#ring.length) this.#grow(this.#length + 1);
    const position = this.#head + this.#length++;
    this.#ring[position & (this.#ring.length - 1)] = entry;
    this.#count(entry, 1);
    if (entry.key === undefined) this.#barrier = position;
    else (this.#positions ??= new Map<unknown, number>()).set(entry.key, position);
  }

  /** Inserts entries without a key before all other entries, in the given order. */
  prepend(entries: readonly Entry[]): void {
    this.#grow(this.#length + entries.length);
    for (const entry of entries.toReversed()) {
      this.#ring[--this.#head & (this.#ring.length - 1)] = entry;
      this.#length++;
      this.#count(entry, 1);
    }
  }

  #count({ size, overhead = 0 }: Entry, sign: 1 | -1): void {
    this.#bytes += sign * size;
    this.#overhead += sign * overhead;
  }

  shift(): Entry | undefined {
    if (this.#length === 0) return undefined;
    const position = this.#head++;
    const slot = position & (this.#ring.length - 1);
    const entry = this.#ring[slot]!;
    this.#ring[slot] = undefined;
    this.#count(entry, -1);
    if (entry.key !== undefined && this.#positions?.get(entry.key) === position)
      this.#positions.delete(entry.key);
    if (--this.#length > 0) return entry;
    // The queue is empty, so positions restart at 0. Positions therefore remain small integers, which are fast.
    this.#head = 0;
    this.#barrier = -1;
    if (this.#ring.length > maxIdleCapacity) this.#ring = [];
    return entry;
  }

  /** Returns the entry that a newer message with this key replaces. */
  replaceable(key: unknown): Entry | undefined {
    const position = this.#positions?.get(key);
    if (position === undefined || position < this.#barrier) return undefined;
    return this.#ring[position & (this.#ring.length - 1)];
  }

  /**
   * Replaces the entry that has the same key as `entry`. Must be called only if {@link replaceable} returns an entry
   * for this key.
   */
  replace(entry: Entry): void {
    const slot = this.#positions!.get(entry.key)! & (this.#ring.length - 1);
    this.#count(this.#ring[slot]!, -1);
    this.#count(entry, 1);
    this.#ring[slot] = entry;
  }

  /**
   * Removes all entries for which `shouldRemove` returns `true`. `shouldRemove` is called once for each entry, in
   * order.
   */
  remove(shouldRemove: (entry: Entry) => boolean): Entry[] {
    const removed: Entry[] = [];
    for (let left = this.#length; left > 0; left--) {
      const entry = this.shift()!;
      if (shouldRemove(entry)) removed.push(entry);
      else this.push(entry);
    }
    return removed;
  }

  #grow(length: number): void {
    if (length <= this.#ring.length) return;
    const capacity = Math.max(minCapacity, 2 ** Math.ceil(Math.log2(length)));
    const ring = new Array<Entry | undefined>(capacity).fill(undefined);
    for (let position = this.#head; position < this.#head + this.#length; position++) {
      ring[position & (capacity - 1)] = this.#ring[position & (this.#ring.length - 1)];
    }
    this.#ring = ring;
  }
}
