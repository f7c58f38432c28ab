// Implements `Timer` with Node's `setTimeout`, for delays of any length. This module does not measure time.
import type { Timer } from "./runtime.js";

/** Longest delay of `setTimeout` in milliseconds. Node treats a longer delay as 1 ms. */
const maxDelay = 2 ** 31 - 1;

/** Calls `callback` once after `delay` milliseconds. The delay has no upper limit. */
export function startTimer(delay: number, callback: () => void): Timer {
  return delay <= maxDelay ? new NodeTimer(delay, callback) : new LongTimer(delay, callback);
}

/** A timer for a delay of at most {@link maxDelay}. A single timer of Node implements it. */
class NodeTimer implements Timer {
  readonly #timeout: NodeJS.Timeout;

  constructor(delay: number, callback: () => void) {
    this.#timeout = setTimeout(callback, delay);
  }

  restart(): void {
    this.#timeout.refresh();
  }

  clear(): void {
    clearTimeout(this.#timeout);
  }

  ref(): void {
    this.#timeout.ref();
  }

  unref(): void {
    this.#timeout.unref();
  }
}

/** A timer for a long delay, which uses several timers in sequence. */
class LongTimer implements Timer {
  #timer: Timer;
  #isRef = true;

  constructor(delay: number, callback: () => void) {
    this.#timer = new NodeTimer(maxDelay, () => {
      this.#timer = startTimer(delay - maxDelay, callback);
      if (!this.#isRef) this.#timer.unref();
    });
  }

  clear(): void {
    this.#timer.clear();
  }

  ref(): void {
    this.#isRef = true;
    this.#timer.ref();
  }

  unref(): void {
    this.#isRef = false;
    this.#timer.unref();
  }
}
