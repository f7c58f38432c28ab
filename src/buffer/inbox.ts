/** The bounds of an inbox, and what happens where they are met. */
export interface InboxBounds {
  readonly capacity: number;
  readonly maxBytes: number;
  /**
   * With `"conflate"` a message takes the place of the one of its key that still waits, bounds met or not; where there is
   * none, the oldest is dropped.
   */
  readonly overflow: "pause" | "dropOldest" | "dropNewest" | "conflate" | "error";
}

/** What an inbox asks of its owner after a message was put in. */
export type InboxDemand = "none" | "pause" | "fail";

/** What waits in an inbox. */
interface InboxItem {
  /** Bytes. */
  readonly size: number;
  /** By it `"conflate"` goes; a message without one is neither replaced nor overtaken. */
  readonly key?: unknown;
}

/**
 * Received messages that wait for a reader, bounded in messages and in bytes; one message always fits.
 *
 * Until the first reader comes it keeps the newest, for a client that only sends is never to be paused.
 * From then on the overflow policy applies. Of one key the newest is kept, reader or not.
 */
export class Inbox<Entry extends InboxItem> {
  readonly #bounds: InboxBounds;
  readonly #onDropped: (entry: Entry) => void;
  #entries: (Entry | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  #hasReader = false;
  #isClosing = false;
  /** The position of the newest of each key, for `"conflate"` alone; positions count on when entries move up. */
  readonly #positions: Map<unknown, number> | undefined;
  /** The position of the first entry in the array. */
  #offset = 0;
  /** The position of the newest without a key. */
  #barrier = -1;

  constructor(bounds: InboxBounds, onDropped: (entry: Entry) => void) {
    this.#bounds = bounds;
    this.#onDropped = onDropped;
    this.#positions = bounds.overflow === "conflate" ? new Map<unknown, number>() : undefined;
  }

  /** The bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** `true` where a pause may end: half of the bounds is free. */
  get isHalfFree(): boolean {
    return this.length * 2 <= this.#bounds.capacity && this.#bytes * 2 <= this.#bounds.maxBytes;
  }

  /** Somebody reads: the overflow policy applies. */
  beginReading(): void {
    this.#hasReader = true;
  }

  /** Nobody reads any more: the newest are kept. */
  endReading(): void {
    this.#hasReader = false;
  }

  /** The end has come: the bounds may be taken once more, and what is beyond them is dropped. */
  beginClosing(): void {
    this.#isClosing = true;
  }

  /** Another life begins, of which nobody reads yet; what waits is kept. */
  reopen(): void {
    this.#isClosing = false;
    this.#hasReader = false;
  }

  push(entry: Entry): InboxDemand {
    if (this.#positions !== undefined && this.#conflate(entry, this.#positions)) return "none";
    if (this.#isClosing) {
      if (this.#exceeds(entry, 2)) this.#onDropped(entry);
      else this.#add(entry);
      return "none";
    }
    const { overflow } = this.#bounds;
    if (this.#hasReader && overflow === "pause") {
      this.#add(entry);
      return this.#isFull() ? "pause" : "none";
    }
    const isRefusing = overflow === "dropNewest" || overflow === "error";
    if (this.#hasReader && isRefusing && this.#exceeds(entry, 1)) {
      this.#onDropped(entry);
      return overflow === "error" ? "fail" : "none";
    }
    let dropped: Entry[] | undefined;
    while (this.#exceeds(entry, 1)) (dropped ??= []).push(this.shift()!);
    this.#add(entry);
    // A listener may read: the new message must be in its place by then.
    for (const older of dropped ?? []) this.#onDropped(older);
    return "none";
  }

  shift(): Entry | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return undefined;
    if (this.#positions !== undefined) this.#forget(entry.key, this.#positions);
    this.#entries[this.#head++] = undefined;
    this.#bytes -= entry.size;
    if (this.#head === this.#entries.length) {
      this.#entries = [];
      this.#offset += this.#head;
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#offset += this.#head;
      this.#head = 0;
    }
    return entry;
  }

  /**
   * Takes out an entry, wherever it waits; those behind it move up.
   * @returns `false` where it does not wait.
   */
  remove(entry: Entry): boolean {
    if (entry === this.#entries[this.#head]) return this.shift() !== undefined;
    const index = this.#entries.indexOf(entry, this.#head);
    if (index === -1) return false;
    this.#entries.splice(index, 1);
    this.#bytes -= entry.size;
    if (this.#positions !== undefined) this.#findPositions(this.#positions);
    return true;
  }

  #findPositions(positions: Map<unknown, number>): void {
    positions.clear();
    this.#barrier = -1;
    for (let index = this.#head; index < this.#entries.length; index++) {
      const { key } = this.#entries[index]!;
      if (key === undefined) this.#barrier = this.#offset + index;
      else positions.set(key, this.#offset + index);
    }
  }

  /** What waits, oldest first, and goes on waiting. */
  get waiting(): readonly Entry[] {
    return this.#entries.slice(this.#head) as Entry[];
  }

  /** Drops every message that waits and reports each. The inbox is empty before the first report, so that a listener reads nothing. */
  clear(): void {
    const dropped = this.waiting;
    while (this.length > 0) this.shift();
    for (const entry of dropped) this.#onDropped(entry);
  }

  #add(entry: Entry): void {
    if (this.#positions !== undefined) {
      const position = this.#offset + this.#entries.length;
      if (entry.key === undefined) this.#barrier = position;
      else this.#positions.set(entry.key, position);
    }
    this.#entries.push(entry);
    this.#bytes += entry.size;
  }

  /** @returns `true` where the message has taken the place of an older one. */
  #conflate(entry: Entry, positions: ReadonlyMap<unknown, number>): boolean {
    const position = positions.get(entry.key);
    // What came behind it without a key may tell of all before it: that is not overtaken.
    if (position === undefined || position < this.#barrier) return false;
    const index = position - this.#offset;
    const older = this.#entries[index]!;
    const growth = entry.size - older.size;
    if (growth > 0 && this.#bytes + growth > this.#bounds.maxBytes) return false;
    this.#entries[index] = entry;
    this.#bytes += growth;
    this.#onDropped(older);
    return true;
  }

  /** The first entry leaves. */
  #forget(key: unknown, positions: Map<unknown, number>): void {
    if (positions.get(key) === this.#offset + this.#head) positions.delete(key);
  }

  #isFull(): boolean {
    return this.length >= this.#bounds.capacity || this.#bytes >= this.#bounds.maxBytes;
  }

  #exceeds(entry: Entry, times: number): boolean {
    const { length } = this;
    if (length === 0) return false;
    const { capacity, maxBytes } = this.#bounds;
    return length + 1 > capacity * times || this.#bytes + entry.size > maxBytes * times;
  }
}
