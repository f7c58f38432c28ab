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
  /** Iterates over the known ids that were accepted after `#oldest`. A `Map` may change during an iteration. */
  readonly #newer = this.#known.keys();
  #oldest: Sequence | undefined;
  #newest: Sequence | undefined;
  /**
   * In ascending order, the known numbers that are lower than all numbers accepted later. Created when an id may be
   * late for the first time.
   */
  #suffixMinima: number[] | undefined;
  #firstMinimum = 0;
  #sequence: Sequence | undefined;
  /** While greater than 0, the window may contain ids that follow the cursor. Each accepted id decreases the count. */
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
    // The first minimum is the lowest known number.
    return this.#firstMinimum < suffixMinima.length && suffixMinima[this.#firstMinimum]! < id;
  }

  #findSuffixMinima(): number[] {
    const suffixMinima: number[] = [];
    this.#firstMinimum = 0;
    for (const id of this.#known.keys()) addMinimum(suffixMinima, 0, id);
    return suffixMinima;
  }

  move(id: Sequence, status: "next" | "ahead"): void {
    // The result of `isNext` only means that the id is not next. The id may still precede ids that were delivered.
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

  /** The cursor may be before delivered ids. It moves forward when these ids arrive again. */
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
    // A removed id was delivered before all known ids.
    if (!this.#known.has(id)) return this.#oldest;
    return id === this.#oldest ? undefined : this.#known.get(id);
  }
}

/** Adds an accepted id. Higher numbers that were accepted earlier can no longer become the lowest known number. */
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
