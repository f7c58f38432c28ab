// Measures a state that begins and ends again and again. It does not read the clock.

/** Adds up the time between each `begin()` and the next `end()`. */
export class Stopwatch {
  #since: number | undefined;
  #total = 0;

  get isRunning(): boolean {
    return this.#since !== undefined;
  }

  /** The sum of all periods in milliseconds. It includes the current period. */
  totalAt(now: number): number {
    return this.#total + this.#periodAt(now);
  }

  #periodAt(now: number): number {
    return this.#since === undefined ? 0 : now - this.#since;
  }

  begin(now: number): void {
    this.#since ??= now;
  }

  /** Returns the duration of the period in milliseconds; 0 if the stopwatch was not running. */
  end(now: number): number {
    const duration = this.#periodAt(now);
    this.#total += duration;
    this.#since = undefined;
    return duration;
  }
}
