import type { Sequence, SequenceWindow, Standing, WindowBounds } from "./sequence-window.js";

/** Ids that were passed over, both ends included; `from` is above `to` once all of them have come. */
interface Hole {
  from: number;
  to: number;
  /** Ids between the two ends that have come since. */
  filled: Set<number> | undefined;
}

/**
 * The window of a stream that counts by one: a stretch of numbers with holes, so that a message that is next costs one
 * addition and no memory, however large the window is.
 */
export class NumberWindow implements SequenceWindow {
  readonly isOrdered = true;
  readonly #bounds: WindowBounds;
  /** NaN before the first: equal to no id. */
  #next = NaN;
  /** Where the numbering began. */
  #first = NaN;
  #frozenFloor = NaN;
  /** In ascending order; those before `#firstHole` are forgotten. No operation looks at more than a logarithm of them. */
  #holes: Hole[] = [];
  #firstHole = 0;

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

  judge(id: Sequence): Standing {
    const number = asNumber(id);
    if (Number.isNaN(this.#next)) return "first";
    if (number === this.#next) return "next";
    if (number > this.#next) return "ahead";
    if (number < this.#floor()) return "behind";
    const hole = this.#holeAt(number);
    return hole === undefined || hole.filled?.has(number) === true ? "double" : "late";
  }

  /** The hole that an id lies in, whether it has come since or not. */
  #holeAt(number: number): Hole | undefined {
    let [low, high] = [this.#firstHole, this.#holes.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#holes[middle]!.to < number) low = middle + 1;
      else high = middle;
    }
    const hole = this.#holes[low];
    return hole !== undefined && hole.from <= number ? hole : undefined;
  }

  move(id: Sequence): void {
    const number = id as number;
    if (number > this.#next) this.#holes.push({ from: this.#next, to: number - 1, filled: undefined });
    this.#next = number + 1;
    if (this.#holes.length > 0) this.#forgetHoles();
  }

  #forgetHoles(): void {
    const floor = this.#floor();
    const holes = this.#holes;
    while (this.#firstHole < holes.length && holes[this.#firstHole]!.to < floor) this.#firstHole++;
    if (this.#firstHole * 2 <= holes.length) return;
    this.#holes = holes.slice(this.#firstHole);
    this.#firstHole = 0;
  }

  fill(id: Sequence): void {
    const number = id as number;
    const hole = this.#holeAt(number);
    if (hole === undefined) return;
    if (number === hole.from) {
      do hole.from++;
      while (hole.filled?.delete(hole.from) === true);
    } else if (number === hole.to) {
      do hole.to--;
      while (hole.filled?.delete(hole.to) === true);
    } else {
      (hole.filled ??= new Set()).add(number);
    }
  }

  repeat(): void {
    // The cursor is the highest id there is: one that comes again says nothing.
  }

  restart(id: Sequence): void {
    this.#first = this.#frozenFloor = id as number;
    this.#next = this.#first + 1;
    this.#holes = [];
    this.#firstHole = 0;
  }

  /** What an earlier life has delivered is not known: all that is lower counts as delivered, as far as the window goes. */
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
    `A sequence that counts by one is a safe integer, but replay.sequence gave ${typeof id} ${String(id)}. Other ids need replay.isNext.`,
  );
}
