/** The bounded buffer of one channel handle. It does not deliver messages. */
import { isUnwantedPromise } from "./listeners.js";

/** The limits of a buffer, and its overflow policy. */
export interface ChannelBounds {
  readonly capacity: number;
  readonly overflow: "dropOldest" | "dropNewest" | "conflate" | "error";
  /** Set only with `"conflate"`. */
  readonly keyOf: ((message: unknown) => unknown) | undefined;
}

interface Slot {
  message: unknown;
  readonly key: unknown;
}

/** Messages that wait for a reader, oldest first. */
export class ChannelBuffer {
  readonly #bounds: ChannelBounds;
  #slots: Slot[] = [];
  #head = 0;
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
   * @returns The message that was dropped, which may be the new one. `"error"` if the buffer is full and its policy is
   *   `"error"`. `undefined` if no message was dropped.
   * @throws any error of `keyOf`, and a TypeError if `keyOf` returns a promise.
   */
  push(message: unknown): { readonly dropped: unknown } | "error" | undefined {
    const { capacity, overflow, keyOf } = this.#bounds;
    const key = keyOf?.(message);
    if (isUnwantedPromise(key)) throw new TypeError("It returned a promise instead of a key.");
    const same = key === undefined ? undefined : this.#byKey?.get(key);
    if (same !== undefined) {
      const dropped = same.message;
      same.message = message;
      return { dropped };
    }
    if (this.length >= capacity) {
      if (overflow === "error") return "error";
      if (overflow === "dropNewest") return { dropped: message };
      const oldest = this.shift();
      this.#add({ message, key });
      return oldest === undefined ? undefined : { dropped: oldest.message };
    }
    this.#add({ message, key });
    return undefined;
  }

  #add(slot: Slot): void {
    this.#slots.push(slot);
    if (slot.key !== undefined) this.#byKey?.set(slot.key, slot);
  }

  shift(): { readonly message: unknown } | undefined {
    const slot = this.#slots[this.#head];
    if (slot === undefined) return undefined;
    this.#slots[this.#head++] = empty;
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
const empty: Slot = { message: undefined, key: undefined };
