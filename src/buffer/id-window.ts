import type { Sequence, SequenceWindow, Standing, WindowBounds } from "./sequence-window.js";

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
  #lows: number[] | undefined;
  #firstLow = 0;
  #sequence: Sequence | undefined;
  /** For so many ids more the window may know some that come after the cursor in the stream. */
  #uncertainFor = 0;

  constructor(isNext: IsNext, bounds: WindowBounds) {
    this.#isNext = isNext;
    this.#bounds = bounds;
  }

  get sequence(): Sequence | undefined {
    return this.#sequence;
  }

  advance(id: Sequence): boolean {
    if (this.judge(id) !== "next") return false;
    this.#take(id);
    return true;
  }

  judge(id: Sequence): Standing {
    check(id);
    if (this.#sequence === undefined) return "first";
    if (this.#known.has(id)) return "double";
    if (this.#isNext(this.#sequence, id)) return "next";
    if (typeof id === "number" && id < (this.#sequence as number))
      return this.#isLate(id) ? "late" : "behind";
    return "ahead";
  }

  /** A lower number is known: the stream has delivered what comes before this id. */
  #isLate(id: number): boolean {
    const lows = (this.#lows ??= this.#findLows());
    // The first of them is the lowest number of all.
    return this.#firstLow < lows.length && lows[this.#firstLow]! < id;
  }

  #findLows(): number[] {
    const lows: number[] = [];
    this.#firstLow = 0;
    for (let index = this.#head; index < this.#ids.length; index++) addLow(lows, 0, this.#ids[index]!);
    return lows;
  }

  move(id: Sequence, standing: "next" | "ahead"): void {
    // What is ahead as far as `isNext` can tell may lie before ids that were delivered already.
    if (standing === "ahead") this.#uncertainFor = this.#bounds.size;
    this.#take(id);
  }

  #take(id: Sequence): void {
    this.#sequence = id;
    if (this.#uncertainFor > 0 && !this.#bounds.isFrozen) this.#uncertainFor--;
    this.#remember(id);
  }

  #remember(id: Sequence): void {
    this.#known.set(id, this.#offset + this.#ids.length);
    this.#ids.push(id);
    if (this.#lows !== undefined) addLow(this.#lows, this.#firstLow, id);
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
    const lows = this.#lows;
    if (lows === undefined || lows[this.#firstLow] !== oldest) return;
    if (++this.#firstLow * 2 <= lows.length) return;
    this.#lows = lows.slice(this.#firstLow);
    this.#firstLow = 0;
  }

  fill(id: Sequence): void {
    this.#remember(id);
  }

  /** A cursor that lies before ids delivered already goes on through them. */
  repeat(id: Sequence): void {
    if (this.#uncertainFor > 0 && this.#isNext(this.#sequence!, id)) this.#sequence = id;
  }

  restart(id: Sequence): void {
    this.#known.clear();
    this.#ids = [];
    this.#head = 0;
    this.#offset = 0;
    this.#lows = undefined;
    this.#uncertainFor = 0;
    this.#take(id);
  }

  resume(sequence: Sequence): void {
    check(sequence);
    this.#take(sequence);
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
function addLow(lows: number[], first: number, id: Sequence): void {
  if (typeof id !== "number") return;
  while (lows.length > first && lows.at(-1)! > id) lows.pop();
  lows.push(id);
}

function check(id: Sequence): void {
  if (typeof id === "string" || Number.isFinite(id)) return;
  throw new TypeError(
    `A sequence is a string or a finite number, but replay.sequence gave ${typeof id} ${String(id)}.`,
  );
}
