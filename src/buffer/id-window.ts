// The sequence window of a stream with the option `isNext`. It stores the ids themselves. It cannot compute the next
// expected id.
import type { Sequence, SequenceWindow, SequenceStatus, WindowBounds } from "./sequence-window.js";

/** Returns whether the id `current` directly follows the id `previous`. */
export type IsNext = (previous: Sequence, current: Sequence) => boolean;

/** Remembers the last `size` ids of a stream and removes the oldest first. */
export class IdWindow implements SequenceWindow {
  readonly isOrdered = false;
  readonly expected = undefined;
  readonly #isNext: IsNext;
  readonly #bounds: WindowBounds;
  /** The known ids in the order of acceptance, each with the id that was accepted before it. */
  readonly #known = new Map<Sequence, Sequence | undefined>();
  /**
   * An iterator over the known ids that were accepted after `#oldest`. The iterator of a `Map` stays valid when entries
   * are added or removed.
   */
  readonly #newer = this.#known.keys();
  #oldest: Sequence | undefined;
  #newest: Sequence | undefined;
  /**
   * A list of known numbers, in ascending order. A known number is in the list if all numbers that were accepted after
   * it are higher. The list is created at the first arrival of an id that may be late.
   */
  #suffixMinima: number[] | undefined;
  #firstMinimum = 0;
  #sequence: Sequence | undefined;
  /**
   * Number of ids that must still be accepted before the window certainly contains no id that comes after the cursor.
   */
  #uncertainIdCount = 0;

  constructor(isNext: IsNext, bounds: WindowBounds) {
    this.#isNext = isNext;
    this.#bounds = bounds;
  }

  get sequence(): Sequence | undefined {
    return this.#sequence;
  }

  advance(id: Sequence): boolean {
    if (this.classify(id) !== "next") return false;
    this.#accept(id);
    return true;
  }

  classify(id: Sequence): SequenceStatus {
    assertSequence(id);
    if (this.#sequence === undefined) return "first";
    if (this.#known.has(id)) return "duplicate";
    if (this.#isNext(this.#sequence, id)) return "next";
    if (typeof id === "number" && id < (this.#sequence as number))
      return this.#isLate(id) ? "late" : "restart";
    return "ahead";
  }

  /**
   * True if the window remembers a number lower than `id`. If there is no lower number, the numbering has restarted.
   */
  #isLate(id: number): boolean {
    const suffixMinima = (this.#suffixMinima ??= this.#findSuffixMinima());
    // The number at `#firstMinimum` is the lowest known number.
    return this.#firstMinimum < suffixMinima.length && suffixMinima[this.#firstMinimum]! < id;
  }

  #findSuffixMinima(): number[] {
    const suffixMinima: number[] = [];
    this.#firstMinimum = 0;
    for (const id of this.#known.keys()) addMinimum(suffixMinima, 0, id);
    return suffixMinima;
  }

  move(id: Sequence, status: "next" | "ahead"): void {
    // With `isNext`, ids have no order. The status `ahead` only means that `id` does not directly follow the cursor.
    // Ids that come after `id` may already be delivered.
    if (status === "ahead") this.#uncertainIdCount = this.#bounds.size;
    this.#accept(id);
  }

  #accept(id: Sequence): void {
    this.#sequence = id;
    if (this.#uncertainIdCount > 0 && !this.#bounds.isFrozen) this.#uncertainIdCount--;
    this.#remember(id);
  }

  #remember(id: Sequence): void {
    this.#known.set(id, this.#newest);
    this.#newest = id;
    this.#oldest ??= this.#newer.next().value;
    if (this.#suffixMinima !== undefined) addMinimum(this.#suffixMinima, this.#firstMinimum, id);
    if (this.#bounds.isFrozen) return;
    while (this.#known.size > this.#bounds.size) this.#forgetOldest();
  }

  #forgetOldest(): void {
    const oldest = this.#oldest!;
    this.#known.delete(oldest);
    this.#oldest = this.#newer.next().value;
    const suffixMinima = this.#suffixMinima;
    if (suffixMinima === undefined || suffixMinima[this.#firstMinimum] !== oldest) return;
    if (++this.#firstMinimum * 2 <= suffixMinima.length) return;
    this.#suffixMinima = suffixMinima.slice(this.#firstMinimum);
    this.#firstMinimum = 0;
  }

  fill(id: Sequence): void {
    this.#remember(id);
  }

  /**
   * Handles an id that arrives again after its delivery. If the id directly follows the cursor, the cursor moves to the
   * id. An id can be delivered before the cursor reaches the id, because ids may arrive out of order.
   */
  repeat(id: Sequence): void {
    if (this.#uncertainIdCount > 0 && this.#isNext(this.#sequence!, id)) this.#sequence = id;
  }

  restart(id: Sequence): void {
    this.#known.clear();
    this.#oldest = undefined;
    this.#newest = undefined;
    this.#suffixMinima = undefined;
    this.#uncertainIdCount = 0;
    this.#accept(id);
  }

  resume(sequence: Sequence): void {
    assertSequence(sequence);
    this.#accept(sequence);
  }

  freeze(): void {
    // Nothing to prepare: `#remember` reads `isFrozen` for each id.
  }

  before(id: Sequence): Sequence | undefined {
    // If the window has forgotten an id, this id was delivered before all known ids.
    if (!this.#known.has(id)) return this.#oldest;
    return id === this.#oldest ? undefined : this.#known.get(id);
  }
}

/**
 * Adds an accepted number to the list, and removes all higher numbers from the list. The list contains the numbers that
 * can become the lowest known number. The window forgets numbers in the order of their acceptance, so it forgets the
 * higher numbers first. Therefore no higher number can become the lowest known number.
 */
function addMinimum(suffixMinima: number[], first: number, id: Sequence): void {
  if (typeof id !== "number") return;
  while (suffixMinima.length > first && suffixMinima.at(-1)! > id) suffixMinima.pop();
  suffixMinima.push(id);
}

function assertSequence(id: Sequence): void {
  if (typeof id === "string" || Number.isFinite(id)) return;
  throw new TypeError(
    `A sequence id must be a string or a finite number, but this one is ${typeof id} ${String(id)}.`,
  );
}
