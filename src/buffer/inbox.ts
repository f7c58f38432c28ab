/** The bounds of an inbox, and what happens where they are met. */
export interface InboxBounds {
  readonly capacity: number;
  readonly maxBytes: number;
  readonly overflow: "pause" | "dropOldest" | "dropNewest" | "error";
}

/** What an inbox asks of its owner after a message was put in. */
export type InboxDemand = "none" | "pause" | "fail";

interface Sized {
  readonly size: number;
}

/**
 * Received messages that wait for a reader, bounded in messages and in bytes; one message always fits.
 *
 * Until the first reader comes it keeps the newest, for a client that only sends is never to be paused.
 * From then on the overflow policy applies.
 */
export class Inbox<Entry extends Sized> {
  readonly #bounds: InboxBounds;
  readonly #onDropped: (entry: Entry) => void;
  #entries: (Entry | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  #hasReader = false;
  #isClosing = false;

  constructor(bounds: InboxBounds, onDropped: (entry: Entry) => void) {
    this.#bounds = bounds;
    this.#onDropped = onDropped;
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
    if (this.#isClosing) {
      if (this.#exceeds(entry, 2)) this.#onDropped(entry);
      else this.#add(entry);
      return "none";
    }
    const { overflow } = this.#bounds;
    if (this.#hasReader && overflow === "pause") {
      this.#add(entry);
      return this.#isFull ? "pause" : "none";
    }
    if (this.#hasReader && overflow !== "dropOldest" && this.#exceeds(entry, 1)) {
      this.#onDropped(entry);
      return overflow === "error" ? "fail" : "none";
    }
    while (this.#exceeds(entry, 1)) this.#onDropped(this.shift()!);
    this.#add(entry);
    return "none";
  }

  shift(): Entry | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return undefined;
    this.#entries[this.#head++] = undefined;
    this.#bytes -= entry.size;
    if (this.#head === this.#entries.length) {
      this.#entries = [];
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }

  /** What waits, oldest first, and goes on waiting. */
  get waiting(): readonly Entry[] {
    return this.#entries.slice(this.#head) as Entry[];
  }

  /** Drops all that waits, telling each. */
  clear(): void {
    for (let entry = this.shift(); entry !== undefined; entry = this.shift()) this.#onDropped(entry);
  }

  #add(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += entry.size;
  }

  get #isFull(): boolean {
    return this.length >= this.#bounds.capacity || this.#bytes >= this.#bounds.maxBytes;
  }

  #exceeds(entry: Entry, times: number): boolean {
    const { length } = this;
    if (length === 0) return false;
    const { capacity, maxBytes } = this.#bounds;
    return length + 1 > capacity * times || this.#bytes + entry.size > maxBytes * times;
  }
}
