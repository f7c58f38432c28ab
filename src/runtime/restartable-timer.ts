// Keeps at most one pending timer, and remembers whether `ref()` or `unref()` was called. This module does not repeat
// the timer.
import type { Runtime, Timer } from "./runtime.js";

/** A timer that can be set again and again. `ref()` and `unref()` apply to the current timer and to later timers. */
export class RestartableTimer {
  readonly #runtime: Pick<Runtime, "setTimer">;
  #timer: Timer | undefined;
  #isReferenced: boolean;

  constructor(runtime: Pick<Runtime, "setTimer">, isReferenced: boolean = true) {
    this.#runtime = runtime;
    this.#isReferenced = isReferenced;
  }

  get isSet(): boolean {
    return this.#timer !== undefined;
  }

  /** Replaces the current timer. A timer that has fired still counts as set until {@link clear} is called. */
  set(delay: number, callback: () => void): void {
    this.#timer?.clear();
    this.#timer = this.#runtime.setTimer(delay, callback);
    if (!this.#isReferenced) this.#timer.unref();
  }

  clear(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  ref(): void {
    this.#isReferenced = true;
    this.#timer?.ref();
  }

  unref(): void {
    this.#isReferenced = false;
    this.#timer?.unref();
  }
}
