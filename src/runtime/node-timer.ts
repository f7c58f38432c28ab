// Implements `Timer` with Node's `setTimeout`, for delays of any length.
import type { Timer } from "./runtime.js";

/** Longest delay of `setTimeout` in milliseconds. Node treats a longer delay as 1 ms. */
const maxDelay = 2 ** 31 - 1;

/** Calls `callback` once after `delay` milliseconds. The delay has no upper limit. */
export function startTimer(delay: number, callback: () => void): Timer {
  return delay <= maxDelay ? new NodeTimer(delay, callback) : new LongTimer(delay, callback);
}

/** A timer that needs one Node timer. */
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

/** A timer that uses several Node timers in sequence. */
class LongTimer implements Timer {
  readonly #callback: () => void;
  #remaining: number;
  #isRef = true;
  #timeout: NodeJS.Timeout | undefined;

  constructor(delay: number, callback: () => void) {
    this.#callback = callback;
    this.#remaining = delay;
    this.#wait();
  }

  #wait(): void {
    const delay = Math.min(this.#remaining, maxDelay);
    this.#remaining -= delay;
    this.#timeout = setTimeout(() => this.#onTimeout(), delay);
    if (!this.#isRef) this.#timeout.unref();
  }

  #onTimeout(): void {
    this.#timeout = undefined;
    if (this.#remaining > 0) this.#wait();
    else this.#callback();
  }

  clear(): void {
    clearTimeout(this.#timeout);
    this.#timeout = undefined;
  }

  ref(): void {
    this.#isRef = true;
    this.#timeout?.ref();
  }

  unref(): void {
    this.#isRef = false;
    this.#timeout?.unref();
  }
}
