// The sequence window of a stream whose ids are integers that increase by one. It stores gaps instead of ids: the next
// message in order costs one addition and no memory, whatever the size of the window.
import { ChunkedList } from "./chunked-list.js";
import type { Sequence, SequenceStatus, SequenceWindow, WindowBounds } from "./sequence-window.js";

/**
 * A range of ids that were skipped; both ends are included. `from` is greater than `to` when all ids of the range have
 * arrived.
 */
interface Gap {
  from: number;
  to: number;
  /** The ids between `from` and `to` that have arrived. */
  filled: Set<number> | undefined;
}

/** Remembers which of the last `size` numbers were delivered. */
export class NumberWindow implements SequenceWindow {
  readonly isOrdered = true;
  readonly #bounds: WindowBounds;
  /** The next expected id. NaN before the first message, because NaN is not equal to any id. */
  #next = NaN;
  /** The id at which the numbering began. */
  #first = NaN;
  #frozenFloor = NaN;
  /** The gaps in ascending order. The list is created with the first gap. */
  #gaps: ChunkedList<Gap> | undefined;

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

  /** Returns the gap that contains an id, even if the id has arrived. */
  #gapAt(number: number): Gap | undefined {
    const gaps = this.#gaps;
    const gap = gaps?.before(
      gaps.find(
        () => false,
        ({ from }) => from > number,
      ),
    );
    return gap !== undefined && number <= gap.to ? gap : undefined;
  }

  move(id: Sequence): void {
    const number = id as number;
    if (number > this.#next)
      (this.#gaps ??= new ChunkedList()).push({ from: this.#next, to: number - 1, filled: undefined });
    this.#next = number + 1;
    const floor = this.#floor();
    while (this.#gaps?.first !== undefined && this.#gaps.first.to < floor) this.#gaps.shift();
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
    // The cursor is the highest id that was delivered, so a repeated id cannot move it.
  }

  restart(id: Sequence): void {
    this.#first = this.#frozenFloor = id as number;
    this.#next = this.#first + 1;
    this.#gaps = undefined;
  }

  /**
   * Continues after a stored cursor. It is unknown which lower ids were delivered, so all lower ids in the window count
   * as delivered.
   */
  resume(sequence: Sequence): void {
    this.#next = asNumber(sequence) + 1;
    this.#first = -Infinity;
  }

  freeze(): void {
    this.#frozenFloor = this.#floor();
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
