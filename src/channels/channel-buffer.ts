/** The bounded buffer of one channel handle. It does not deliver messages. */
import { isUnwantedPromise } from "./listeners.js";

/** The limits of a buffer, and its overflow policy. */
export interface ChannelBounds {
  readonly capacity: number;
  readonly maxBytes: number;
  readonly overflow: "dropOldest" | "dropNewest" | "conflate" | "error";
  /** Set only with `"conflate"`. */
  readonly keyOf: ((message: unknown) => unknown) | undefined;
}

interface Slot {
  message: unknown;
  /** The size of the payload in bytes. */
  size: number;
  readonly key: unknown;
}

/** Messages that wait for a reader, oldest first. */
export class ChannelBuffer {
  readonly #bounds: ChannelBounds;
  #slots: Slot[] = [];
  #head = 0;
  #bytes = 0;
  /** The waiting message of each key. `undefined` without `"conflate"`. */
  readonly #byKey: Map<unknown, Slot> | undefined;

  constructor(bounds: ChannelBounds) {
    this.#bounds = bounds;
    if (bounds.overflow === "conflate") this.#byKey = new Map();
  }

  get length(): number {
    return this.#slots.length - this.#head;
  }

  /** The waiting messages, oldest first. */
  get waiting(): unknown[] {
    return this.#slots.slice(this.#head).map(({ message }) => message);
  }

  /**
   * @returns The messages that were dropped, which may include the new one. `"error"` if the buffer is full and its
   *   policy is `"error"`.
   * @throws any error of `keyOf`, and a TypeError if `keyOf` returns a promise.
   */
  push(message: unknown, size: number): readonly unknown[] | "error" {
    const { overflow, keyOf } = this.#bounds;
    const key = keyOf?.(message);
    if (isUnwantedPromise(key)) throw new TypeError("It returned a promise instead of a key.");
    const same = key === undefined ? undefined : this.#byKey?.get(key);
    if (same !== undefined) return this.#replace(same, message, size);
    if (this.#isFullFor(size)) {
      if (overflow === "error") return "error";
      if (overflow === "dropNewest") return [message];
    }
    const dropped = this.#makeSpace(size);
    this.#slots.push({ message, size, key });
    this.#bytes += size;
    if (key !== undefined) this.#byKey?.set(key, this.#slots.at(-1)!);
    return dropped;
  }

  /** A single message always fits. */
  #isFullFor(size: number): boolean {
    const { capacity, maxBytes } = this.#bounds;
    return this.length >= capacity || (this.length > 0 && this.#bytes + size > maxBytes);
  }

  /** The new message may be larger, so older messages may be dropped. */
  #replace(slot: Slot, message: unknown, size: number): unknown[] {
    const dropped = [slot.message];
    this.#bytes += size - slot.size;
    slot.message = message;
    slot.size = size;
    while (this.#bytes > this.#bounds.maxBytes && this.#slots[this.#head] !== slot)
      dropped.push(this.shift()!.message);
    return dropped;
  }

  #makeSpace(size: number): readonly unknown[] {
    if (!this.#isFullFor(size)) return none;
    const dropped: unknown[] = [];
    while (this.#isFullFor(size)) dropped.push(this.shift()!.message);
    return dropped;
  }

  shift(): { readonly message: unknown } | undefined {
    const slot = this.#slots[this.#head];
    if (slot === undefined) return undefined;
    this.#slots[this.#head++] = empty;
    this.#bytes -= slot.size;
    if (slot.key !== undefined) this.#byKey?.delete(slot.key);
    // Removes the read slots only when they are at least half of the array, so that each slot is moved once on average.
    if (this.#head === this.#slots.length || (this.#head >= 64 && this.#head * 2 >= this.#slots.length)) {
      this.#slots = this.#slots.slice(this.#head);
      this.#head = 0;
    }
    return slot;
  }
}

/** Replaces the slot of a message that was read, so that the message can be garbage-collected. */
const empty: Slot = { message: undefined, size: 0, key: undefined };

const none: readonly unknown[] = [];
