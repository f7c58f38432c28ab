import type { Sequence, SequenceWindow, SequenceStatus, WindowBounds } from "./sequence-window.js";

/** Whether `current` follows `previous` with nothing between them. */
export type IsNext = (previous: Sequence, current: Sequence) => boolean;

/** The window of a stream whose order only the user knows: the ids themselves, the oldest forgotten first. */
export class IdWindow implements SequenceWindow {
  readonly isOrdered = false;
  readonly expected = undefined;
  readonly #isNext: IsNext;
  readonly #bounds: WindowBounds;
  /** The known ids, and how many were taken before each of them. */
  readonly #known = new Map<Sequence, number>();
  /** The known ids as they were taken, behind `#head` others that are forgotten. */
  #ids: (Sequence | undefined)[] = [];
  #head = 0;
  /** How many ids were taken before the first of `#ids`. */
  #offset = 0;
  /** From the first id on that may be late: the known numbers that are lower than all that were taken after them. */
  #suffixMinima: number[] | undefined;
  #firstMinimum = 0;
  #sequence: Sequence | undefined;
  /** For so many ids more the window may know some that come after the cursor in the stream. */
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

  /** A lower number is known: the stream has delivered what comes before this id. */
  #isLate(id: number): boolean {
    const suffixMinima = (this.#suffixMinima ??= this.#findSuffixMinima());
    // The first of them is the lowest number of all.
    return this.#firstMinimum < suffixMinima.length && suffixMinima[this.#firstMinimum]! < id;
  }

  #findSuffixMinima(): number[] {
    const suffixMinima: number[] = [];
    this.#firstMinimum = 0;
    for (let index = this.#head; index < this.#ids.length; index++) addMinimum(suffixMinima, 0, this.#ids[index]!);
    return suffixMinima;
  }

  move(id: Sequence, status: "next" | "ahead"): void {
    // What is ahead as far as `isNext` can tell may lie before ids that were delivered already.
    if (status === "ahead") this.#uncertainIdCount = this.#bounds.size;
    this.#accept(id);
  }

  #accept(id: Sequence): void {
    this.#sequence = id;
    if (this.#uncertainIdCount > 0 && !this.#bounds.isFrozen) this.#uncertainIdCount--;
    this.#remember(id);
  }

  #remember(id: Sequence): void {
    this.#known.set(id, this.#offset + this.#ids.length);
    this.#ids.push(id);
    if (this.#suffixMinima !== undefined) addMinimum(this.#suffixMinima, this.#firstMinimum, id);
    if (this.#bounds.isFrozen) return;
    while (this.#known.size > this.#bounds.size) this.#forgetOldest();
    if (this.#head > 64 && this.#head * 2 > this.#ids.length) {
      this.#ids = this.#ids.slice(this.#head);
      this.#offset += this.#head;
      this.#head = 0;
    }
  }

  #forgetOldest(): void {
    const oldest = this.#ids[this.#head]!;
    this.#known.delete(oldest);
    this.#ids[this.#head++] = undefined;
    const suffixMinima = this.#suffixMinima;
    if (suffixMinima === undefined || suffixMinima[this.#firstMinimum] !== oldest) return;
    if (++this.#firstMinimum * 2 <= suffixMinima.length) return;
    this.#suffixMinima = suffixMinima.slice(this.#firstMinimum);
    this.#firstMinimum = 0;
  }

  fill(id: Sequence): void {
    this.#remember(id);
  }

  /** A cursor that lies before ids delivered already goes on through them. */
  repeat(id: Sequence): void {
    if (this.#uncertainIdCount > 0 && this.#isNext(this.#sequence!, id)) this.#sequence = id;
  }

  restart(id: Sequence): void {
    this.#known.clear();
    this.#ids = [];
    this.#head = 0;
    this.#offset = 0;
    this.#suffixMinima = undefined;
    this.#uncertainIdCount = 0;
    this.#accept(id);
  }

  resume(sequence: Sequence): void {
    assertSequence(sequence);
    this.#accept(sequence);
  }

  freeze(): void {
    // The bounds say it, when an id is taken.
  }

  before(id: Sequence): Sequence | undefined {
    const position = this.#known.get(id);
    // An id that is forgotten already was delivered before all that is known.
    if (position === undefined) return this.#ids[this.#head];
    const index = position - this.#offset;
    return index > this.#head ? this.#ids[index - 1] : undefined;
  }
}

/** Adds what was taken last. Higher numbers before it can never be the lowest again. */
function addMinimum(suffixMinima: number[], first: number, id: Sequence): void {
  if (typeof id !== "number") return;
  while (suffixMinima.length > first && suffixMinima.at(-1)! > id) suffixMinima.pop();
  suffixMinima.push(id);
}

function assertSequence(id: Sequence): void {
  if (typeof id === "string" || Number.isFinite(id)) return;
  throw new TypeError(
    `A sequence is a string or a finite number, but replay.sequence gave ${typeof id} ${String(id)}.`,
  );
}
