/** For how long our own back-pressure has paused the reading. */
export class PauseClock {
  #since: number | undefined;
  #total = 0;

  get isPaused(): boolean {
    return this.#since !== undefined;
  }

  /** Milliseconds of all pauses that are over. */
  get total(): number {
    return this.#total;
  }

  begin(now: number): void {
    this.#since ??= now;
  }

  end(now: number): void {
    if (this.#since !== undefined) this.#total += now - this.#since;
    this.#since = undefined;
  }
}
