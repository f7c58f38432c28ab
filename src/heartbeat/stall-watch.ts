// Detects a mutual stall: for a whole timeout, reading is paused because of back-pressure and a write makes no
// progress. This module sets no timer and closes nothing. Times are in milliseconds.

/** Detects the state in which both peers have stopped reading and wait for each other forever. */
export class StallWatch {
  readonly #timeout: number;
  #pausedSince: number | undefined;

  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  /** Reading was paused. */
  pause(now: number): void {
    this.#pausedSince ??= now;
  }

  /** Reading has resumed. */
  resume(): void {
    this.#pausedSince = undefined;
  }

  /**
   * Returns the time at which {@link isStalled} must be called next; Infinity while reading is not paused. If {@link
   * isStalled} is called at these times, a stall is detected at most two timeouts after the stall began.
   * @param blockedSince - The start time of the write that the kernel has not accepted yet; `undefined` if there is no
   * such write.
   */
  nextAt(now: number, blockedSince: number | undefined): number {
    if (this.#pausedSince === undefined) return Infinity;
    return (blockedSince === undefined ? now : Math.max(this.#pausedSince, blockedSince)) + this.#timeout;
  }

  /**
   * Returns whether both sides are stalled. A blocked event loop may also cause `true`. If the result is `true`, the
   * caller must let one turn of the event loop read and write pending data, then call this method again.
   */
  isStalled(now: number, blockedSince: number | undefined): boolean {
    if (this.#pausedSince === undefined || blockedSince === undefined) return false;
    return now >= this.nextAt(now, blockedSince);
  }
}
