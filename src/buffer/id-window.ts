import type { Sequence, SequenceWindow, Standing, WindowBounds } from "./sequence-window.js";

/** Whether `current` follows `previous` with nothing between them. */
export type IsNext = (previous: Sequence, current: Sequence) => boolean;

/** The window of a stream whose order only the user knows: the ids themselves, the oldest forgotten first. */
export class IdWindow implements SequenceWindow {
  readonly isOrdered = false;
  readonly expected = undefined;
  readonly #isNext: IsNext;
  readonly #bounds: WindowBounds;
  readonly #known = new Set<Sequence>();
  /** The known ids as they were taken, behind `#head` others that are forgotten. */
  #ids: (Sequence | undefined)[] = [];
  #head = 0;
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

  #isLate(id: number): boolean {
    return this.#ids.some((known, index) => index >= this.#head && (known as number) < id);
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
    this.#known.add(id);
    this.#ids.push(id);
    if (this.#bounds.isFrozen) return;
    while (this.#known.size > this.#bounds.size) {
      this.#known.delete(this.#ids[this.#head]!);
      this.#ids[this.#head++] = undefined;
    }
    if (this.#head > 64 && this.#head * 2 > this.#ids.length) {
      this.#ids = this.#ids.slice(this.#head);
      this.#head = 0;
    }
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
    const index = this.#ids.indexOf(id, this.#head);
    // An id that is forgotten already was delivered before all that is known.
    if (index < 0) return this.#ids[this.#head];
    return index > this.#head ? this.#ids[index - 1] : undefined;
  }
}

function check(id: Sequence): void {
  if (typeof id === "string" || Number.isFinite(id)) return;
  throw new TypeError(
    `A sequence is a string or a finite number, but replay.sequence gave ${typeof id} ${String(id)}.`,
  );
}
