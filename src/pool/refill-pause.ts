/** Decides how long a pool waits before it opens the connections of `min` again. It opens nothing. */
import type { Runtime, Timer } from "../index.js";
import { longestPause, pauseAfter } from "./endpoints.js";

export class RefillPause {
  readonly #runtime: Runtime;
  readonly #onEnd: () => void;
  #timer: Timer | undefined;
  #failures = 0;
  #failedAt = -Infinity;

  /** @param onEnd - Called when a pause has passed. */
  constructor(runtime: Runtime, onEnd: () => void) {
    this.#runtime = runtime;
    this.#onEnd = onEnd;
  }

  get isOn(): boolean {
    return this.#timer !== undefined;
  }

  /**
   * Counts a failed attempt, or an unused connection that was lost early. The pauses after losses begin shorter, and a
   * single loss needs none, because it is normal.
   *
   * @returns the milliseconds to wait, at most; 0 if no pause is necessary.
   */
  onFailed(isLoss: boolean): number {
    const now = this.#runtime.now();
    // Pauses are shorter than this, so a service that fails again and again does not begin again.
    if (now - this.#failedAt > 2 * longestPause) this.#failures = 0;
    this.#failedAt = now;
    this.#failures++;
    if (!isLoss) return pauseAfter(this.#failures);
    return this.#failures === 1 ? 0 : pauseAfter(this.#failures - 4);
  }

  /** Begins a pause of `longest / 2` to `longest` milliseconds. */
  begin(longest: number): void {
    this.end();
    this.#timer = this.#runtime.setTimer(longest / 2 + (this.#runtime.random() * longest) / 2, () => {
      this.#timer = undefined;
      this.#onEnd();
    });
  }

  /** Ends a pause without a call of `onEnd`. */
  end(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }
}
