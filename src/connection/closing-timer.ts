import { RestartableTimer } from "../runtime/restartable-timer.js";
import type { Runtime } from "../runtime/runtime.js";

/** The closing handshake takes at most this many times `closeTimeout`, whatever the progress. */
const maxTimeouts = 10;

/**
 * The deadline of a closing handshake. It starts again with each progress of a write that the kernel had refused. It stands still
 * while it is held, until {@link makeFinal}.
 */
export class ClosingTimer {
  readonly #runtime: Runtime;
  readonly #onExpired: () => void;
  readonly #timer: RestartableTimer;
  #timeout = 0;
  #deadline = 0;
  /** What was left of the ten spans when it was held; `undefined` while it runs. */
  #remaining: number | undefined;
  #isFinal = false;

  constructor(runtime: Runtime, isReferenced: boolean, onExpired: () => void) {
    this.#runtime = runtime;
    this.#timer = new RestartableTimer(runtime, isReferenced);
    this.#onExpired = onExpired;
  }

  get isRunning(): boolean {
    return this.#timer.isSet || this.#remaining !== undefined;
  }

  start(timeout: number): void {
    this.#timeout = timeout;
    this.#deadline = this.#runtime.now() + timeout * maxTimeouts;
    this.#arm(timeout);
  }

  /** The last wait: for the end of the peer's stream, once both Closes are through. */
  startLinger(timeout: number): void {
    this.#deadline = 0;
    this.#arm(timeout);
  }

  progress(): void {
    if (!this.isRunning || this.#deadline === 0) return;
    this.#arm(Math.min(this.#timeout, this.#deadline - this.#runtime.now()));
  }

  /** Stands still: our own back-pressure keeps us from reading the peer's Close. */
  pause(): void {
    if (!this.isRunning || this.#isFinal || this.#remaining !== undefined) return;
    this.#remaining = this.#deadline - this.#runtime.now();
    this.#timer.clear();
  }

  /** Reading goes on, and the peer gets its whole time again. */
  resume(): void {
    if (this.#remaining === undefined) return;
    this.#deadline = this.#runtime.now() + this.#remaining;
    this.#remaining = undefined;
    this.#arm(this.#timeout);
  }

  /** From now on nothing holds it. One that is held starts again, with all of its time. */
  makeFinal(): void {
    this.#isFinal = true;
    if (this.#remaining === undefined) return;
    this.#remaining = undefined;
    this.start(this.#timeout);
  }

  #arm(delay: number): void {
    if (this.#remaining === undefined) this.#timer.set(Math.max(delay, 0), this.#onExpired);
  }

  ref(): void {
    this.#timer.ref();
  }

  unref(): void {
    this.#timer.unref();
  }

  stop(): void {
    this.#timer.clear();
    this.#remaining = undefined;
  }
}
