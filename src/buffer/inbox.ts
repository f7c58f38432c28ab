// A bounded queue of received messages that no consumer has read yet. It does not pause the connection itself: the
// result of push() tells the caller when to pause.

/** The limits of an inbox, and its overflow policy. */
export interface InboxBounds {
  readonly capacity: number;
  readonly maxBytes: number;
  /**
   * With `"conflate"`, a message always replaces the waiting message with the same key. If no message with the key
   * waits and the inbox is full, the oldest message is dropped.
   */
  readonly overflow: "pause" | "dropOldest" | "dropNewest" | "conflate" | "error";
}

/** What the caller of `push()` must do: nothing, pause reading, or fail the connection. */
export type InboxDemand = "none" | "pause" | "fail";

interface InboxItem {
  /** Size in bytes. */
  readonly size: number;
  /**
   * The key that `"conflate"` compares. A message without a key is never replaced, and no later message is delivered
   * before it.
   */
  readonly key?: unknown;
}

/**
 * Received messages that wait for a reader, limited by number and by bytes. One message always fits, whatever its size.
 *
 * Without a reader, the inbox keeps the newest messages, because a client that only sends must never be paused. With a
 * reader, the overflow policy applies. `"conflate"` keeps the newest message of each key in both cases.
 */
export class Inbox<Entry extends InboxItem> {
  readonly #bounds: InboxBounds;
  readonly #onDropped: (entry: Entry) => void;
  #entries: (Entry | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  #hasReader = false;
  #isClosing = false;
  /**
   * The position of the newest message of each key; the key `undefined` stands for all messages without a key. Only
   * used with `"conflate"`. A position does not change when older entries are read.
   */
  readonly #positions: Map<unknown, number> | undefined;
  /** The position of the first entry in the array. */
  #offset = 0;

  constructor(bounds: InboxBounds, onDropped: (entry: Entry) => void) {
    this.#bounds = bounds;
    this.#onDropped = onDropped;
    this.#positions = bounds.overflow === "conflate" ? new Map<unknown, number>() : undefined;
  }

  /** Bytes of the waiting messages. */
  get bytes(): number {
    return this.#bytes;
  }

  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** True when at least half of each limit is free. In this state, a pause of reading can end. */
  get isHalfFree(): boolean {
    return this.length * 2 <= this.#bounds.capacity && this.#bytes * 2 <= this.#bounds.maxBytes;
  }

  /** There is a reader from now on, so the overflow policy applies. */
  beginReading(): void {
    this.#hasReader = true;
  }

  /** There is no reader any more, so the inbox keeps the newest messages. */
  endReading(): void {
    this.#hasReader = false;
  }

  /** The connection is closing: the inbox accepts up to twice its limits and drops all further messages. */
  beginClosing(): void {
    this.#isClosing = true;
  }

  /** The client connects again. The waiting messages are kept. There is no reader yet. */
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
    const { capacity, maxBytes, overflow } = this.#bounds;
    if (this.#hasReader && overflow === "pause") {
      this.#add(entry);
      return this.length >= capacity || this.#bytes >= maxBytes ? "pause" : "none";
    }
    const isRefusing = overflow === "dropNewest" || overflow === "error";
    if (this.#hasReader && isRefusing && this.#exceeds(entry, 1)) {
      this.#onDropped(entry);
      return overflow === "error" ? "fail" : "none";
    }
    let dropped: Entry[] | undefined;
    while (this.#exceeds(entry, 1)) (dropped ??= []).push(this.shift()!);
    this.#add(entry);
    // The listener that is called for a dropped message may read from the inbox, so the new message is added first.
    for (const older of dropped ?? []) this.#onDropped(older);
    return "none";
  }

  shift(): Entry | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return undefined;
    if (this.#positions?.get(entry.key) === this.#offset + this.#head) this.#positions.delete(entry.key);
    this.#entries[this.#head++] = undefined;
    this.#bytes -= entry.size;
    this.#trim();
    return entry;
  }

  /**
   * Shortens the array if all entries were removed, or if the removed entries are at least 1024 and at least half of
   * the array.
   */
  #trim(): void {
    const head = this.#head;
    if (head < this.#entries.length && (head < 1024 || head * 2 < this.#entries.length)) return;
    this.#entries = head === this.#entries.length ? [] : this.#entries.slice(head);
    this.#offset += head;
    this.#head = 0;
  }

  /**
   * Removes an entry at any position. The older entries are moved, because there are usually fewer older entries than
   * newer entries.
   * @returns `false` if the entry is not in the inbox.
   */
  remove(entry: Entry): boolean {
    const head = this.#head;
    if (entry === this.#entries[head]) return this.shift() !== undefined;
    const index = this.#entries.indexOf(entry, head);
    if (index === -1) return false;
    this.#entries.copyWithin(head + 1, head, index);
    this.#entries[head] = undefined;
    this.#head++;
    this.#bytes -= entry.size;
    if (this.#positions !== undefined) this.#movePositions(this.#positions, entry.key, index);
    this.#trim();
    return true;
  }

  /** Updates the positions after an entry was removed at `index` and all older entries were moved by one place. */
  #movePositions(positions: Map<unknown, number>, removedKey: unknown, index: number): void {
    const end = this.#offset + index;
    if (positions.get(removedKey) === end) positions.delete(removedKey);
    for (let position = this.#offset + this.#head; position <= end; position++) {
      const { key } = this.#entries[position - this.#offset]!;
      positions.set(key, Math.max(position, positions.get(key) ?? 0));
    }
  }

  /**
   * Iterates without a copy over the messages that wait at the start of the iteration, oldest first. The loop may
   * remove messages. A message that is removed before its turn is skipped.
   */
  *[Symbol.iterator](): Generator<Entry, void> {
    const end = this.#offset + this.#entries.length;
    for (let position = this.#offset + this.#head; position < end; position++) {
      position = Math.max(position, this.#offset + this.#head);
      const entry = this.#entries[position - this.#offset];
      if (entry === undefined || position >= end) return;
      yield entry;
    }
  }

  /** A copy of the waiting messages, oldest first. The messages stay in the inbox. */
  get waiting(): readonly Entry[] {
    return this.#entries.slice(this.#head) as Entry[];
  }

  /**
   * Drops and reports every waiting message. The inbox is empty before the first report, so a listener cannot read a
   * dropped message.
   */
  clear(): void {
    const dropped = this.waiting;
    while (this.length > 0) this.shift();
    for (const entry of dropped) this.#onDropped(entry);
  }

  #add(entry: Entry): void {
    this.#positions?.set(entry.key, this.#offset + this.#entries.length);
    this.#entries.push(entry);
    this.#bytes += entry.size;
  }

  /** @returns `true` if the message replaced an older message. */
  #conflate(entry: Entry, positions: ReadonlyMap<unknown, number>): boolean {
    const position = entry.key === undefined ? undefined : positions.get(entry.key);
    // A message without a key may depend on older messages, so older messages are no longer replaced.
    if (position === undefined || position < (positions.get(undefined) ?? 0)) return false;
    const index = position - this.#offset;
    const older = this.#entries[index]!;
    const growth = entry.size - older.size;
    if (growth > 0 && this.#bytes + growth > this.#bounds.maxBytes) return false;
    this.#entries[index] = entry;
    this.#bytes += growth;
    this.#onDropped(older);
    return true;
  }

  #exceeds(entry: Entry, times: number): boolean {
    const { length } = this;
    if (length === 0) return false;
    const { capacity, maxBytes } = this.#bounds;
    return length + 1 > capacity * times || this.#bytes + entry.size > maxBytes * times;
  }
}
