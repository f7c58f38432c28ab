import type { Timer } from "./runtime.js";

/** What Node can wait at one go; a longer delay it takes for 1 ms. */
const maxDelay = 2 ** 31 - 1;

function onTimeout(timer: NodeTimer): void {
  timer.onTimeout();
}

/** One timer of Node's, or for a long delay several, one after the other. */
export class NodeTimer implements Timer {
  readonly #callback: () => void;
  #remaining: number;
  #isRef = true;
  #timeout: NodeJS.Timeout | undefined;

  constructor(delay: number, callback: () => void) {
    this.#callback = callback;
    this.#remaining = delay;
    this.#wait();
  }

  /** For Node's timer alone. */
  onTimeout(): void {
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

  #wait(): void {
    const delay = Math.min(this.#remaining, maxDelay);
    this.#remaining -= delay;
    this.#timeout = setTimeout(onTimeout, delay, this);
    if (!this.#isRef) this.#timeout.unref();
  }
}
