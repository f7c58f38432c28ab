// The timer of the closing handshake. When the timer expires, it calls a function. It does not close the connection.
import { RestartableTimer } from "../runtime/restartable-timer.js";
import type { Runtime } from "../runtime/runtime.js";

/** The closing handshake takes at most this multiple of `closeTimeout`, even while it makes progress. */
const maxTimeouts = 10;

/**
 * Expires when `closeTimeout` passes without progress. Progress of a blocked write restarts the timer, up to a total of
 * ten timeouts. {@link pause} stops the timer, except after {@link makeFinal}.
 */
export class ClosingTimer {
  readonly #runtime: Runtime;
  readonly #onExpired: () => void;
  readonly #timer: RestartableTimer;
  #timeout = 0;
  #deadline = 0;
  /** The remaining milliseconds of a paused timer; `undefined` while the timer is not paused. */
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

  /** Starts the wait for the end of the peer's stream, after both Close frames. Progress does not extend this wait. */
  startLinger(timeout: number): void {
    this.#deadline = 0;
    this.#arm(timeout);
  }

  progress(): void {
    if (!this.isRunning || this.#deadline === 0) return;
    this.#arm(Math.min(this.#timeout, this.#deadline - this.#runtime.now()));
  }

  /** Stops the timer while this client does not read, because the client cannot receive the peer's Close frame. */
  pause(): void {
    if (!this.isRunning || this.#isFinal || this.#remaining !== undefined) return;
    this.#remaining = this.#deadline - this.#runtime.now();
    this.#timer.clear();
  }

  /** Restarts the timer with a whole timeout, because the client reads again. */
  resume(): void {
    if (this.#remaining === undefined) return;
    this.#deadline = this.#runtime.now() + this.#remaining;
    this.#remaining = undefined;
    this.#arm(this.#timeout);
  }

  /** Disables {@link pause}. A paused timer starts again with its whole time. */
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
