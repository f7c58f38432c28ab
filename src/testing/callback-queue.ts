/** A first-in, first-out queue of callbacks. It does not call the callbacks. */
export class CallbackQueue {
  #callbacks: (() => void)[] = [];
  #head = 0;

  get length(): number {
    return this.#callbacks.length - this.#head;
  }

  push(callback: () => void): void {
    this.#callbacks.push(callback);
  }

  shift(): (() => void) | undefined {
    const callback = this.#callbacks[this.#head];
    if (callback === undefined) return undefined;
    this.#head++;
    if (this.#head === this.#callbacks.length) {
      this.#callbacks = [];
      this.#head = 0;
    }
    return callback;
  }
}
