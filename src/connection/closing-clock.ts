import type { Runtime, Timer } from "../runtime/runtime.js";

/** In any case the closing handshake takes no longer than so many times `closeTimeout`. */
const maxSpans = 10;

/** The deadline of a closing handshake: it starts anew with each progress of a write that the kernel had refused. */
export class ClosingClock {
  readonly #runtime: Runtime;
  readonly #onExpired: () => void;
  #timer: Timer | undefined;
  #span = 0;
  #end = 0;
  #isReferenced = true;

  constructor(runtime: Runtime, onExpired: () => void) {
    this.#runtime = runtime;
    this.#onExpired = onExpired;
  }

  get isRunning(): boolean {
    return this.#timer !== undefined;
  }

  start(span: number): void {
    this.#span = span;
    this.#end = this.#runtime.now() + span * maxSpans;
    this.#arm(span);
  }

  /** The last wait: for the end of the peer's stream, once both Closes are through. */
  startLast(span: number): void {
    this.#end = 0;
    this.#arm(span);
  }

  progress(): void {
    if (this.#timer === undefined || this.#end === 0) return;
    this.#arm(Math.min(this.#span, this.#end - this.#runtime.now()));
  }

  #arm(delay: number): void {
    this.stop();
    this.#timer = this.#runtime.setTimer(Math.max(delay, 0), this.#onExpired);
    if (!this.#isReferenced) this.#timer.unref();
  }

  ref(): void {
    this.#isReferenced = true;
    this.#timer?.ref();
  }

  unref(): void {
    this.#isReferenced = false;
    this.#timer?.unref();
  }

  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }
}
