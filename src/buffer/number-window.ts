// The sequence window of a stream whose ids are integers that increase by one. It stores gaps instead of ids: the next

// message in order costs one addition and no memory, whatever the size of the window.
import type { Sequence, SequenceWindow, SequenceStatus, WindowBounds } from "./sequence-window.js";

/**
 * A range of ids that were skipped; both ends are included. `from` is greater than `to` when all of them have arrived.
 */
interface Gap {
  from: number;
  to: number;
  /** Ids between the two ends that have arrived since. */
  filled: Set<number> | undefined;
}

/** Remembers which of the last `size` numbers were delivered. */
export class NumberWindow implements SequenceWindow {
  readonly isOrdered = true;
  readonly #bounds: WindowBounds;
  /** NaN before the first message, because NaN is not equal to any id. */
  #next = NaN;
  /** The id at which the numbering began. */
  #first = NaN;
  #frozenFloor = NaN;
  /** In ascending order; those before `#firstGap` are no longer used. Each operation examines O(log n) gaps. */
  #gaps: Gap[] = [];
  #firstGap = 0;

  constructor(bounds: WindowBounds) {
    this.#bounds = bounds;
  }

  get sequence(): number | undefined {
    return Number.isNaN(this.#next) ? undefined : this.#next - 1;
  }

  get expected(): number {
    return this.#next;
  }

  /** The lowest id that is remembered. */
  #floor(): number {
    if (this.#bounds.isFrozen) return this.#frozenFloor;
    return Math.max(this.#first, this.#next - this.#bounds.size);
  }

  advance(id: Sequence): boolean {
    if (id !== this.#next) return false;
    this.#next++;
    return true;
  }

  classify(id: Sequence): SequenceStatus {
    const number = asNumber(id);
    if (Number.isNaN(this.#next)) return "first";
    if (number === this.#next) return "next";
    if (number > this.#next) return "ahead";
    if (number < this.#floor()) return "restart";
    const gap = this.#gapAt(number);
    return gap === undefined || gap.filled?.has(number) === true ? "duplicate" : "late";
  }

  /** Returns the gap that contains an id, whether the id has arrived since or not. */
  #gapAt(number: number): Gap | undefined {
    let [low, high] = [this.#firstGap, this.#gaps.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#gaps[middle]!.to < number) low = middle + 1;
      else high = middle;
    }
    const gap = this.#gaps[low];
    return gap !== undefined && gap.from <= number ? gap : undefined;
  }

  move(id: Sequence): void {
    const number = id as number;
    if (number > this.#next) this.#gaps.push({ from: this.#next, to: number - 1, filled: undefined });
    this.#next = number + 1;
    if (this.#gaps.length > 0) this.#removeOldGaps();
  }

  #removeOldGaps(): void {
    const floor = this.#floor();
    const gaps = this.#gaps;
    while (this.#firstGap < gaps.length && gaps[this.#firstGap]!.to < floor) this.#firstGap++;
    if (this.#firstGap * 2 <= gaps.length) return;
    this.#gaps = gaps.slice(this.#firstGap);
    this.#firstGap = 0;
  }

  fill(id: Sequence): void {
    const number = id as number;
    const gap = this.#gapAt(number);
    if (gap === undefined) return;
    if (number === gap.from) {
      do gap.from++;
      while (gap.filled?.delete(gap.from) === true);
    } else if (number === gap.to) {
      do gap.to--;
      while (gap.filled?.delete(gap.to) === true);
    } else {
      (gap.filled ??= new Set()).add(number);
    }
  }

  repeat(): void {
    // The cursor is already the highest id, so a repeated id cannot move it.
  }

  restart(id: Sequence): void {
    this.#first = this.#frozenFloor = id as number;
    this.#next = this.#first + 1;
    this.#gaps = [];
    this.#firstGap = 0;
  }

  /**
   * Continues after a stored cursor. The ids that were delivered before are unknown, so all lower ids in the window
   * count as delivered.
   */
  resume(sequence: Sequence): void {
    this.#next = asNumber(sequence) + 1;
    this.#first = -Infinity;
  }

  freeze(): void {
    this.#frozenFloor = Math.max(this.#first, this.#next - this.#bounds.size);
  }

  before(id: Sequence): number | undefined {
    const number = id as number;
    return number >= this.#first && number < this.#next ? number - 1 : undefined;
  }
}

function asNumber(id: Sequence): number {
  if (typeof id === "number" && Number.isSafeInteger(id)) return id;
  throw new TypeError(
    `A sequence id must be a safe integer, but this one is ${typeof id} ${String(id)}. Set replay.isNext to use other ids.`,
  );
}
