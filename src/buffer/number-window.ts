import type { Sequence, SequenceWindow, Standing, WindowBounds } from "./sequence-window.js";

/** Ids that were passed over, both ends included. */
interface Hole {
  readonly from: number;
  readonly to: number;
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
  #holes: Hole[] = [];

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
    return this.#holes.some(({ from, to }) => from <= number && number <= to) ? "late" : "double";
  }

  move(id: Sequence): void {
    const number = id as number;
    if (number > this.#next) this.#holes.push({ from: this.#next, to: number - 1 });
    this.#next = number + 1;
    const floor = this.#floor();
    if (this.#holes.some(({ to }) => to < floor)) this.#holes = this.#holes.filter(({ to }) => to >= floor);
  }

  fill(id: Sequence): void {
    const number = id as number;
    this.#holes = this.#holes.flatMap((hole) => {
      if (number < hole.from || number > hole.to) return [hole];
      const parts = [
        { from: hole.from, to: number - 1 },
        { from: number + 1, to: hole.to },
      ];
      return parts.filter(({ from, to }) => from <= to);
    });
  }

  repeat(): void {
    // The cursor is the highest id there is: one that comes again says nothing.
  }

  restart(id: Sequence): void {
    this.#first = this.#frozenFloor = id as number;
    this.#next = this.#first + 1;
    this.#holes = [];
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
