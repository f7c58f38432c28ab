/** What a {@link KeyedQueue} holds. */
export interface KeyedItem {
  /** Bytes. */
  readonly size: number;
  /** Bytes of memory that it takes besides. */
  readonly overhead?: number;
  /** Of two messages of one key the newer may stand for both; one without a key stands for itself alone. */
  readonly key?: unknown;
}

const minCapacity = 16;
/** A queue that was once longer than this gives its memory back when it is empty. */
const maxIdleCapacity = 1024;

/**
 * Messages in line, in a ring. It knows the newest of each key, so that a newer one can take its place; a message
 * without a key is never overtaken so: what stands before it is no longer to be replaced.
 */
export class KeyedQueue<Entry extends KeyedItem> {
  #ring: (Entry | undefined)[] = [];
  /** The position of the first; positions count on, and their low bits are places in the ring. */
  #head = 0;
  #length = 0;
  #bytes = 0;
  #overhead = 0;
  /** The position of the newest of each key. */
  #positions: Map<unknown, number> | undefined;
  /** The position of the newest without a key. */
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

  /** Puts entries without a key before all others, in their order. */
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
    if (--this.#length === 0) this.#reset();
    return entry;
  }

  /** The one that a newer message of `key` may {@link replace}. */
  replaceable(key: unknown): Entry | undefined {
    const position = this.#positions?.get(key);
    if (position === undefined || position < this.#barrier) return undefined;
    return this.#ring[position & (this.#ring.length - 1)];
  }

  /** Puts `entry` into the place of the one that {@link replaceable} gives for its key. */
  replace(entry: Entry): void {
    const slot = this.#positions!.get(entry.key)! & (this.#ring.length - 1);
    this.#count(this.#ring[slot]!, -1);
    this.#count(entry, 1);
    this.#ring[slot] = entry;
  }

  /** Takes out all that `shouldRemove` says, wherever they stand; it is asked once for each, in their order. */
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
    let capacity = Math.max(minCapacity, this.#ring.length);
    while (capacity < length) capacity *= 2;
    const ring = new Array<Entry | undefined>(capacity).fill(undefined);
    for (let position = this.#head; position < this.#head + this.#length; position++) {
      ring[position & (capacity - 1)] = this.#ring[position & (this.#ring.length - 1)];
    }
    this.#ring = ring;
  }

  /** Empty: positions begin anew, before they outgrow what is fast. */
  #reset(): void {
    this.#head = 0;
    this.#barrier = -1;
    if (this.#ring.length > maxIdleCapacity) this.#ring = [];
  }
}
