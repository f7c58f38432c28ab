import { RestartableTimer } from "../runtime/restartable-timer.js";
import type { Runtime } from "../runtime/runtime.js";

/** The closing handshake takes at most this many times `closeTimeout`, whatever the progress. */
const maxSpans = 10;

/**
 * The deadline of a closing handshake. It starts again with each progress of a write that the kernel had refused. It stands still
 * while it is held, until {@link makeFinal}.
 */
export class ClosingClock {
  readonly #runtime: Runtime;
  readonly #onExpired: () => void;
  readonly #timer: RestartableTimer;
  #span = 0;
  #end = 0;
  /** What was left of the ten spans when it was held; `undefined` while it runs. */
  #left: number | undefined;
  #isFinal = false;

  constructor(runtime: Runtime, isReferenced: boolean, onExpired: () => void) {
    this.#runtime = runtime;
    this.#timer = new RestartableTimer(runtime, isReferenced);
    this.#onExpired = onExpired;
  }

  get isRunning(): boolean {
    return this.#timer.isSet || this.#left !== undefined;
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
    if (!this.isRunning || this.#end === 0) return;
    this.#arm(Math.min(this.#span, this.#end - this.#runtime.now()));
  }

  /** Stands still: our own back-pressure keeps us from reading the peer's Close. */
  hold(): void {
    if (!this.isRunning || this.#isFinal || this.#left !== undefined) return;
    this.#left = this.#end - this.#runtime.now();
    this.#timer.clear();
  }

  /** Reading goes on, and the peer gets its whole time again. */
  release(): void {
    if (this.#left === undefined) return;
    this.#end = this.#runtime.now() + this.#left;
    this.#left = undefined;
    this.#arm(this.#span);
  }

  /** From now on nothing holds it. One that is held starts again, with all of its time. */
  makeFinal(): void {
    this.#isFinal = true;
    if (this.#left === undefined) return;
    this.#left = undefined;
    this.start(this.#span);
  }

  #arm(delay: number): void {
    if (this.#left === undefined) this.#timer.set(Math.max(delay, 0), this.#onExpired);
  }

  ref(): void {
    this.#timer.ref();
  }

  unref(): void {
    this.#timer.unref();
  }

  stop(): void {
    this.#timer.clear();
    this.#left = undefined;
  }
}
