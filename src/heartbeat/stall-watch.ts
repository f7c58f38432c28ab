/**
 * Sees two sides that wait for each other: our own back-pressure has paused the reading, and the kernel has refused a
 * write that makes no progress, both for the whole of a timeout. Times are milliseconds.
 */
export class StallWatch {
  readonly #timeout: number;
  #pausedSince: number | undefined;

  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  /** The reading is paused. */
  pause(now: number): void {
    this.#pausedSince ??= now;
  }

  /** The reading goes on. */
  resume(): void {
    this.#pausedSince = undefined;
  }

  /**
   * When {@link isStalled} is to be asked; Infinity while the reading goes on. A write that is refused later is seen then,
   * and found within two timeouts.
   * @param blockedSince - When the refused write has last made progress, or was refused; `undefined` where none is.
   */
  nextAt(now: number, blockedSince: number | undefined): number {
    if (this.#pausedSince === undefined) return Infinity;
    return (blockedSince === undefined ? now : Math.max(this.#pausedSince, blockedSince)) + this.#timeout;
  }

  /**
   * Whether it is so. An answer of `true` may come from a loop that stood still: what the kernel holds is to be read, and
   * what it takes written, for one turn of I/O; then this is to be asked again.
   */
  isStalled(now: number, blockedSince: number | undefined): boolean {
    if (this.#pausedSince === undefined || blockedSince === undefined) return false;
    return now >= this.nextAt(now, blockedSince);
  }
}
