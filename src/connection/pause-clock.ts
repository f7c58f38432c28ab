// Measures how long reading was paused. It does not pause reading.

/** Adds up the time for which back-pressure of this client has paused reading. */
export class PauseClock {
  #since: number | undefined;
  #total = 0;

  get isPaused(): boolean {
    return this.#since !== undefined;
  }

  /** Total duration of the finished pauses, in milliseconds. */
  get total(): number {
    return this.#total;
  }

  begin(now: number): void {
    this.#since ??= now;
  }

  /** Returns the duration of the pause in milliseconds; 0 if there was no pause. */
  end(now: number): number {
    const duration = this.#since === undefined ? 0 : now - this.#since;
    this.#total += duration;
    this.#since = undefined;
    return duration;
  }
}
